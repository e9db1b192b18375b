"""Monitors that cannot see, servers that are full, and replicas that lack transactions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from proxy.embedded import Flavor, LocalServer, ReplicatedServers, start_replicated
from tests.support.failing_over import (
    ALARM,
    HEALTH,
    MONITOR,
    SWITCHED,
    WELL_SECONDS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
)
from tests.support.regulars import ask, balance, regulars

pytestmark = pytest.mark.live

MOST = 30
NOBODY = {"username": "nobody", "password": "nobody-secret-1", "for_monitor": True}
WRONG = {**MONITOR, "password": "wrong"}
UNSEEN = "the monitor cannot see"
FULL = "it has no connection to spare"


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicatedServers]:
    """A primary and a replica that take few connections, and a user without any right."""
    with start_replicated(Flavor.MYSQL, max_connections=MOST) as group:
        prepare(group.primary)
        group.primary.create_user(NOBODY["username"], NOBODY["password"], grants=())
        group.wait_until_caught_up()
        yield group


@pytest.fixture
def pair(servers: ReplicatedServers) -> Iterator[ReplicatedServers]:
    """The same, well again and with an empty ledger."""
    servers.primary.execute("TRUNCATE shop.ledger")
    servers.wait_until_caught_up()
    yield servers
    heal(servers)


@pytest.fixture
def start(pair: ReplicatedServers, tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Run a proxy before the pair."""
    with contextlib.ExitStack() as stack:

        def started(**settings: Any) -> Watching:
            return stack.enter_context(proxy_before(pair.servers, tmp_path, **settings))

        yield started


def test_a_monitor_without_rights_is_enough(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """It sees who takes writes, and failovers go as ever."""
    proxy = start(monitor=NOBODY)
    proxy.wait_until_well()
    idle = proxy.connect()
    with regulars(proxy.connect, reads=3, comes_and_goes=1) as crowd:
        pair.primary.kill()
        pair.promote()
        proxy.wait_for(SWITCHED, now=address(pair.primary))
    assert not crowd.errors()
    assert ask(idle, "SELECT @@port") == ((pair.primary.port,),)
    assert not proxy.alarms()


def test_a_promotion_without_rights_is_refused(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """By the server's own words; clients wait for a moment and go on as before."""
    proxy = start(monitor=NOBODY)
    proxy.wait_until_well()
    primary, (replica,) = pair.primary, pair.replicas
    with regulars(proxy.connect, reads=3, writes=3, trades=3) as crowd:
        reply = proxy.order("targets", address(replica), "promote")
        assert reply.status == 409
        crowd.wait_for_answers()
    assert not crowd.errors()
    balance(crowd, primary)
    assert replica.execute("SELECT @@super_read_only") == ((1,),)


def test_a_monitor_that_may_not_log_in_says_so(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """It is an alarm, and no dead database: clients are served."""
    proxy = start(monitor=WRONG, alarms=[UNSEEN])
    proxy.wait_for(ALARM)
    with regulars(proxy.connect, reads=3, writes=3, comes_and_goes=1) as crowd:
        crowd.wait_for_answers(20)
    assert not crowd.errors()
    balance(crowd, pair.primary)
    assert {address(server) for server in pair.servers} == set(proxy.targets())
    assert not proxy.said(HEALTH, condition="not there")
    assert not proxy.said(SWITCHED)


def fill(server: LocalServer, taken: contextlib.ExitStack) -> None:
    """Take all connections that are left."""
    options = {"user": "app", "password": "app-secret-1"}
    with contextlib.suppress(pymysql.err.OperationalError):
        while True:
            taken.enter_context(contextlib.closing(server.connect(**options)))


def test_a_full_server_is_not_dead(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Who has a connection goes on, also when the monitor has none: it only says so."""
    proxy = start(pool={"max_connections": 5}, alarms=[UNSEEN])
    proxy.wait_until_well()
    primary = pair.primary
    with contextlib.ExitStack() as taken, regulars(proxy.connect, reads=3, writes=3) as crowd:
        root = taken.enter_context(contextlib.closing(primary.connect()))
        fill(primary, taken)
        deadline = time.monotonic() + WELL_SECONDS
        while not any(FULL in why for why in proxy.alarms()):
            assert time.monotonic() < deadline, proxy.targets()
            looking = "SELECT id FROM performance_schema.processlist WHERE user = 'monitor'"
            for (number,) in ask(root, looking):
                ask(root, f"KILL {number}")
                fill(primary, taken)  # before the monitor comes back, mostly
            time.sleep(0.2)
        crowd.wait_for_answers(20)
    assert not crowd.errors()
    balance(crowd, primary)
    assert not proxy.said(HEALTH, condition="not there")
    assert not proxy.said(SWITCHED)
    proxy.wait_until_well()


def test_what_a_new_writer_lacks_is_told(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """It is used, as somebody wants it so, and an alarm says that transactions are gone."""
    proxy = start(alarms=["lacks transactions", UNSEEN])
    proxy.wait_until_well()
    old, (new,) = pair.primary, pair.replicas
    client = proxy.connect()
    new.execute("STOP REPLICA")
    ask(client, "INSERT INTO ledger (who, number) VALUES (1, 1)")
    time.sleep(2.5)  # two periods, in which the proxy sees it
    old.kill()
    pair.promote(new)
    switched = proxy.wait_for(SWITCHED, now=address(new))
    assert any("lacks transactions" in why for why in switched["alarms"]), switched
    assert ask(client, "SELECT COUNT(*) FROM ledger") == ((0,),)
    client.close()
