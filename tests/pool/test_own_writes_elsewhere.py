"""Tests of `proxy.pool.own_writes`: what users write by way of other workers."""

from __future__ import annotations

import pytest

from proxy.policy.gtids import Position, parse
from proxy.pool.board import Board
from proxy.pool.elsewhere import TELL_SECONDS, Elsewhere
from tests.pool.test_own_writes import begin, needed, told, wrote
from tests.support.borrow import BARE, KEY
from tests.support.host import UUID
from tests.support.replicated import Replicated


@pytest.fixture
def group():
    """A writer and a reader, and a client that has been served once."""
    group = Replicated("a", "b").be_well()
    group.writing = group.client()
    return group


class Colleague:
    """Another worker: what it counts on the board, and tells.

    Attributes:
        told: What it is told.
    """

    def __init__(self, group):
        self.group, self.told = group, []
        self.board = Board.make()
        self.ours = Elsewhere("shop", self.board, 1, group.clock, self.told.append)
        self.news = []
        self._theirs = Elsewhere("shop", self.board, 2, group.clock, self.news.append)
        group.own_writes._elsewhere = self.ours

    def write(self, *texts, user="app"):
        """Commit something there, of which the reader knows nothing."""
        for text in texts:
            self._theirs.note(user, parse(text) if text else None)

    def tell(self):
        """Let it tell what it has not told."""
        self.group.run(TELL_SECONDS)
        for news in self.news:
            self.group.own_writes.hear(2, news)
        self.news.clear()


@pytest.fixture
def colleague(group):
    """Another worker beside the group's."""
    wrote(group, told(f"{UUID}:5"))  # so that it is known that writers tell
    colleague = Colleague(group)
    yield colleague
    colleague.board.close()


def test_what_another_worker_tells_is_needed_too(group, colleague):
    """Nothing is asked then."""
    colleague.write(f"{UUID}:6")
    colleague.tell()
    assert not group.own_writes.is_met("app", group.pool("b"))
    assert needed(group) == [parse(f"{UUID}:5-6")]
    assert group.asked == 0
    assert group.own_writes.is_met("other", group.pool("b"))


def test_what_another_worker_has_not_told_yet_is_asked_for(group, colleague):
    """Once, of the writer, for all that it has done until then."""
    group.commit("a")
    colleague.write(f"{UUID}:6")
    reader = group.pool("b")
    assert not group.own_writes.is_met("app", reader)
    assert needed(group) == [parse(f"{UUID}:1-6")]
    assert group.asked == 1
    colleague.tell()
    assert needed(group) == [parse(f"{UUID}:1-6")]
    assert group.asked == 1
    group.own_writes.saw(reader, parse(f"{UUID}:1-6"))
    assert group.own_writes.is_met("app", reader)


def test_what_nobody_knows_elsewhere_is_asked_for(group, colleague):
    """As what nobody knows here."""
    colleague.write(None)
    colleague.tell()
    assert needed(group) == [parse(f"{UUID}:1-5")]
    assert group.asked == 1


def test_what_is_written_here_is_told(group, colleague):
    """Positions, and that something was written of which nobody knows what."""
    wrote(group, told(f"{UUID}:7"))
    group.run(TELL_SECONDS)
    group.own_writes.doubt("app")
    group.run(TELL_SECONDS)
    slot = str(colleague.ours.slot("app"))
    assert colleague.told == [{slot: (0, 1, f"{UUID}:7")}, {slot: (1, 2, None)}]


def test_doubts_that_are_no_writes_are_not_told(group, colleague):
    """That the writer is another one, each worker hears by itself."""
    group.own_writes.writer_changed(None)
    assert needed(group) == [parse(f"{UUID}:1-5")]
    group.run(TELL_SECONDS)
    assert colleague.told == []


def test_what_a_new_writer_may_lack_is_told_without_its_position(group, colleague):
    """Nobody shall wait for it."""
    wrote(group, told(f"{UUID}:7"))
    group.own_writes.writer_changed(None)
    group.run(TELL_SECONDS)
    assert colleague.told == [{str(colleague.ours.slot("app")): (0, 1, None)}]


def test_what_never_comes_from_elsewhere_is_not_waited_for_again(group, colleague):
    """As what never comes from here."""
    colleague.write(f"{UUID}:99")
    colleague.tell()
    _, ended = begin(group.own_writes.comes(KEY, BARE, group.pool("b")))
    group.run(0.5)
    assert ended == []
    group.run(0.6)
    assert ended == [False]
    assert needed(group) == [parse(f"{UUID}:1-5")]


def test_what_a_dead_worker_has_left_is_asked_for(group, colleague):
    """By whoever takes its seat, too."""
    colleague.board.add(colleague.ours.slot("app"), 1)  # by the one before
    group.commit("a")
    wrote(group, told(f"{UUID}:6"))
    assert needed(group) == [parse(f"{UUID}:1-6")]
    assert group.asked == 1


def test_what_is_about_to_be_heard_is_counted_first(group, colleague):
    """Before anybody knows what it is."""
    assert group.own_writes.announces
    group.own_writes.announce(group.writing.client.session)
    slot = colleague.ours.slot("app")
    assert colleague.board.count(slot, 1) == 1
    assert needed(group) == [parse(f"{UUID}:5")]  # here it is known when it is


def test_what_a_long_answer_has_written_says_nothing_of_another_one(group, colleague):
    """It was announced and told long ago when the other one is announced."""
    long, short = group.writing, group.client()
    slot = str(colleague.ours.slot("app"))
    group.own_writes.announce(long.client.session)
    group.run(TELL_SECONDS)
    group.own_writes.announce(short.client.session)
    wrote(group, told(f"{UUID}:7", f"{UUID}:8"))
    group.run(TELL_SECONDS)
    assert colleague.told == [{slot: (0, 1, None)}, {slot: (1, 4, None)}]
    wrote(group, told(f"{UUID}:9"))
    group.run(TELL_SECONDS)
    assert colleague.told[2:] == [{slot: (4, 5, f"{UUID}:9")}]


def test_who_has_no_colleagues_hears_of_none(group):
    """Whatever is told."""
    assert not group.own_writes.announces
    group.own_writes.announce(group.writing.client.session)
    group.own_writes.hear(2, {"1": (0, 1, None)})
    assert needed(group) == [Position()]


def test_who_stops_tells_nothing(group, colleague):
    """Not even what it has not told yet."""
    wrote(group, told(f"{UUID}:7"))
    group.own_writes.stop()
    group.run(1)
    assert colleague.told == []
