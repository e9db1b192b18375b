"""Tests of `proxy.pool.share`."""

# ruff: noqa: ARG002 - doubles have the arguments of what they stand for

from __future__ import annotations

import attrs
import pytest

from proxy.config.pool import ConnectionPoolConfig
from proxy.policy.needs import KEPT_SECONDS, RESTED_SECONDS, Need, Order
from proxy.pool.share import SAY_SECONDS, Share
from tests.support.borrow import BARE, OTHER, borrow
from tests.support.memory import Stage
from tests.support.pools import Guest

POOL = ConnectionPoolConfig(max_connections=8)


class Office:
    """Takes down what it hears, and orders what the test says."""

    def __init__(self):
        self.needs, self.left, self.joined = [], [], 0

    def join(self, share):
        self.joined += 1
        return self.joined

    def say(self, share, need):
        self.needs.append(need)

    def leave(self, share):
        self.left.append(share.number)


class Shared(Stage):
    """A pool of up to eight connections that shares them; the target has been seen."""

    def __init__(self, **limits):
        limits.setdefault("max_connections", 8)
        super().__init__(**limits)
        self.office = Office()
        self.share = Share(self.pool, "shop", "db:3306", self.clock, self.office)
        self.granted = self.back = 0

    def order(self, more=0, back=0, *, is_watched=False, max_connections=100):
        """Tell it what it may have."""
        self.granted += more
        self.back = back
        self.share.hear(
            Order(
                granted=self.granted,
                back=back,
                is_watched=is_watched,
                max_connections=max_connections,
            )
        )
        self.run()

    @property
    def last(self):
        """What it said last."""
        return self.office.needs[-1]

    def lent(self, count):
        """So many borrowers who have a lease."""
        self.order(count)
        holders = [borrow(self) for _ in range(count)]
        assert all(holder.leases for holder in holders)
        return holders

    def give_back(self, *holders):
        """They are done."""
        for holder in holders:
            self.pool.give_back(holder.lease, BARE)
        self.run()


@pytest.fixture
def shared():
    """A pool that has nothing yet."""
    return Shared()


def test_nothing_is_dialed_before_it_is_granted(shared):
    """Whoever comes waits, and is told of at once."""
    assert shared.office.needs == [Need()]
    waiting = borrow(shared)
    assert not waiting.leases
    assert not shared.backends
    assert shared.last == Need(load=1, peak=1, is_fresh=True, waited=0.0)
    shared.order(1)
    assert len(waiting.leases) == 1


def test_those_who_come_together_are_told_of_together(shared):
    """One message says how many there are."""
    for _ in range(5):
        shared.pool.wait(OTHER, BARE, Guest.__new__(Guest))
    shared.run()
    assert [need.peak for need in shared.office.needs] == [0, 5]


def test_a_pool_that_has_enough_says_nothing(shared):
    """Borrowing and giving back are nobody else's business."""
    holders = shared.lent(3)
    shared.run(1)
    told = len(shared.office.needs)
    for _ in range(5):
        shared.give_back(*holders)
        holders = [borrow(shared) for _ in range(3)]
        shared.run(1)
    assert len(shared.office.needs) == told
    assert not any(call.func == shared.share._look for call in shared.clock.calls)


def test_more_who_come_are_told_of_at_once(shared):
    """As soon as there are more than it said."""
    shared.lent(2)
    borrow(shared)
    assert shared.last.peak == 3
    borrow(shared)
    assert shared.last.peak == 4


def test_it_says_at_short_intervals_how_long_they_wait(shared):
    """Until they have been served."""
    (holder,) = shared.lent(1)
    borrow(shared)
    shared.run(SAY_SECONDS)
    shared.run(SAY_SECONDS)
    assert shared.last.waited == pytest.approx(2 * SAY_SECONDS)
    shared.give_back(holder)
    shared.run(SAY_SECONDS)
    shared.run(SAY_SECONDS)
    assert (shared.last.load, shared.last.peak, shared.last.waited) == (1, 1, None)


