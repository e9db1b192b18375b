"""Tests of `proxy.policy.ledger`."""

from __future__ import annotations

import pytest

from proxy.policy.lease import (
    OUTDATED,
    CallBack,
    Dial,
    Lend,
    Limits,
    Place,
    Reset,
    Retire,
)
from tests.support.book import book, idle, waiter


def test_a_waiter_is_dialed_for_and_lent_what_came():
    """One waiter, one dial; when it is through, the lease is lent."""
    ledger = book()
    asked = waiter()
    ledger.ask(asked)
    (dial,) = ledger.settle(0)
    assert isinstance(dial, Dial)
    assert ledger.settle(0) == []
    ledger.dialed(dial.lease, "", 1)
    assert ledger.settle(1) == [Lend(asked, dial.lease)]
    assert dial.lease.place is Place.LENT
    counts = "1 lent, 0 lingering, 0 idle, 0 dialing, 0 resetting, 0 retiring of 2"
    assert repr(ledger) == f"<Ledger {counts}; 0 waiting>"


def test_there_is_nothing_to_decide_while_all_are_at_work():
    """Whoever asks then waits, until one comes back."""
    ledger = book(connections=1)
    lease = idle(ledger)
    assert not ledger.is_exhausted
    assert ledger.take("app", "shop") is lease
    assert ledger.is_exhausted
    asked = waiter()
    ledger.ask(asked)
    assert not ledger.has_work
    assert ledger.settle(1) == []
    ledger.give_back(lease, "shop", 1)
    assert ledger.has_work
    assert ledger.settle(1) == [Lend(asked, lease)]


def test_an_idle_lease_of_the_same_state_is_taken_newest_first():
    """The same few hot backends serve most work."""
    ledger = book(connections=3)
    first, second = idle(ledger), idle(ledger)
    assert ledger.take("app", "shop") is second
    assert ledger.take("app", "shop") is first
    ledger.give_back(second, "shop", 1)
    assert ledger.take("app", "shop") is second
    assert ledger.take("app", "shop") is None
    assert ledger.take("nobody", "shop") is None


def test_any_lease_serves_that_can_be_brought_there():
    """An equal state first, else the newest that is reachable; a schema cannot be unset."""
    ledger = book(connections=3)
    other, shop = idle(ledger, "other"), idle(ledger, "shop")
    assert ledger.take_any("app", "") is None
    assert ledger.take_any("app", "other") is other
    assert ledger.take_any("app", "third") is shop
    assert ledger.take_any("nobody", "shop") is None


def test_the_same_lease_can_be_had_again_when_nobody_had_it_since():
    """What a statement left on its backend is still there then."""
    ledger = book()
    lease = idle(ledger)
    taken = ledger.take("app", "shop")
    assert taken is lease
    serial = lease.serial
    ledger.give_back(lease, "shop", 1)
    assert ledger.take_same(lease, serial)
    ledger.give_back(lease, "shop", 2)
    assert not ledger.take_same(lease, serial)


def test_a_lease_that_comes_back_goes_to_the_oldest_waiter():
    """Handed on without a rest, in order of arrival."""
    ledger = book(connections=1)
    lease = idle(ledger)
    ledger.take("app", "shop")
    first, second = waiter(), waiter()
    ledger.ask(first)
    ledger.ask(second)
    assert (first.ahead, second.ahead) == (0, 1)
    assert ledger.settle(0) == []
    assert ledger.pass_on(lease, "shop", 1) is first
    assert lease.place is Place.LENT
    assert ledger.pass_on(lease, "shop", 1) is second
    assert ledger.pass_on(lease, "shop", 1) is None


def test_a_lease_is_not_passed_on_when_it_does_not_serve():
    """Another user, a state from which there is no way, an unknown state or old age."""
    ledger = book(connections=1, age=100)
    lease = idle(ledger)
    ledger.take("app", "shop")
    ledger.ask(waiter("other"))
    assert ledger.pass_on(lease, "shop", 1) is None
    ledger.withdraw_all("other")
    ledger.ask(waiter(state=""))
    assert ledger.pass_on(lease, "shop", 1) is None
    assert ledger.pass_on(lease, None, 1) is None
    assert ledger.pass_on(lease, "", 101) is None


def test_an_unknown_state_is_reset_before_anybody_gets_it():
    """A reset counts as on its way to whoever waits."""
    ledger = book(connections=1)
    lease = idle(ledger)
    ledger.take("app", "shop")
    ledger.give_back(lease, None, 1)
    asked = waiter()
    ledger.ask(asked)
    assert ledger.has_work
    assert ledger.settle(1) == [Reset(lease)]
    assert lease.place is Place.RESETTING
    ledger.reset_done(lease, "", 2)
    assert ledger.settle(2) == [Lend(asked, lease)]


