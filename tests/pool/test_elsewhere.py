"""Tests of `proxy.pool.elsewhere`."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from proxy.policy.gtids import parse
from proxy.pool.board import Board
from proxy.pool.elsewhere import TELL_SECONDS, Elsewhere

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


def position(number):
    """The position of one transaction."""
    return parse(f"{UUID}:{number}")


class Workers:
    """Some workers of one proxy, with what each has told.

    Attributes:
        news: By seat, what was told and not heard yet.
    """

    def __init__(self, size):
        self.clock = Clock()
        self.board = Board.make()
        self.news = {}
        self.ones = {seat: self.begin(seat) for seat in range(1, size + 1)}

    def begin(self, seat):
        """Who takes a seat."""
        told = self.news[seat] = []

        def tell(news):
            told.append(json.loads(json.dumps(news)))

        return Elsewhere("shop", self.board, seat, self.clock, tell)

    def hear(self, seat):
        """What all others hear of one, by seat."""
        self.clock.advance(TELL_SECONDS)
        told, self.news[seat][:] = [*self.news[seat]], []
        return {
            other: [found for news in told for found in one.hear(seat, news)]
            for other, one in self.ones.items()
            if other != seat
        }


@pytest.fixture
def workers():
    """Two of them."""
    workers = Workers(2)
    yield workers
    workers.board.close()


def test_what_was_heard_is_no_news(workers):
    """And what was not is, once."""
    one, other = workers.ones.values()
    slot = one.slot("app")
    assert not other.is_news(slot)
    one.note("app", position(1))
    assert workers.hear(1) == {2: [(slot, position(1))]}
    assert not other.is_news(slot)
    one.note("app", position(2))
    assert other.is_news(slot)
    assert not other.is_news(slot)
    assert workers.hear(1) == {2: []}  # it was seen on the board
    one.note("app", position(3))
    assert workers.hear(1) == {2: [(slot, position(3))]}
    assert not other.is_news(slot)


def test_ones_own_writes_are_no_news(workers):
    """Whatever others have told before."""
    one, other = workers.ones.values()
    slot = one.slot("app")
    other.note("app", position(1))
    workers.hear(2)
    one.note("app", position(2))
    assert not one.is_news(slot)


def test_writes_are_gathered(workers):
    """For some milliseconds; one that nobody knows spoils the others."""
    one = workers.ones[1]
    slot, second = one.slot("app"), one.slot("other")
    assert slot != second
    one.note("app", position(1))
    one.note("app", position(2))
    one.note("other", position(7))
    one.note("other", None)
    one.note("other", position(8))
    assert "2 to be told" in repr(one)
    assert workers.hear(1) == {2: [(slot, parse(f"{UUID}:1-2")), (second, None)]}
    assert workers.hear(1) == {2: []}


def test_what_a_new_writer_may_lack_is_not_told(workers):
    """Only that something was written."""
    one = workers.ones[1]
    one.note("app", position(1))
    one.forget_positions()
    assert workers.hear(1) == {2: [(one.slot("app"), None)]}


def test_what_a_worker_did_not_tell_before_it_died_is_news(workers):
    """To those who read, and to those who hear of who comes after it."""
    one, other = workers.ones.values()
    slot = one.slot("app")
    third = workers.ones[3] = workers.begin(3)
    one.note("app", position(1))
    one.stop()
    assert other.is_news(slot)
    fresh = workers.ones[1] = workers.begin(1)
    fresh.note("app", position(2))
    assert fresh.is_news(slot)  # it does not know it either
    fresh.note("app", position(3))
    assert not fresh.is_news(slot)
    assert workers.hear(1) == {2: [(slot, parse(f"{UUID}:2-3"))], 3: [(slot, None)]}
    assert not third.is_news(slot)


def test_what_was_announced_is_news_before_it_is_known(workers):
    """And is told as unknown, where it is not known in time."""
    one, other = workers.ones.values()
    slot, session, second = one.slot("app"), object(), object()
    one.announce("app", session)
    assert other.is_news(slot)
    assert not one.is_news(slot)
    one.note("app", position(1), session)
    assert other.is_news(slot)
    assert workers.hear(1) == {2: []}
    one.announce("app", session)
    one.note("app", position(2), session)
    one.announce("app", second)
    assert workers.hear(1) == {2: [(slot, None)]}
    one.note("app", position(3), second)
    assert workers.hear(1) == {2: [(slot, position(3))]}
    one.announce("app", session)
    one.note("app", position(4), session)
    assert workers.hear(1) == {2: [(slot, position(4))]}


def test_what_comes_late_says_nothing_of_what_was_announced_since(workers):
    """A long answer was announced and told; its position lacks what another one writes."""
    one = workers.ones[1]
    slot, long, short = one.slot("app"), object(), object()
    one.announce("app", long)
    assert workers.hear(1) == {2: [(slot, None)]}
    one.announce("app", short)
    one.note("app", position(1), long)
    assert workers.hear(1) == {2: [(slot, None)]}
    one.note("app", position(2), short)
    assert workers.hear(1) == {2: [(slot, position(2))]}


def test_nor_does_one_of_several_positions_of_an_answer(workers):
    """It is announced with each of its parts, and each of its transactions is noted."""
    one = workers.ones[1]
    slot, several, other = one.slot("app"), object(), object()
    one.announce("app", other)
    one.announce("app", several)
    one.note("app", position(1), several)
    one.note("app", position(2), several)
    assert workers.hear(1) == {2: [(slot, None)]}
    for _ in range(3):
        one.announce("app", several)
    one.note("app", position(3), several)
    assert workers.hear(1) == {2: [(slot, position(3))]}


def test_who_begins_has_heard_nothing(workers):
    """What was written before it came is news."""
    one = workers.ones[1]
    one.note("app", position(1))
    workers.hear(1)
    fresh = workers.begin(3)
    assert fresh.is_news(one.slot("app"))


def test_who_has_stopped_tells_nothing(workers):
    """Nor does its timer run."""
    workers.ones[1].note("app", position(1))
    workers.ones[1].stop()
    assert workers.clock.getDelayedCalls() == []


class Course:
    """Sessions of one user that write by way of some workers, and another one that reads.

    Attributes:
        heard: What clients have been told that they have written.
        had: What the reader knows that was written.
    """

    def __init__(self):
        self.workers = Workers(3)
        self.reader = self.workers.ones[3]
        self.slot = self.reader.slot("app")
        self.committed, self.heard, self.had = 0, set(), set()
        self.answers = {}  # of sessions: what was announced and not noted yet

    def commit(self, session, seat):
        """Something is committed, and its client is about to hear."""
        self.committed += 1
        self.workers.ones[seat].announce("app", session)
        self.heard.add(self.committed)
        self.answers.setdefault((session, seat), []).append(self.committed)

    def note(self, session, seat):
        """An answer has ended."""
        for number in self.answers.pop((session, seat), ()):
            self.workers.ones[seat].note("app", position(number), session)

    def doubt(self, session, seat):
        """It was lost; what was committed is not said."""
        self.committed += 1
        self.heard.add(self.committed)
        self.answers.pop((session, seat), None)
        self.workers.ones[seat].note("app", None)

    def leave(self, session, seat):
        """Nothing more is heard of an answer."""
        self.answers.pop((session, seat), None)

    def tell(self, _, seat):
        """A message comes to the reader."""
        for found in self.workers.hear(seat)[3]:
            self._learn(found[1])

    def read(self, *_):
        """Somebody reads, and asks where it does not know."""
        if self.reader.is_news(self.slot):
            self._learn(None)

    def check(self):
        """Whoever reads and does not ask knows what clients were told."""
        if self.reader._heard.get(self.slot) == self.workers.board.row(self.slot):
            assert self.heard <= self.had

    def _learn(self, found):
        if found is None:  # the writer is asked
            self.had |= {*range(1, self.committed + 1)}
        else:
            self.had |= {n for n in range(1, self.committed + 1) if found.contains(position(n))}


LONG, SHORT, THIRD = ("a", 1), ("b", 1), ("c", 2)
FEW = (*itertools.product(("commit", "note"), (LONG, SHORT)), ("tell", LONG))
ALL = (*itertools.product(("commit", "note", "doubt", "leave"), (LONG, SHORT, THIRD)),)
READER = (*itertools.product(("tell", "read"), (LONG, THIRD)),)


def follow(acts):
    """Let this happen; what is written when all is told is then told as it is."""
    course = Course()
    try:
        for act, session in acts:
            getattr(course, act)(*session)
            course.check()
        for seat in (1, 2):
            course.tell(None, seat)
        course.read()
        course.check()
        course.commit("d", 1)
        course.note("d", 1)
        assert course.workers.hear(1)[3] == [(course.slot, position(course.committed))]
    finally:
        course.workers.board.close()


def test_who_reads_knows_of_all_that_clients_were_told():
    """Whatever two sessions write, in each order in which it is announced, noted and told."""
    for acts in itertools.product(FEW, repeat=5):
        follow(acts)


@given(st.lists(st.sampled_from((*ALL, *READER, *READER)), min_size=10))
def test_so_it_does_whatever_else_happens(acts):
    """More sessions, by way of two workers; answers that are lost, and others who read."""
    follow(acts)
