"""Tests of `proxy.failover.graces`."""

from __future__ import annotations

from twisted.internet.task import Clock

from proxy.failover.graces import Graces


class Pool:
    """Notes when it was cut off."""

    def __init__(self, clock):
        self._clock = clock
        self.cut = []

    def cut_off(self, why):
        self.cut.append((self._clock.seconds(), why))


def test_a_pool_is_cut_off_after_its_time_and_not_before():
    """Each for itself."""
    clock = Clock()
    graces, one, other = Graces(clock, 5), Pool(clock), Pool(clock)
    graces.grant(one, "first")
    clock.advance(2)
    graces.grant(other, "second")
    assert repr(graces) == "<Graces for 2 pools>"
    clock.pump([2.9, 0.1, 2])
    assert (one.cut, other.cut) == ([(5, "first")], [(7, "second")])
    assert repr(graces) == "<Graces for 0 pools>"


def test_a_time_that_is_granted_again_begins_anew():
    """The first one ends nothing."""
    clock = Clock()
    graces, pool = Graces(clock, 5), Pool(clock)
    graces.grant(pool, "first")
    clock.advance(4)
    graces.grant(pool, "second")
    clock.pump([4.9, 0.1, 10])
    assert pool.cut == [(9, "second")]


def test_the_end_leaves_no_timer():
    """And cuts nothing off."""
    clock = Clock()
    graces, pool = Graces(clock, 5), Pool(clock)
    graces.grant(pool, "first")
    graces.stop()
    assert not clock.calls
    assert pool.cut == []


def test_another_grace_is_for_times_that_begin_then():
    """One that runs stays as it is."""
    clock = Clock()
    graces, one, other = Graces(clock, 5), Pool(clock), Pool(clock)
    graces.grant(one, "first")
    graces.change(1)
    graces.grant(other, "second")
    clock.pump([1, 4])
    assert (one.cut, other.cut) == ([(5, "first")], [(1, "second")])