def test_an_idle_lease_of_another_user_makes_room():
    """At the limit the one that rested longest goes; its place is used once it is closed."""
    ledger = book(connections=2)
    older, newer = idle(ledger, now=1), idle(ledger, now=2)
    asked = waiter("other")
    ledger.ask(asked)
    (retire,) = ledger.settle(3)
    assert isinstance(retire, Retire)
    assert retire.lease is older
    assert ledger.settle(3) == []
    assert ledger.total == 2
    ledger.lost(older)
    (dial,) = ledger.settle(4)
    assert isinstance(dial, Dial)
    assert newer.place is Place.IDLE


def test_nobody_behind_a_waiter_that_cannot_be_served_is_served():
    """First come, first served, also among users."""
    ledger = book(connections=1)
    idle(ledger)
    ledger.take("app", "shop")
    ledger.ask(waiter("other"))
    ledger.ask(waiter("app"))
    assert ledger.settle(0) == []


def test_while_nothing_can_be_dialed_idle_leases_serve_whom_they_suit():
    """A user whose dial failed does not keep others from what stands idle."""
    ledger = book(connections=3)
    lease = idle(ledger)
    ledger.pauses.until = 5
    first, second = waiter("other"), waiter()
    ledger.ask(first)
    ledger.ask(second)
    ledger.ask(waiter())
    assert ledger.settle(1) == [Lend(second, lease)]


def test_a_failed_dial_pauses_dialing():
    """A target that is away is not called again and again in one turn."""
    ledger = book()
    ledger.ask(waiter())
    (dial,) = ledger.settle(0)
    assert isinstance(dial, Dial)
    ledger.dial_failed(dial.lease, 5)
    assert dial.lease.place is Place.GONE
    assert ledger.settle(4) == []
    (again,) = ledger.settle(5)
    assert isinstance(again, Dial)


def test_waiters_can_leave():
    """One by one, or all of one user."""
    ledger = book(waiting=2)
    mine, other = waiter(), waiter("other")
    ledger.ask(mine)
    assert not ledger.is_full(0)
    ledger.ask(other)
    assert ledger.is_full(0)
    assert ledger.withdraw_all("other") == [other]
    assert ledger.withdraw(mine)
    assert not ledger.withdraw(mine)
    assert not ledger.has_work


def test_old_leases_and_old_generations_are_retired_when_free():
    """Age and generation are looked at when a lease comes back, and by the sweep."""
    ledger = book(connections=3, age=10)
    old, young = idle(ledger, now=0), idle(ledger, now=5)
    ledger.sweep(10)
    assert [action.lease for action in ledger.settle(10)] == [old]
    ledger.take("app", "shop")
    ledger.generation += 1
    ledger.give_back(young, "shop", 11)
    (retire,) = ledger.settle(11)
    assert retire == Retire(young, "it belongs to an older generation")


def test_idle_leases_above_the_limit_are_retired_after_a_rest():
    """Those that rested longest go first; others may stay."""
    ledger = book(connections=3, idle=1, idle_after=300)
    first, second = idle(ledger, now=0), idle(ledger, now=1)
    ledger.sweep(299)
    assert ledger.settle(299) == []
    ledger.sweep(301)
    (retire,) = ledger.settle(301)
    assert isinstance(retire, Retire)
    assert retire.lease is first
    assert second.place is Place.IDLE


def test_a_sweep_forgets_users_without_an_idle_lease():
    """What a sweep, or a statement, costs does not grow with all that ever came."""
    ledger = book(connections=3, age=10)
    idle(ledger, now=0)
    ledger.sweep(10)
    assert ledger._idle == {}
    fresh = idle(ledger, now=11)
    ledger.sweep(12)
    assert ledger.take("app", "shop") is fresh


def test_a_smaller_limit_retires_what_comes_back():
    """Until there are no more than allowed."""
    ledger = book(connections=2)
    first, second = idle(ledger), idle(ledger)
    ledger.take("app", "shop")
    ledger.take("app", "shop")
    ledger.change_limits(Limits(1, 1))
    ledger.give_back(first, "shop", 1)
    (retire,) = ledger.settle(1)
    assert retire == Retire(first, "there are more connections than max_connections")
    ledger.lost(first)
    ledger.give_back(second, "shop", 2)
    assert second.place is Place.IDLE
    assert ledger.settle(2) == []


