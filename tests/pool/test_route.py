"""Tests of `proxy.pool.route`: who is served by which pool."""

from __future__ import annotations

import pytest

from tests.support.borrow import BARE, KEY
from tests.support.pools import Group, Guest, counts, guests


@pytest.fixture
def group():
    """Three targets."""
    return Group()


# Who comes


def test_where_one_pool_serves_it_serves_everybody(group):
    """As with the writer's route."""
    route = group.route()
    guests(route, 3)
    assert counts(route, group) == [3, 0, 0]
    assert route.pools == (group.pools[0],)
    assert repr(route) == "<Route: 3 by db:3306>"
    route.balance()
    assert counts(route, group) == [3, 0, 0]


def test_clients_that_borrow_nothing_are_spread_by_their_number(group):
    """One after the other, and in proportion to the shares."""
    route = group.route(1.0, 1.0, 0.5)
    guests(route, 50)
    assert counts(route, group) == [20, 20, 10]


def test_a_new_client_goes_to_the_least_busy(group):
    """Those who use a backend, or wait for one, count more than those who sit there."""
    route = group.route(1.0, 1.0, 1.0)
    busy = guests(route, 3)[:2]
    for guest in busy:
        guest.borrow()
    group.run()
    late = guests(route, 5)
    assert {guest.pool for guest in late} == {group.pools[2]}
    busy[0].pool.give_back(busy[0].lease, BARE)
    assert Guest(route).pool is busy[0].pool


def test_a_target_that_can_do_more_gets_more():
    """What is lent is compared with what may be."""
    group = Group(1, max_connections=2)
    group.pools.append(group.pool(max_connections=20))
    route = group.route(1.0, 1.0)
    users = [Guest(route).borrow() for _ in range(2)]
    group.run()
    assert {guest.pool for guest in users} == {*group.pools}
    for _ in range(8):
        assert Guest(route).borrow().pool is group.pools[1]
        group.run()


# Who goes


def test_who_is_gone_is_forgotten(group):
    """Once; a second farewell is none."""
    route = group.route(1.0, 1.0)
    one, two = guests(route, 2)
    route.detach(one)
    route.detach(one)
    assert counts(route, group) == [0, 1, 0]
    assert two.pool is group.pools[1]


def test_who_was_moved_is_forgotten_too(group):
    """By whichever pool it was served, and whatever it thinks itself."""
    route = group.route(1.0, 1.0)
    one, two = guests(route, 2)
    route.serve_by({group.pools[2]: 1.0})
    two.pool = group.pools[0]
    route.detach(one)
    route.detach(two)
    assert counts(route, group) == [0, 0, 0]


# Pools that come and go


def test_a_client_stays_where_it_is_while_that_serves(group):
    """That others come is no reason to see another reader's data."""
    route = group.route()
    before = guests(route, 10)
    route.serve_by(dict.fromkeys(group.pools, 1.0))
    assert {guest.pool for guest in before} == {group.pools[0]}
    assert route.pools == tuple(group.pools)


def test_clients_of_a_pool_that_goes_are_spread_over_the_others(group):
    """Evenly, and by their shares, however busy the others are at that moment."""
    route = group.route()
    clients = guests(route, 60)
    other = Guest(group.route(1.0))
    other.pool = group.pools[1]
    other.borrow()
    group.run()
    route.serve_by({group.pools[1]: 1.0, group.pools[2]: 0.5})
    assert counts(route, group) == [0, 40, 20]
    assert {guest.pool for guest in clients} == {*group.pools[1:]}
    assert route.pool is group.pools[1]


def test_where_none_serves_all_stays_as_it_is(group):
    """Clients wait where they are, and come away as soon as there is one."""
    route = group.route(1.0, 1.0)
    clients = guests(route, 4)
    group.pools[0].hold()
    clients[0].borrow()
    route.serve_by({})
    group.run()
    assert counts(route, group) == [2, 2, 0]
    assert clients[0].leases == []
    assert route.pools == (group.pools[0], group.pools[1])
    route.serve_by({group.pools[2]: 1.0})
    group.run()
    assert counts(route, group) == [0, 0, 4]
    assert clients[0].lease.pool is group.pools[2]


def test_a_lease_goes_back_to_where_it_came_from(group):
    """Whoever is moved in a transaction ends it where it began."""
    route = group.route()
    guest = Guest(route).borrow()
    group.run()
    route.serve_by({group.pools[1]: 1.0})
    assert guest.pool is group.pools[1]
    assert guest.lease.pool is group.pools[0]
    guest.lease.pool.give_back(guest.lease, BARE)
    assert group.pools[0].ledger.idle_count == 1
    assert guest.borrow().leases == [guest.leases[0]]
    group.run()
    assert guest.lease.pool is group.pools[1]