def test_the_targets_limit_is_told_when_a_login_has_shown_it():
    """Nobody may have more than one connection until then."""
    shared = Shared()
    borrow(shared)
    shared.order(1, max_connections=None)
    assert [need.max_connections for need in shared.office.needs].count(100) == 1
    assert shared.pool.allowance.whole.connections == 8


def test_the_targets_limit_is_learned_from_others(shared):
    """So that the limits of a pool that has seen nothing yet are right."""
    shared.order()
    assert shared.pool.allowance.max_connections == 100
    assert shared.pool.allowance.whole.connections == 8
    assert [need.max_connections for need in shared.office.needs] == [None]


def test_what_a_login_has_shown_is_newer_than_what_was_heard(shared):
    """The others will hear it from here."""
    shared.servers.max_connections = 4
    borrow(shared)
    shared.order(1)
    assert shared.last.max_connections == 4
    assert shared.pool.allowance.whole.connections == 4
    shared.pool.allowance.learned(6)
    on_its_way = Order(granted=1, back=0, is_watched=False, max_connections=4)
    shared.share.hear(on_its_way)
    assert shared.pool.allowance.max_connections == 6


def test_unused_places_are_given_back_at_once(shared):
    """Nothing has to be closed for that."""
    shared.lent(1)
    shared.order(3, back=3)
    assert (shared.last.given, shared.ledger.limits.connections) == (3, 1)
    assert shared.pool.owing is None


def test_idle_connections_are_closed_for_others_at_once(shared):
    """Those that have rested for longest; their places are given back when they are closed."""
    holders = shared.lent(3)
    for holder in holders:
        shared.give_back(holder)
        shared.run(1)
    before = len(shared.office.needs)
    shared.share.hear(Order(granted=3, back=2, is_watched=False, max_connections=100))
    assert (shared.ledger.idle_count, len(shared.ledger.retiring)) == (1, 2)
    assert [need.given for need in shared.office.needs[before:]] == []
    shared.run()
    assert shared.last.given == 2
    assert [*shared.ledger.idle_leases()] == [holders[2].lease]


def test_what_is_in_use_is_given_back_as_it_comes_free(shared):
    """Whoever waits here comes after that."""
    holders = shared.lent(3)
    waiting = borrow(shared)
    shared.order(back=1)
    assert shared.ledger.borrowed == 3
    assert shared.last.given == 0
    assert "1 owed" in repr(shared.share)
    shared.give_back(holders[0])
    assert (shared.ledger.total, shared.last.given, waiting.leases) == (2, 1, [])
    shared.give_back(holders[1])
    assert len(waiting.leases) == 1
    assert shared.ledger.total == 2


def test_what_lingers_is_called_back_for_others(shared):
    """Its client does not need it."""
    holders = shared.lent(2)
    for holder in holders:
        holder.on_called = lambda holder=holder: shared.give_back(holder)
        shared.pool.linger(holder.lease)
    shared.order(back=1)
    assert [holder.calls for holder in holders] == [1, 0]
    assert (shared.ledger.total, shared.last.given) == (1, 1)


def test_what_was_called_back_already_is_not_called_for_again(shared):
    """It comes, sooner or later."""
    holders = shared.lent(2)
    for holder in holders:
        shared.pool.linger(holder.lease)
    shared.order(back=1)
    shared.order(back=1)
    assert [holder.calls for holder in holders] == [1, 0]


def test_a_debt_that_is_cancelled_is_not_paid(shared):
    """Who needed it needs it no more."""
    holders = shared.lent(2)
    shared.order(back=2)
    shared.order(back=0)
    shared.give_back(*holders)
    assert shared.ledger.idle_count == 2
    assert shared.last.given == 0
    assert shared.pool.owing is None


def test_a_connection_that_is_lost_pays_a_debt(shared):
    """Its place is free then."""
    shared.lent(2)
    shared.order(back=1)
    shared.backends[0].die()
    shared.run()
    assert shared.last.given == 1


