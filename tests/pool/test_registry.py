"""Tests of `proxy.pool.registry`."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from proxy.config.model import Target
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.pool.share import Share
from tests.support.borrow import BARE, KEY, Waiting
from tests.support.pools import Group, Guest

DB, SUB = Target(address="db:3306"), Target(address="sub:3306")


class World:
    """Pools that are made when they are asked for."""

    def __init__(self):
        self.group = Group(0)
        self.made = []
        self.pools = Pools(self.make)

    def make(self, target):
        """Make the pool of a target."""
        self.made.append(target)
        return self.group.pool(max_connections=2, connection_borrow_timeout=8.0)

    def borrowed(self, target):
        """Somebody who has a lease."""
        borrower = Waiting()
        self.pools.get(target).wait(KEY, BARE, borrower)
        self.group.run()
        assert borrower.leases
        return borrower

    def sweep(self):
        """As once a second."""
        self.pools.sweep()
        self.group.run()
        self.pools.sweep()


@pytest.fixture
def world():
    """No pool yet."""
    return World()


def test_pools_are_known_with_their_targets(world):
    """Also while they leave, and no longer."""
    pool = world.pools.get(DB)
    assert world.pools.with_targets() == [(DB, pool)]
    world.pools.forget(DB)
    assert world.pools.with_targets() == [(DB, pool)]
    world.sweep()
    assert world.pools.with_targets() == []


def test_each_target_has_one_pool(world):
    """It is made when it is asked for, and found again."""
    pool = world.pools.get(DB)
    assert world.pools.get(DB) is pool
    assert world.pools.get(SUB) is not pool
    assert world.made == [DB, SUB]
    assert [*world.pools] == [pool, world.pools.get(SUB)]
    assert "0 lent" in repr(world.pools)


def test_a_pool_goes_with_its_target_when_it_is_empty(world):
    """Idle connections are closed at once; nothing is left of it."""
    borrower, other = world.borrowed(DB), world.pools.get(SUB)
    borrower.lease.pool.give_back(borrower.lease, BARE)
    world.pools.forget(DB)
    world.sweep()
    assert [*world.pools] == [other]
    assert borrower.lease.backend is not None
    assert world.pools.get(DB) is not borrower.lease.pool


def test_a_pool_stays_for_as_long_as_somebody_has_something_of_it(world):
    """A transaction ends where it began, and whoever waits is served or refused."""
    first, second = world.borrowed(DB), world.borrowed(DB)
    pool, waiting = world.pools.get(DB), Waiting()
    world.pools.forget(DB)
    pool.wait(KEY, BARE, waiting)
    world.sweep()
    assert [*world.pools] == [pool]
    pool.give_back(first.lease, BARE)
    world.group.run()
    pool.give_back(second.lease, BARE)
    world.group.run()
    world.sweep()
    assert [*world.pools] == [pool]
    assert len(waiting.leases) == 1
    pool.discard(waiting.lease, "done")
    world.group.run()
    world.sweep()
    assert [*world.pools] == []


def test_a_target_that_comes_back_has_its_pool_again(world):
    """As long as that is there; it is not closed behind its back."""
    borrower = world.borrowed(DB)
    world.pools.forget(DB)
    assert world.pools.get(DB) is borrower.lease.pool
    borrower.lease.pool.give_back(borrower.lease, BARE)
    world.group.run()
    world.sweep()
    assert [*world.pools] == [borrower.lease.pool]


def test_a_target_that_never_had_a_pool_is_forgotten_all_the_same(world):
    """There is nothing to do."""
    world.pools.forget(DB)
    world.sweep()
    assert [*world.pools] == []
    assert world.made == []


def test_a_pool_that_goes_gives_its_share_back(world):
    """As soon as nothing is left of it; the same when everything is stopped."""
    office = Mock(join=Mock(side_effect=[1, 2]))
    for target in (DB, SUB):
        Share(world.pools.get(target), "shop", target.address, world.group.clock, office)
    pool = world.pools.get(DB)
    world.pools.forget(DB)
    world.sweep()
    office.leave.assert_called_once_with(pool.share)
    world.pools.stop()
    assert office.leave.call_count == 2


def test_who_has_no_other_pool_than_one_that_is_forgotten_waits_for_no_longer(world):
    """The last reader left: its clients are refused in time, and go on with the next one."""
    pool = world.pools.get(DB)
    route = Route(pool)
    pool.hold()
    gone = Guest(route).borrow()
    pool.withdraw(gone.waiter)
    world.pools.forget(DB)
    world.sweep()
    assert [*world.pools] == []
    late, later = Guest(route).borrow(), Guest(route)
    world.group.run(8)
    assert [reply.code for reply in late.replies] == [9501]
    later.borrow()
    route.serve_by({world.pools.get(SUB): 1.0})
    world.group.run()
    assert later.lease.pool is world.pools.get(SUB)


def test_all_pools_hear_of_a_changed_password():
    """A user logs in at every target."""
    heard = []
    pools = Pools(
        lambda target: SimpleNamespace(
            password_changed=lambda user: heard.append((target.address, user))
        )
    )
    for target in (DB, SUB):
        pools.get(target)
    pools.password_changed("app")
    assert heard == [(DB.address, "app"), (SUB.address, "app")]


def test_certificates_are_looked_at_where_there_is_tls(world):
    """Each target may have its own."""
    looked = []
    world.pools.get(DB)
    connector = world.pools.get(SUB).dialer.connector
    connector.tls = SimpleNamespace(look=lambda: looked.append("sub"))
    world.pools.look()
    assert looked == ["sub"]


def test_all_pools_are_closed_and_stopped(world):
    """First what is idle, then what comes back, in the end the rest."""
    lent, other = world.borrowed(DB), world.borrowed(SUB)
    world.pools.close()
    other.lease.pool.give_back(other.lease, BARE)
    world.group.run()
    assert [pool.ledger.total for pool in world.pools] == [1, 0]
    world.pools.stop()
    world.group.run()
    assert [pool.ledger.total for pool in world.pools] == [0, 0]
    assert lent.replies
