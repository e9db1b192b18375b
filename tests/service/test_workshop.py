"""Tests of `proxy.service.workshop`."""

import attrs
import pytest

from proxy.config.failover import FailoverConfig
from proxy.config.model import Target
from proxy.config.pool import ConnectionPoolConfig
from proxy.credentials.aws_threads import AwsThreads
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger
from proxy.pool.route import Route
from proxy.service.materials import Materials, Means
from proxy.service.workshop import Workshop
from tests.support.assembling import make_config


@pytest.fixture
def workshop(shared):
    """The workshop of a proxy with one target."""
    files = AwsThreads(shared.reactor)
    means = Means(shared.reactor, shared.threads, files, Counters(), get_logger())
    return Workshop(Materials(make_config(), means), means)


def replace(workshop, **settings):
    """Give the workshop the materials of another target group."""
    config = workshop.materials.config
    group = attrs.evolve(config.target_group, **settings)
    fresh = attrs.evolve(config, target_group=group)
    workshop.materials = Materials(fresh, workshop.means, workshop.materials)


def test_what_it_makes_is_by_the_materials_of_now(workshop):
    """Pools, connectors, and what reads what was written."""
    target = Target(address="db2")
    route = Route(workshop.pool(target))
    assert workshop.own_writes(route) is None
    assert workshop.connector(target).timeout_seconds == 5.0
    replace(
        workshop,
        connection_pool_config=ConnectionPoolConfig(connect_timeout=2.0, max_waiting=7),
        failover=FailoverConfig(read_your_writes=True),
    )
    assert workshop.pool(target).ledger.limits.waiting == 7
    assert workshop.connector(target).timeout_seconds == 2.0
    assert workshop.connector(target, 0.5).timeout_seconds == 0.5
    assert workshop.own_writes(route) is not None


def test_all_that_it_makes_knows_the_same_users(workshop):
    """Also after their sources were replaced."""
    accounts = workshop.accounts(Target(address="db2"))
    assert accounts.newest("app") == "secret"
    workshop.directory.replace([], takes_all=False)
    assert accounts.newest("app") is None
    assert "shop" in repr(workshop)
    assert workshop.watching() is not None
