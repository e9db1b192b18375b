"""Tests of `proxy.pool.route`: clients are spread anew, and what is true whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.pool.route import MOVED_AT_ONCE
from tests.support.pools import Group, Guest, counts, guests


@pytest.fixture
def group():
    """Three targets."""
    return Group()


def test_a_new_reader_gets_clients_little_by_little(group):
    """As many as its share says, and no more than a hundred at once; those go who came last."""
    route = group.route()
    clients = guests(route, 400)
    shares = {group.pools[0]: 1.0, group.pools[1]: 0.25}
    route.serve_by(shares)
    route.balance()
    assert counts(route, group) == [320, 80, 0]
    assert {guest.pool for guest in clients[:320]} == {group.pools[0]}
    route.serve_by(shares | {group.pools[1]: 1.0})
    route.balance()
    assert counts(route, group) == [320 - MOVED_AT_ONCE, 80 + MOVED_AT_ONCE, 0]
    route.balance()
    assert counts(route, group) == [200, 200, 0]


def test_a_balance_is_reached_and_left_alone(group):
    """No client goes to and fro."""
    route = group.route()
    guests(route, 100)
    route.serve_by(dict.fromkeys(group.pools, 1.0))
    route.balance()
    assert sorted(counts(route, group)) == [33, 33, 34]
    before = [guest.pool for guest in guests(route, 2)]
    for _ in range(10):
        route.balance()
    assert sorted(counts(route, group)) == [34, 34, 34]
    assert len(before) == 2


def test_one_pool_that_has_too_few_gets_them_from_all():
    """Though none of the others has a whole client too many."""
    group = Group(10)
    route = group.route(*[1.0] * 9)
    guests(route, 90)
    route.serve_by(dict.fromkeys(group.pools, 1.0))
    route.detach(next(iter(route._served[group.pools[0]])))
    route.balance()
    assert sorted(counts(route, group)) == [8, *[9] * 9]


def test_waiters_follow_when_clients_are_spread_anew(group):
    """Whoever waits in a long queue is served by the new reader."""
    first, second, _ = group.pools
    route = group.route()
    first.hold()
    crowd = [guest.borrow() for guest in guests(route, 4)]
    route.serve_by({first: 1.0, second: 1.0})
    route.balance()
    group.run()
    assert [len(guest.leases) for guest in crowd] == [0, 0, 1, 1]
    assert [waiter.borrower for waiter in first.ledger.waiting] == crowd[:2]


class Story:
    """A route whose clients come, wait, go and are moved."""

    def __init__(self):
        self.group = Group()
        for pool in self.group.pools:
            pool.hold()
        self.route = self.group.route()
        self.here, self.waiting = [], []

    def happens(self, step):
        """One event."""
        match step:
            case "come":
                self.here.append(Guest(self.route))
            case "balance":
                self.route.balance()
            case dict():
                pools = self.group.pools
                self.route.serve_by({pools[n]: share for n, share in step.items()})
            case ("go", number) if self.here:
                self.leaves(self.here.pop(number % len(self.here)))
            case ("borrow", number) if self.here:
                guest = self.here[number % len(self.here)]
                if guest not in self.waiting:
                    self.waiting.append(guest.borrow())
                    self.group.run(1)

    def leaves(self, guest):
        """A client is gone."""
        self.route.detach(guest)
        if guest in self.waiting:
            self.waiting.remove(guest)
            guest.pool.withdraw(guest.waiter)

    def check(self):
        """What is always true."""
        served = [guest for clients in self.route._served.values() for guest in clients]
        assert len(served) == len(self.here)
        assert {*served} == {*self.here}
        for guest in self.here:
            assert guest in self.route._served[guest.pool]
            assert guest.pool in self.route.pools
        for pool in self.group.pools:
            expected = [guest for guest in self.waiting if guest.pool is pool]
            assert [waiter.borrower for waiter in pool.ledger.waiting] == expected


steps_ = st.lists(
    st.one_of(
        st.just("come"),
        st.just("balance"),
        st.tuples(st.sampled_from(["go", "borrow", "borrow"]), st.integers(0, 99)),
        st.dictionaries(st.integers(0, 2), st.sampled_from([0.1, 0.5, 1.0]), max_size=3),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps_)
def test_whatever_happens_each_client_has_one_pool_that_serves(steps):
    """Each that waits stands in that pool's queue, once and in its turn; shares are kept."""
    story = Story()
    for step in steps:
        story.happens(step)
        story.check()
    route, clients = story.route, len(story.here)
    route.balance()
    story.check()
    whole = sum(route.shares.values())
    surplus = [
        route.served_by(pool) - clients * share / whole for pool, share in route.shares.items()
    ]
    assert max(surplus) - min(surplus) <= 1


def test_what_lingers_with_who_is_moved_is_called_back(group):
    """Else a busy client would keep its reader for good."""
    route = group.route(1.0)
    first = Guest(route).borrow()
    others = [Guest(route) for _ in range(3)]
    group.run()
    first.lease.holder = first
    first.pool.linger(first.lease)
    route.serve_by({group.pools[1]: 1.0})
    assert first.calls == 1
    assert {other.pool for other in others} == {group.pools[1]}
