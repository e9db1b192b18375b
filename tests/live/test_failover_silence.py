"""Servers that say nothing, lie behind a cut network, or take writes that they should not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from proxy.embedded.relay import CuttingRelay
from proxy.embedded.roles import accept_writes, refuse_writes
from tests.support.failing_over import (
    ALARM,
    GO_ON,
    HEALTH,
    SWITCHED,
    WAITS,
    WELL_SECONDS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
)
from tests.support.regulars import (
    ROLLED_BACK,
    UNKNOWN,
    ask,
    balance,
    hear,
    meanwhile,
    regulars,
    rows,
)

pytestmark = pytest.mark.live

SPLIT = "takes writes too"


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicatedServers]:
    """A primary and a replica."""
    with start_replicated(Flavor.MYSQL) as group:
        prepare(group.primary)
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
    """Run a proxy before the pair, and wait until it knows both."""
    with contextlib.ExitStack() as stack:

        def started(**settings: Any) -> Watching:
            proxy = stack.enter_context(proxy_before(pair.servers, tmp_path, **settings))
            proxy.wait_until_well()
            return proxy

        yield started


@attrs.frozen
class Name:
    """A name that leads to where a relay listens."""

    port: int
    host: str = "localhost"


def until(holds: Callable[[], object]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + WELL_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_frozen_writer_is_noticed_and_never_used_again(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """What had to wait runs on the new one, also when the old one wakes and takes writes."""
    proxy = start(alarms=[SPLIT])
    old, (new,) = pair.primary, pair.replicas
    idle, writer, reader = (proxy.connect() for _ in range(3))
    ask(idle, "SET @mark = 7")
    proxy.read_sessions()
    before = len(proxy.said(WAITS))
    old.freeze()
    with meanwhile(hear, reader, "SELECT @@port") as read:
        proxy.wait_for(WAITS, before + 1)
        with meanwhile(
            hear, writer, "INSERT INTO ledger (who, number) VALUES (99, 1)"
        ) as wrote:
            proxy.wait_for(HEALTH, condition="not there", target=address(old))
            pair.promote(new)
    assert not wrote.result().code
    assert read.result().rows == ((new.port,),)
    old.thaw()
    assert old.execute("SELECT @@read_only") == ((0,),)
    proxy.wait_for(ALARM)
    with regulars(proxy.connect, writes=4, trades=4, comes_and_goes=2) as crowd:
        crowd.wait_for_answers()
    assert not crowd.errors()
    assert rows(new)[99, 1] == 1
    assert not rows(old)
    assert ask(idle, "SELECT @mark, @@port") == ((7, new.port),)
    [alarm] = proxy.alarms()
    assert address(old) in alarm


def test_an_old_writer_is_fenced(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """By setting: whoever still finds it writes there no more."""
    proxy = start(failover={"fence": True}, alarms=[SPLIT])
    old, (new,) = pair.primary, pair.replicas
    with regulars(proxy.connect, reads=3, writes=3, trades=3) as crowd:
        old.freeze()
        proxy.wait_for(WAITS)
        pair.promote(new)
        proxy.wait_for(SWITCHED, now=address(new))
        old.thaw()
        until(lambda: old.execute("SELECT @@super_read_only") == ((1,),))
    assert not crowd.errors("reads")
    assert {error.kind for error in crowd.errors("writes")} <= {UNKNOWN}
    assert {error.kind for error in crowd.errors("trades")} <= {UNKNOWN, ROLLED_BACK}
    assert new.execute("SELECT @@super_read_only") == ((0,),)


def test_a_cut_network_is_waited_for(pair: ReplicatedServers, tmp_path: Path) -> None:
    """Whatever was not sent runs when it is there again; nobody takes the writer's place."""
    with (
        CuttingRelay(pair.primary.host, pair.primary.port) as relay,
        proxy_before([relay, pair.replicas[0]], tmp_path) as proxy,
    ):
        proxy.wait_until_well()
        writer = proxy.connect()
        with regulars(proxy.connect, reads=3, writes=3, comes_and_goes=2) as crowd:
            relay.cut()
            proxy.wait_for(WAITS)
            insert = "INSERT INTO ledger (who, number) VALUES (99, 1)"
            with meanwhile(hear, writer, insert) as wrote:
                proxy.wait_for(HEALTH, condition="not there")
                relay.heal()
            assert not wrote.result().code
            proxy.wait_for(GO_ON)
        assert not crowd.errors("reads", "comes_and_goes")
        assert {error.kind for error in crowd.errors()} <= {UNKNOWN}
        assert rows(pair.primary)[99, 1] == 1
        balance(crowd, pair.primary)
        assert not proxy.said(SWITCHED)


