"""Tests of `proxy.policy.ledger`."""

from __future__ import annotations

from collections.abc import Hashable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.policy.lease import Dial, Lease, Lend, Limits, Place, Reset, Retire, Waiter
from proxy.policy.ledger import Ledger


def accepts(current: Hashable | None, wanted: Hashable) -> bool:
    """As in the proxy: a schema can be changed, but not unset."""
    return current in (None, "") or wanted != ""


def book(connections: int = 2, idle: int = 1, **more: float) -> Ledger:
    return Ledger(Limits(connections, idle, **more), accepts)  # type: ignore[arg-type]


def waiter(key: str = "app", state: str = "shop", since: float = 0.0) -> Waiter:
    return Waiter(key, state, since)


def idle(ledger: Ledger, state: str = "shop", key: str = "app", now: float = 0.0) -> Lease:
    """A lease that was dialed and stands idle in this state."""
    lease = ledger._start_dial(key, now)
    ledger.dialed(lease, state, now)
    return lease


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
    counts = "1 lent, 0 idle, 0 dialing, 0 resetting, 0 retiring of 2"
    assert repr(ledger) == f"<Ledger {counts}; 0 waiting>"


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
    ledger.no_dial_before = 5
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
    assert not ledger.is_full()
    ledger.ask(other)
    assert ledger.is_full()
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


@pytest.mark.parametrize("place", ["idle", "lent", "resetting", "retiring", "dialing"])
def test_a_lost_backend_leaves_wherever_it_was(place):
    """Its place is free again."""
    ledger = book()
    lease = idle(ledger)
    if place != "idle":
        ledger.take("app", "shop")
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
    with pytest.raises(AssertionError):
        ledger.lost(lease)


def suits(lease: Lease, asked: Waiter) -> bool:
    return lease.key == asked.key and accepts(lease.state, asked.state)


class Histories(RuleBasedStateMachine):
    """Random histories of a ledger of three backends, two users and three states."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = book(connections=3, idle=1, age=50, idle_after=20)
        self.now = 0.0
        self.order: list[Waiter] = []
        self.resets: list[Lease] = []
        self.retiring: list[Lease] = []
        self.leases: list[Lease] = []

    def settle(self) -> None:
        for action in self.ledger.settle(self.now):
            match action:
                case Lend(asked, lease):
                    assert lease.place is Place.LENT
                    assert lease.key == asked.key
                    assert accepts(lease.state, asked.state)
                    assert asked is next(one for one in self.order if suits(lease, one))
                    self.order.remove(asked)
                case Reset(lease):
                    self.resets.append(lease)
                case Retire(lease, _):
                    self.retiring.append(lease)
                case Dial(lease):
                    assert lease.place is Place.DIALING
                    self.leases.append(lease)

    def known(self, leases: set[Lease]) -> list[Lease]:
        return [lease for lease in self.leases if lease in leases]

    @rule(key=st.sampled_from("ab"), state=st.sampled_from(["", "x", "y"]))
    def borrow(self, key: str, state: str) -> None:
        if self.ledger.take(key, state) is None:
            asked = Waiter(key, state, self.now)
            self.order.append(asked)
            self.ledger.ask(asked)
            self.settle()

    @precondition(lambda self: self.ledger.lent)
    @rule(data=st.data(), state=st.sampled_from(["x", "y", None]))
    def give_back(self, data: st.DataObject, state: str | None) -> None:
        lease = data.draw(st.sampled_from(self.known(self.ledger.lent)))
        asked = self.ledger.pass_on(lease, state, self.now)
        if asked is not None:
            assert asked is self.order.pop(0)
        else:
            self.ledger.give_back(lease, state, self.now)
        self.settle()

    @precondition(lambda self: self.ledger.dialing)
    @rule(data=st.data(), through=st.booleans())
    def dial_ends(self, data: st.DataObject, through: bool) -> None:  # noqa: FBT001 - drawn
        lease = data.draw(st.sampled_from(self.known(self.ledger.dialing)))
        if through:
            self.ledger.dialed(lease, "", self.now)
        else:
            self.ledger.dial_failed(lease, self.now + 1)
        self.settle()

    @precondition(lambda self: self.resets)
    @rule()
    def reset_ends(self) -> None:
        lease = self.resets.pop()
        if lease.place is Place.RESETTING:
            self.ledger.reset_done(lease, "x", self.now)
        self.settle()

    @precondition(lambda self: self.retiring)
    @rule()
    def connection_closes(self) -> None:
        self.ledger.lost(self.retiring.pop())
        self.settle()

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.order))
        self.order.remove(asked)
        assert self.ledger.withdraw(asked)
        self.settle()

    @rule(seconds=st.sampled_from([1, 10, 30]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.ledger.sweep(self.now)
        self.settle()

    @invariant()
    def each_lease_is_in_one_place(self) -> None:
        leases = [*self.ledger.leases()]
        assert len(leases) == len(set(leases)) == self.ledger.total
        for lease in self.ledger.lent:
            assert lease.place is Place.LENT
        for lease in self.ledger.idle_leases():
            assert lease.place is Place.IDLE

    @invariant()
    def the_limit_holds(self) -> None:
        assert self.ledger.total <= self.ledger.limits.connections

    @invariant()
    def nobody_waits_beside_what_serves(self) -> None:
        free = [*self.ledger.idle_leases()]
        for asked in self.ledger.waiting:
            assert not any(suits(lease, asked) for lease in free)

    @invariant()
    def waiters_stand_in_order_of_arrival(self) -> None:
        assert [*self.ledger.waiting] == self.order


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