def test_what_was_used_just_now_is_not_spare(shared):
    """It is about to be used again."""
    shared.order(is_watched=True)
    holders = shared.lent(3)
    shared.order(1, is_watched=True)
    shared.run(SAY_SECONDS)
    assert (shared.last.load, shared.last.spare, shared.last.is_fresh) == (3, 1, True)
    shared.give_back(*holders)
    shared.run(SAY_SECONDS)
    assert (shared.last.load, shared.last.spare) == (0, 1)
    shared.run(RESTED_SECONDS)
    assert (shared.last.spare, shared.last.is_fresh) == (4, True)
    shared.run(KEPT_SECONDS)
    assert (shared.last.spare, shared.last.is_fresh) == (4, False)


def test_what_lingers_for_long_is_spare(shared):
    """Its client may have another one when it needs one."""
    (holder,) = shared.lent(1)
    shared.pool.linger(holder.lease)
    shared.run(RESTED_SECONDS)
    shared.order(is_watched=True)
    assert (shared.last.load, shared.last.spare) == (0, 1)


def test_who_is_watched_says_only_what_has_changed(shared):
    """Until nobody is short any more."""
    shared.order(2, is_watched=True)
    said = len(shared.office.needs)
    for _ in range(10):
        shared.run(SAY_SECONDS)
    assert len(shared.office.needs) == said
    shared.order(is_watched=False)
    shared.run(SAY_SECONDS)
    assert not any(call.func == shared.share._look for call in shared.clock.calls)


def test_limits_change_while_connections_are_shared(shared):
    """The share stays; what goes by the whole follows."""
    shared.lent(4)
    shared.pool.reconfigure(attrs.evolve(POOL, max_connections=16, max_waiting=7))
    limits = shared.ledger.limits
    assert (limits.connections, limits.idle, limits.waiting) == (4, 2, 7)


def test_who_does_not_wait_at_all_is_told_of_too():
    """The next one finds a connection."""
    shared = Shared(connection_borrow_timeout=0)
    refused = borrow(shared)
    assert len(refused.replies) == 1
    shared.order(1)
    assert shared.office.needs[1].peak == 1
    assert [borrow(shared).leases for _ in range(2)][1]


def test_who_comes_from_another_pool_is_told_of(shared):
    """Clients move when the targets' roles do."""
    other = Stage()
    other.pool.hold()
    waiter = borrow(other).waiter
    other.pool.withdraw(waiter)
    shared.ledger.merge([waiter])
    shared.pool.attend()
    shared.run()
    assert shared.last.peak == 1


def test_a_smaller_share_is_noticed_by_those_who_wait(shared):
    """Also when nobody had said anything for a while."""
    shared.lent(3)
    shared.run(1)
    shared.office.needs.clear()
    shared.order(back=1)
    assert shared.last.peak == 3


def test_a_pool_that_is_needed_no_more_gives_everything_back(shared):
    """When its last connection is closed; of what it is told then it knows nothing."""
    (holder,) = shared.lent(1)
    shared.order(2)
    shared.share.leave()
    assert shared.office.left == []
    shared.pool.discard(holder.lease, "done")
    shared.run()
    assert shared.office.left == [1]
    assert shared.ledger.limits.connections == 0
    assert shared.pool.owing is None
    assert shared.share.number == 0


def test_who_still_waits_at_such_a_pool_is_told_of(shared):
    """It is another pool to those who share, for as long as somebody needs it."""
    shared.lent(0)
    shared.share.leave()
    waiting = borrow(shared)
    assert shared.office.joined == 2
    assert shared.last.peak == 1
    shared.granted = 0
    shared.order(1)
    shared.pool.discard(waiting.lease, "done")
    shared.run()
    assert shared.office.left == [1, 2]
    shared.share.leave()
    assert shared.office.left == [1, 2]


def test_who_comes_after_that_is_told_of_whatever_was_about_to_be_said(shared):
    """What was not said any more keeps nothing else from being said."""
    shared.order(is_watched=False)
    shared.share.hear(Order(granted=0, back=0, is_watched=True, max_connections=100))
    shared.share.leave()
    borrow(shared)
    assert shared.last.peak == 1