@pytest.mark.parametrize(
    "place", ["idle", "lent", "lingering", "called", "resetting", "retiring", "dialing"]
)
def test_a_lost_backend_leaves_wherever_it_was(place):
    """Its place is free again."""
    ledger = book()
    lease = idle(ledger)
    if place != "idle":
        ledger.take("app", "shop")
    if place in ("lingering", "called"):
        ledger.linger(lease, 1)
    if place == "called":
        ledger.ask(waiter())
        assert ledger.settle(1) == [CallBack(lease)]
    if place == "resetting":
        ledger.give_back(lease, None, 1)
    if place == "retiring":
        ledger.discard(lease, "a reason")
    if place == "dialing":
        ledger.lost(lease)
        ledger.ask(waiter())
        (dial,) = ledger.settle(1)
        assert isinstance(dial, Dial)
        lease = dial.lease
    ledger.lost(lease)
    assert lease.place is Place.GONE
    assert [*ledger.leases()] == []
    assert ledger.total == ledger.borrowed == 0
    with pytest.raises(AssertionError):
        ledger.lost(lease)


def test_a_refused_dial_keeps_only_its_own_key_waiting():
    """What is wrong with one account is no reason to dial for nobody."""
    ledger = book(connections=4)
    ledger.ask(waiter("app"))
    (dial,) = ledger.settle(0)
    ledger.dial_failed(dial.lease, 5, refused=True)
    ledger.ask(waiter("other"))
    assert [action.lease.key for action in ledger.settle(1)] == ["other"]
    (again,) = ledger.settle(5)
    assert again.lease.key == "app"
    ledger.dialed(again.lease, "shop", 5)
    assert isinstance(ledger.settle(5)[0], Lend)
    ledger.ask(waiter("app", "else"))
    assert [action.lease.key for action in ledger.settle(5)] == ["app"]


def test_a_refusal_that_is_past_is_forgotten():
    """Users whom the target never lets in are as many as somebody likes to invent."""
    ledger = book(connections=4)
    for number in range(20):
        asked = waiter(f"user-{number}")
        ledger.ask(asked)
        (dial,) = ledger.settle(number)
        assert isinstance(dial, Dial)
        ledger.withdraw(asked)
        ledger.dial_failed(dial.lease, number + 1, refused=True)
    assert repr(ledger.pauses) == "<Pauses of 20 keys>"
    ledger.sweep(19.5)
    assert repr(ledger.pauses) == "<Pauses of 1 keys>"
    ledger.ask(waiter("user-19"))
    assert ledger.settle(19.5) == []


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("generation", "it belongs to an older generation"),
        ("password", "it belongs to an older generation"),
        ("age", "it is older than max_connection_age"),
        ("number", "there are more connections than max_connections"),
    ],
)
def test_what_got_stale_in_its_reset_is_not_lent(trouble, why):
    """It is closed, and whoever waited for it gets another one."""
    ledger = book(connections=2, age=10)
    lease = idle(ledger)
    ledger.take("app", "shop")
    if trouble == "number":
        idle(ledger)
        ledger.take("app", "shop")
    ledger.give_back(lease, None, 1)
    asked = waiter()
    ledger.ask(asked)
    assert ledger.settle(1) == [Reset(lease)]
    if trouble == "generation":
        ledger.generation += 1
    elif trouble == "password":
        lease.generation = OUTDATED
    elif trouble == "number":
        ledger.change_limits(Limits(1, 1))
    now = 10 if trouble == "age" else 2
    ledger.reset_done(lease, "", now)
    assert ledger.settle(now)[0] == Retire(lease, why)
    assert lease.place is Place.RETIRING
    assert asked in ledger.waiting


def test_what_was_dialed_before_a_failover_is_not_lent():
    """It leads to a target of the past; the waiter is dialed for anew."""
    ledger = book()
    asked = waiter()
    ledger.ask(asked)
    (dial,) = ledger.settle(0)
    ledger.generation += 1
    ledger.dialed(dial.lease, "", 1)
    retire, again = ledger.settle(1)
    assert retire == Retire(dial.lease, "it belongs to an older generation")
    assert isinstance(again, Dial)
    ledger.dialed(again.lease, "", 2)
    assert ledger.settle(2) == [Lend(asked, again.lease)]


def test_what_was_long_in_being_dialed_is_lent_once():
    """Age and number are looked at when it comes back: else nobody would ever be served."""
    ledger = book(connections=2, age=10)
    asked = waiter()
    ledger.ask(asked)
    (dial,) = ledger.settle(0)
    ledger.change_limits(Limits(0, 0, age=10))
    ledger.dialed(dial.lease, "", 11)
    assert ledger.settle(11) == [Lend(asked, dial.lease)]
    ledger.give_back(dial.lease, "", 12)
    assert isinstance(ledger.settle(12)[0], Retire)