def test_a_short_cut_moves_nobody(pair: ReplicatedServers, tmp_path: Path) -> None:
    """As long as packets are only late there is no error at all."""
    with (
        CuttingRelay(pair.primary.host, pair.primary.port) as relay,
        proxy_before([relay, pair.replicas[0]], tmp_path) as proxy,
    ):
        proxy.wait_until_well()
        with regulars(proxy.connect, reads=3, writes=3, trades=3) as crowd:
            for _ in range(3):
                relay.cut()
                time.sleep(0.3)
                relay.heal()
                crowd.wait_for_answers()
        assert not crowd.errors()
        balance(crowd, pair.primary)
        assert not proxy.said(HEALTH, condition="not there")


@pytest.mark.parametrize("setting", ["KEEP", "REFUSE"])
def test_two_servers_that_take_writes(
    pair: ReplicatedServers, start: Callable[..., Watching], setting: str
) -> None:
    """The known writer goes on, or everybody waits until there is one: nobody else writes."""
    proxy = start(failover={"split_brain": setting}, alarms=[SPLIT])
    primary, (replica,) = pair.servers[0], pair.replicas
    with regulars(proxy.connect, reads=2, writes=4, trades=4) as crowd:
        accept_writes(replica)
        try:
            proxy.wait_for(ALARM)
            if setting == "KEEP":
                crowd.wait_for_answers()
            else:
                proxy.wait_for(WAITS)
                assert proxy.status()["held"]
        finally:
            refuse_writes(replica)
        until(lambda: not proxy.status()["held"])
    assert not crowd.errors()
    held = [line for line in proxy.said(WAITS) if SPLIT in line["why"]]
    assert bool(held) is (setting == "REFUSE")
    balance(crowd, primary)
    assert not proxy.said(SWITCHED)


def test_a_name_that_leads_to_another_server(pair: ReplicatedServers, tmp_path: Path) -> None:
    """Pools leave the old server, though it lives on, and single statements have no error."""
    old, (new,) = pair.primary, pair.replicas
    with (
        CuttingRelay(old.host, old.port) as relay,
        proxy_before([Name(relay.port)], tmp_path) as proxy,
    ):
        idle = proxy.connect()
        ask(idle, "SET @mark = 7")
        with regulars(proxy.connect, reads=3, writes=3, comes_and_goes=2) as crowd:
            assert ask(idle, "SELECT @@port") == ((old.port,),)
            pair.switch_over()
            relay.retarget(new.host, new.port)
            until(lambda: ask(idle, "SELECT @@port") == ((new.port,),))
        assert not crowd.errors()
        assert ask(idle, "SELECT @mark") == ((7,),)
        balance(crowd, new)


def test_a_name_that_leaves_a_server_that_takes_writes(
    pair: ReplicatedServers, tmp_path: Path
) -> None:
    """Nothing but the name tells of it: after some seconds nobody is at the old server."""
    old, (new,) = pair.primary, pair.replicas
    with (
        CuttingRelay(old.host, old.port) as relay,
        proxy_before([Name(relay.port)], tmp_path) as proxy,
    ):
        with regulars(proxy.connect, reads=3, trades=3) as crowd:
            pair.promote(new)
            relay.retarget(new.host, new.port)
            proxy.wait_for("another server is behind a target's address")
            late = proxy.connect()
            assert ask(late, "SELECT @@port") == ((new.port,),)
            crowd.wait_for_answers()
            at_old = "SELECT COUNT(*) FROM performance_schema.processlist WHERE user = 'app'"
            until(lambda: old.execute(at_old) == ((0,),))
        assert not crowd.errors()
        late.close()
