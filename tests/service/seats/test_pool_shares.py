"""Tests of `proxy.service.seats.pool_shares`; how workers share is shown in `test_budget`."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from proxy.service.seats.pool_shares import PoolShares
from tests.support.fleet import MemoryLink
from tests.support.pools import Group


@pytest.fixture
def link():
    """The worker's end; nobody is at the other."""
    return MemoryLink(Clock())


def order(number, **more):
    """What the supervisor may say."""
    return {
        "what": "share",
        "sockets": [],
        "number": number,
        "granted": 0,
        "back": 0,
        "is_watched": False,
        "max_connections": None,
        **more,
    }


def test_each_pool_says_that_it_is_there(link):
    """By a number, with the names of its proxy and its target."""
    group = Group(2)
    shares = PoolShares(link, group.clock)
    for pool, target in zip(group.pools, ("db:3306", "sub:3306"), strict=True):
        shares.attach(pool, "shop", target)
    assert repr(shares) == "<PoolShares of 2 pools>"
    said = [(what, more["number"], more["target"]) for what, more in link.said]
    assert said == [("need", 1, "db:3306"), ("need", 2, "sub:3306")]
    assert link.said[0][1] == {
        "number": 1,
        "proxy": "shop",
        "target": "db:3306",
        "given": 0,
        "back": 0,
        "load": 0,
        "peak": 0,
        "spare": 0,
        "is_fresh": False,
        "waited": None,
        "max_connections": None,
    }


def test_each_pool_hears_what_it_may_have(link):
    """What else the message says is nobody's business here."""
    group = Group(2)
    shares = PoolShares(link, group.clock)
    for pool in group.pools:
        shares.attach(pool, "shop", pool.place)
    link.handlers["share"](order(2, granted=2, max_connections=100), [])
    assert [pool.ledger.limits.connections for pool in group.pools] == [0, 2]


def test_who_has_left_hears_nothing_more(link):
    """What was on its way is lost, as the supervisor takes everything back."""
    (pool,) = (group := Group(1)).pools
    shares = PoolShares(link, group.clock)
    shares.attach(pool, "shop", "db:3306")
    pool.share.leave()
    assert link.said[-1] == ("no_need", {"number": 1})
    link.handlers["share"](order(1, granted=2), [])
    assert pool.ledger.limits.connections == 0
