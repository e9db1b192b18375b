"""Tests of `proxy.policy.ledger`: leases that linger with clients that need them no more."""

from __future__ import annotations

import pytest

from proxy.policy.lease import CallBack, Dial, Lend, Place, Retire
from tests.support.book import book, idle, lingering, waiter


def test_a_lease_lingers_until_somebody_needs_it():
    """Nothing happens to it while nobody waits; the first waiter has it called back, once."""
    ledger = book(connections=1)
    lease = lingering(ledger)
    assert lease.place is Place.LINGERING
    assert ledger.settle(0) == []
    assert "0 lent, 1 lingering" in repr(ledger)
    asked = waiter()
    ledger.ask(asked)
    assert ledger.settle(1) == [CallBack(lease)]
    assert lease.place is Place.CALLED
    assert ledger.settle(1) == []
    assert "0 lent, 1 lingering" in repr(ledger)
    ledger.resume(lease)
    assert ledger.pass_on(lease, "shop", 2) is asked


def test_a_lingering_lease_is_called_back_before_another_is_dialed():
    """But one that stands idle, or is on its way already, comes before."""
    ledger = book(connections=4)
    free, kept = idle(ledger), lingering(ledger)
    first, second, third = waiter(), waiter(), waiter()
    for asked in (first, second, third):
        ledger.ask(asked)
    lend, call, dial = ledger.settle(0)
    assert (lend, call) == (Lend(first, free), CallBack(kept))
    assert isinstance(dial, Dial)
    assert ledger.settle(0) == []


def test_the_lease_that_lingered_longest_is_called_first():
    """Its client is the one that has least use for it."""
    ledger = book(connections=3)
    first, second = lingering(ledger, now=1), lingering(ledger, now=2)
    ledger.ask(waiter())
    assert ledger.settle(3) == [CallBack(first)]
    ledger.ask(waiter())
    assert ledger.settle(3) == [CallBack(second)]


def test_a_client_that_works_again_keeps_its_lease():
    """What was counted on does not come: the waiter gets another one."""
    ledger = book(connections=2)
    lease = lingering(ledger)
    ledger.resume(lease)
    assert lease.place is Place.LENT
    assert lease.serial == 1
    ledger.linger(lease, 1)
    ledger.ask(waiter())
    assert ledger.settle(1) == [CallBack(lease)]
    ledger.resume(lease)
    (dial,) = ledger.settle(1)
    assert isinstance(dial, Dial)


def test_at_the_limit_a_lease_of_another_user_is_called_back():
    """It is given back, and closed to make room."""
    ledger = book(connections=1)
    lease = lingering(ledger)
    asked = waiter("other")
    ledger.ask(asked)
    assert ledger.settle(0) == [CallBack(lease)]
    assert ledger.settle(0) == []
    ledger.resume(lease)
    ledger.give_back(lease, "shop", 1)
    (retire,) = ledger.settle(1)
    assert isinstance(retire, Retire)
    ledger.lost(lease)
    (dial,) = ledger.settle(2)
    assert isinstance(dial, Dial)
    assert dial.lease.key == "other"


def test_idle_leases_of_others_go_before_lingering_ones():
    """Nobody is disturbed while there is something that nobody has."""
    ledger = book(connections=2)
    kept, free = lingering(ledger), idle(ledger)
    ledger.ask(waiter("other"))
    (retire,) = ledger.settle(0)
    assert isinstance(retire, Retire)
    assert retire.lease is free
    assert kept.place is Place.LINGERING


def test_while_nothing_can_be_dialed_lingering_leases_are_called_back():
    """A user whose dials fail does not keep others from what lingers."""
    ledger = book(connections=3)
    lease = lingering(ledger)
    ledger.pauses.until = 5
    ledger.ask(waiter("other"))
    ledger.ask(waiter())
    assert ledger.settle(1) == [CallBack(lease)]


@pytest.mark.parametrize(
    ("trouble", "why"),
    [("time", ""), ("age", "older than max_connection_age"), ("generation", "generation")],
)
def test_a_sweep_calls_back_what_lingered_for_too_long(trouble, why):
    """After a second, or when it must not be used again; it is closed where that is so."""
    ledger = book(age=50, linger=1)
    lease = lingering(ledger, now=49.5)
    lease.born = 0.0
    ledger.sweep(49.9)
    assert ledger.settle(49.9) == []
    now = {"time": 50.5, "age": 50.1, "generation": 49.9}[trouble]
    if trouble == "time":
        lease.born = 40.0
    if trouble == "generation":
        ledger.generation += 1
    ledger.sweep(now)
    assert ledger.has_work
    assert ledger.settle(now) == [CallBack(lease)]
    ledger.sweep(now)
    assert ledger.settle(now) == []
    ledger.resume(lease)
    ledger.give_back(lease, "shop", now)
    retired = ledger.settle(now)
    if why:
        (retire,) = retired
        assert isinstance(retire, Retire)
        assert why in retire.why
    else:
        assert retired == []
        assert lease.place is Place.IDLE


def test_a_lingering_lease_can_be_discarded():
    """A client that leaves with state that nobody needs any more."""
    ledger = book()
    lease = lingering(ledger)
    ledger.discard(lease, "a reason")
    assert ledger.settle(0) == [Retire(lease, "a reason")]
    assert ledger.borrowed == 0
    assert ledger.total == 1
