"""Tests of `proxy.failover.ground`: what failover uses of pools is there in both kinds."""

from __future__ import annotations

import inspect

import pytest

from proxy.failover import ground
from proxy.failover.distant import DistantPool, DistantPools, DistantRoute, DistantWrites
from proxy.pool.own_writes import OwnWrites
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route

KINDS = {
    ground.AnyPool: (TargetPool, DistantPool),
    ground.AnyPools: (Pools, DistantPools),
    ground.AnyRoute: (Route, DistantRoute),
    ground.AnyOwnWrites: (OwnWrites, DistantWrites),
}


@pytest.mark.parametrize("wanted", KINDS, ids=lambda one: one.__name__)
def test_both_kinds_can_do_what_is_done_to_them(wanted):
    """Each method of the protocol is a method of both classes."""
    names = [name for name, one in vars(wanted).items() if inspect.isfunction(one)]
    names = [name for name in names if not name.startswith("_") or name == "__iter__"]
    assert names
    for kind in KINDS[wanted]:
        assert [name for name in names if not callable(getattr(kind, name, None))] == []