# Waiters


def test_waiters_follow_in_order_and_keep_their_time(group):
    """Nobody loses its place, and all are refused as late as if they had stayed."""
    old, new, _ = group.pools
    route = group.route()
    old.hold()
    new.hold()
    mine, others = guests(route, 3), []
    for turn, guest in enumerate(mine):
        guest.borrow()
        group.run(1)
        other = Guest(group.route(1.0))
        other.pool = new
        others.append(other.borrow())
        group.run(1)
        assert guest.waiter.since == 1000.0 + 2 * turn
    route.serve_by({new: 1.0})
    expected = [guest for pair in zip(mine, others, strict=True) for guest in pair]
    assert [waiter.borrower for waiter in new.ledger.waiting] == expected
    assert [waiter.since for waiter in new.ledger.waiting] == [1000.0 + n for n in range(6)]
    assert not old.ledger.waiting
    new.release()
    group.run()
    for guest in expected:
        (lease,) = guest.leases
        assert lease.pool is new
        new.give_back(lease, BARE)
        group.run()


def test_a_waiter_that_was_moved_can_leave(group):
    """It is in one queue only, and that is its pool's."""
    route = group.route()
    for pool in group.pools:
        pool.hold()
    guest = Guest(route).borrow()
    route.serve_by({group.pools[1]: 1.0})
    guest.pool.withdraw(guest.waiter)
    for pool in group.pools:
        assert not pool.ledger.waiting
        pool.release()
    group.run()
    assert guest.leases == []


def test_a_pool_may_serve_two_routes(group):
    """When the readers' clients leave the writer's pool, the writers' stay."""
    writers, readers = group.route(), group.route()
    writing, reading = Guest(writers), Guest(readers)
    group.pools[0].hold()
    writing.borrow()
    reading.borrow()
    readers.serve_by({group.pools[1]: 1.0})
    group.run()
    assert reading.lease.pool is group.pools[1]
    assert [waiter.borrower for waiter in group.pools[0].ledger.waiting] == [writing]
    writers.detach(writing)
    readers.detach(reading)
    assert (writers.served_by(group.pools[0]), readers.served_by(group.pools[1])) == (0, 0)


def test_who_waits_for_a_pool_itself_is_not_moved(group):
    """Such as its first look, which is to learn about that very target."""
    route = group.route()
    group.pools[0].hold()
    looking = group.pools[0].borrow(KEY, BARE)
    Guest(route).borrow()
    route.serve_by({group.pools[1]: 1.0})
    assert len(group.pools[0].ledger.waiting) == 1
    group.pools[0].release()
    group.run()
    assert looking.result.pool is group.pools[0]


def test_who_is_served_in_the_middle_of_a_move_may_change_all_again(group):
    """It is lent a lease, meets trouble, and its pool is taken out at once."""
    first, second, third = group.pools
    route = group.route()
    warm = Guest(route)
    warm.pool = second
    warm.borrow()
    group.run()
    second.give_back(warm.lease, BARE)
    route.detach(warm)
    for pool in (first, third):
        pool.hold()
    hasty = Guest(route, on_lent=lambda _: route.serve_by({third: 1.0}))
    rest = guests(route, 4)
    for guest in (hasty, *rest):
        guest.borrow()
    route.serve_by({second: 1.0})
    assert hasty.lease.pool is second
    assert counts(route, group) == [0, 0, 5]
    assert [waiter.borrower for waiter in third.ledger.waiting] == rest
    assert {guest.pool for guest in (hasty, *rest)} == {third}


def test_who_is_served_in_the_middle_of_a_balance_may_change_all_again(group):
    """Likewise when clients are only spread anew."""
    first, second, third = group.pools
    route = group.route(1.0, 1.0)
    warm = Guest(route)
    warm.pool = second
    warm.borrow()
    group.run()
    second.give_back(warm.lease, BARE)
    route.serve_by({first: 1.0})
    first.hold()
    third.hold()
    crowd = [
        Guest(route, on_lent=lambda _: route.serve_by({third: 1.0})).borrow() for _ in range(5)
    ]
    route.serve_by({first: 1.0, second: 1.0})
    route.balance()
    assert counts(route, group) == [0, 0, 6]
    assert sum(len(guest.leases) for guest in crowd) == 1
    waiting = [waiter.borrower for waiter in third.ledger.waiting]
    assert waiting == [guest for guest in crowd if not guest.leases]
