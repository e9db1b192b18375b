"""Tests of `proxy.pool.elsewhere`."""

from __future__ import annotations

import json

import pytest
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
    slot = one.slot("app")
    one.announce("app")
    assert other.is_news(slot)
    assert not one.is_news(slot)
    one.note("app", position(1))
    assert other.is_news(slot)
    assert workers.hear(1) == {2: []}
    one.announce("app")
    one.note("app", position(2))
    one.announce("app")
    assert workers.hear(1) == {2: [(slot, None)]}
    one.note("app", position(3))
    assert workers.hear(1) == {2: [(slot, position(3))]}
    one.announce("app")
    one.note("app", position(4))
    assert workers.hear(1) == {2: [(slot, position(4))]}


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
