"""Tests of `proxy.policy.ledger`: random histories, and what is true after each step."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.policy.lease import CallBack, Dial, Lease, Lend, Place, Reset, Retire, Waiter
from tests.support.book import accepts, book

BORROWED = (Place.LENT, Place.LINGERING, Place.CALLED)


def suits(lease: Lease, asked: Waiter) -> bool:
    return lease.key == asked.key and accepts(lease.state, asked.state)


class Histories(RuleBasedStateMachine):
    """Random histories of a ledger of three backends, two users and three states."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = book(connections=3, idle=1, age=50, idle_after=20, linger=5)
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
                case CallBack(lease):
                    assert lease.place is Place.CALLED

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

    @precondition(lambda self: self.ledger.lent)
    @rule(data=st.data())
    def linger(self, data: st.DataObject) -> None:
        self.ledger.linger(data.draw(st.sampled_from(self.known(self.ledger.lent))), self.now)
        self.settle()

    @precondition(lambda self: self.ledger.lingering or self.ledger.called)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        with_client = {*self.ledger.lingering, *self.ledger.called}
        lease = data.draw(st.sampled_from(self.known(with_client)))
        self.ledger.resume(lease)
        assert lease.place is Place.LENT
        self.settle()

    @precondition(lambda self: self.ledger.borrowed)
    @rule(data=st.data(), dies=st.booleans())
    def ends(self, data: st.DataObject, dies: bool) -> None:  # noqa: FBT001 - drawn
        borrowed = {lease for lease in self.ledger.leases() if lease.place in BORROWED}
        lease = data.draw(st.sampled_from(self.known(borrowed)))
        if dies:
            self.ledger.lost(lease)
        else:
            self.ledger.discard(lease, "a reason")
        self.settle()

    @rule()
    def fails_over(self) -> None:
        self.ledger.generation += 1
        self.ledger.sweep(self.now)
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
        ledger = self.ledger
        leases = [*ledger.leases()]
        assert len(leases) == len(set(leases)) == ledger.total
        containers = {
            Place.DIALING: ledger.dialing,
            Place.IDLE: [*ledger.idle_leases()],
            Place.LENT: ledger.lent,
            Place.LINGERING: ledger.lingering,
            Place.CALLED: ledger.called,
            Place.RESETTING: ledger.resetting,
            Place.RETIRING: ledger.retiring,
        }
        counts = Counter(lease.place for lease in leases)
        for place, container in containers.items():
            assert all(lease.place is place for lease in container)
            assert counts[place] == len(container)
        assert ledger.total == sum(map(len, containers.values()))
        assert ledger.borrowed == sum(counts[place] for place in BORROWED)

    @invariant()
    def what_is_on_its_way_is_counted(self) -> None:
        ledger = self.ledger
        coming = Counter(
            lease.key for lease in (*ledger.dialing, *ledger.resetting, *ledger.called)
        )
        assert ledger._coming._counts == coming

    @invariant()
    def nobody_waits_beside_a_lease_that_lingers(self) -> None:
        waiting = Counter(asked.key for asked in self.ledger.waiting)
        for lease in self.ledger.lingering:
            assert waiting[lease.key] <= self.ledger._coming.of(lease.key)

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
