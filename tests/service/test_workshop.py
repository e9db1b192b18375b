"""Tests of `proxy.service.workshop`."""

import attrs
import pytest

from proxy.config.failover import FailoverConfig
from proxy.config.model import Target
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.tls import BackendTls, TlsMode
from proxy.credentials.aws_threads import AwsThreads
from proxy.failover.sharing import NOBODY
from proxy.net.backend_tls import BackendTlsStreams
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger
from proxy.pool.registry import Pools
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


def test_pools_share_once_there_are_others(workshop):
    """Those that were made before as well, but for the ones in which nobody ever connects."""
    shared = []
    pools = Pools(workshop.pool)
    old = pools.get(Target(address="db1"))
    pools.get(NOBODY)
    workshop.share(pools, lambda pool, *, target: shared.append((pool, target)))
    new = pools.get(Target(address="db2"))
    workshop.pool(NOBODY)
    assert shared == [(old, "db1"), (new, "db2")]


def test_who_reads_own_writes_hears_of_others_where_there_are_some(workshop):
    """As it is given."""
    replace(workshop, failover=FailoverConfig(read_your_writes=True))
    route, elsewhere = Route(workshop.pool(Target(address="db2"))), object()
    assert workshop.own_writes(route)._elsewhere is None
    workshop.means.elsewhere = lambda: elsewhere
    assert workshop.own_writes(route)._elsewhere is elsewhere


def test_files_that_monitors_connect_with_are_looked_at(workshop, monkeypatch):
    """Where there is TLS."""
    looked = []

    def look(streams):
        looked.append(streams)

    monkeypatch.setattr(BackendTlsStreams, "look", look)
    targets = [Target(address="db1"), Target(address="db2")]
    workshop.look_at_files(targets)
    assert len(looked) == 2
    replace(workshop, tls=BackendTls(mode=TlsMode.DISABLED))
    workshop.look_at_files(targets)
    assert len(looked) == 2
