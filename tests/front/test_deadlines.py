"""Tests of `proxy.front.deadlines`."""

import pytest
from twisted.internet.task import Clock

from proxy.front.deadlines import Deadlines


class Watched:
    """Somebody whose deadline a test moves."""

    def __init__(self, due):
        self.bucket = 0
        self.deadline = due
        self.expired = 0

    def due(self):
        return self.deadline

    def expire(self):
        self.expired += 1


@pytest.fixture
def clock():
    """A clock that does not stand at zero."""
    clock = Clock()
    clock.advance(1000)
    return clock


@pytest.fixture
def deadlines(clock):
    """Deadlines that tick."""
    deadlines = Deadlines(clock)
    deadlines.start()
    return deadlines


def pass_time(clock, seconds):
    """Let time pass second by second."""
    for _ in range(seconds):
        clock.advance(1)


def test_a_deadline_passes_once(clock, deadlines):
    """It is told within a second, and not again."""
    watched = Watched(1005.5)
    deadlines.watch(watched)
    assert repr(deadlines) == "<Deadlines of 1>"
    pass_time(clock, 5)
    assert watched.expired == 0
    pass_time(clock, 2)
    assert watched.expired == 1
    pass_time(clock, 10)
    assert watched.expired == 1
    assert repr(deadlines) == "<Deadlines of 0>"


def test_a_deadline_that_was_put_off_is_looked_at_again(clock, deadlines):
    """Activity costs nothing: the later deadline is found when the old one comes."""
    watched = Watched(1002)
    deadlines.watch(watched)
    watched.deadline = 1020
    pass_time(clock, 19)
    assert watched.expired == 0
    pass_time(clock, 2)
    assert watched.expired == 1


def test_an_earlier_deadline_is_watched_anew(clock, deadlines):
    """Watching again moves the deadline forward, and the old one does not count."""
    watched = Watched(1100)
    deadlines.watch(watched)
    watched.deadline = 1003
    deadlines.watch(watched)
    pass_time(clock, 4)
    assert watched.expired == 1
    pass_time(clock, 120)
    assert watched.expired == 1


def test_a_deadline_in_the_past_passes_at_the_next_tick(clock, deadlines):
    """Whoever is watched too late is not forgotten for good."""
    pass_time(clock, 3)
    watched = Watched(1001)
    deadlines.watch(watched)
    pass_time(clock, 1)
    assert watched.expired == 1


def test_no_deadline_is_passed_over_when_ticks_come_late(clock, deadlines):
    """One tick after ten seconds looks at all that have passed."""
    crowd = [Watched(1000.5 + second) for second in range(12)]
    for watched in crowd:
        deadlines.watch(watched)
    clock.advance(10)
    assert [watched.expired for watched in crowd] == [1] * 10 + [0] * 2


def test_who_is_gone_is_forgotten(clock, deadlines):
    """Neither a first nor a second farewell disturbs the others."""
    gone, stays = Watched(1003), Watched(1003)
    deadlines.watch(gone)
    deadlines.watch(stays)
    deadlines.forget(gone)
    deadlines.forget(gone)
    pass_time(clock, 5)
    assert (gone.expired, stays.expired) == (0, 1)
    deadlines.forget(stays)


def test_now_is_the_time_of_the_last_tick(clock, deadlines):
    """Good enough to mark activity with."""
    clock.advance(0.5)
    assert deadlines.now == 1000
    clock.advance(0.5)
    assert deadlines.now == 1001


def test_stopped_deadlines_do_not_tick(clock, deadlines):
    """After a stop no timer is left; a stop without a start is nothing."""
    deadlines.stop()
    Deadlines(clock).stop()
    assert clock.getDelayedCalls() == []
