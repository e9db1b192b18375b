"""The writer dies, and another server or the same one takes its place: what clients notice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from proxy.embedded.launch import start_local_server
from tests.support.failing_over import (
    GO_ON,
    HEALTH,
    SWITCHED,
    WAITS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
)
from tests.support.process import WORKERS_IN_TURN
from tests.support.regulars import (
    ROLLED_BACK,
    UNKNOWN,
    ask,
    balance,
    execute_statement,
    hear,
    meanwhile,
    prepare_statement,
    regulars,
    rows,
)

pytestmark = pytest.mark.live

STOPPING = (1053, "08S01")
"""What MySQL answers itself to a write that it has undone because it shuts down."""


on_both = pytest.mark.parametrize("servers", list(Flavor), ids=str, indirect=True)
on_mysql = pytest.mark.parametrize("servers", [Flavor.MYSQL], ids=str, indirect=True)


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[ReplicatedServers]:
    """A primary and a replica that has what was acknowledged."""
    with start_replicated(request.param, semi_sync=True) as group:
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


@on_mysql
def test_who_has_nothing_in_flight_hears_nothing(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Idle clients go on with all of their session, and reads have no error."""
    proxy = start()
    idle = [proxy.connect() for _ in range(4)]
    numbers = [prepare_statement(client, "SELECT id, name FROM things") for client in idle]
    for number, client in enumerate(idle):
        ask(client, f"SET @mark = {number}, time_zone = '+03:00', sql_mode = 'ANSI_QUOTES'")
        ask(client, "USE store")
    with regulars(proxy.connect, reads=6) as crowd:
        pair.primary.kill()
        new = pair.promote()
        proxy.wait_for(SWITCHED, now=address(new))
        crowd.wait_for_answers()
    assert not crowd.errors()
    for number, client in enumerate(idle):
        seen = ask(client, "SELECT @mark, @@time_zone, DATABASE(), @@sql_mode, @@port")
        assert seen == ((number, "+03:00", "store", "ANSI_QUOTES", new.port),)
        assert len(execute_statement(client, numbers[number])) == 3
        client.close()
    assert not proxy.alarms()


@on_both
def test_a_transaction_hears_one_error(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """It was rolled back; the connection and the session go on, and it can be run again."""
    proxy = start()
    clients = [proxy.connect() for _ in range(4)]
    number = prepare_statement(clients[0], "SELECT id, name FROM things")
    for who, client in enumerate(clients):
        ask(client, f"SET @mark = {who}, time_zone = '+03:00'")
    proxy.read_sessions()
    for who, client in enumerate(clients):
        ask(client, "BEGIN")
        ask(client, f"INSERT INTO ledger (who, number) VALUES ({who}, 1)")
    pair.primary.kill()
    pair.promote()
    last = ("SELECT 1", "INSERT INTO ledger (who, number) VALUES (1, 2)", "COMMIT", "BEGIN")
    for who, client in enumerate(clients):
        assert hear(client, last[who]).kind == ROLLED_BACK
    for who, client in enumerate(clients):
        assert ask(client, "SELECT @mark, @@time_zone") == ((who, "+03:00"),)
        for text in ("BEGIN", f"INSERT INTO ledger (who, number) VALUES ({who}, 3)", "COMMIT"):
            assert not hear(client, text).code
    assert len(execute_statement(clients[0], number)) == 3
    assert rows(pair.primary) == {(who, 3): 1 for who in range(len(clients))}
    for client in clients:
        client.close()


@on_both
def test_what_waits_for_a_writer_runs_once(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """A write, a read and a login that come while there is none have no error."""
    proxy = start()
    writer, reader = proxy.connect(), proxy.connect()
    pair.primary.kill()
    proxy.wait_for(WAITS)
    with (
        meanwhile(hear, writer, "INSERT INTO ledger (who, number) VALUES (1, 1)") as written,
        meanwhile(hear, reader, "SELECT name FROM things WHERE id = 1") as read,
        meanwhile(proxy.connect) as logged_in,
    ):
        proxy.wait_for(HEALTH, condition="not there")
        assert not written.done()
        new = pair.promote()
    assert not written.result().code
    assert read.result().rows == (("one",),)
    assert ask(logged_in.result(), "SELECT @@port") == ((new.port,),)
    assert rows(new) == {(1, 1): 1}


@pytest.mark.parametrize("workers", WORKERS_IN_TURN)
@on_both
def test_a_whole_crowd_is_told_the_truth(
    pair: ReplicatedServers, start: Callable[..., Watching], workers: int
) -> None:
    """Who writes hears of what was lost, and of nothing else; no row is lost or there twice."""
    proxy = start(workers=workers)
    with regulars(proxy.connect, reads=3, writes=6, trades=6, comes_and_goes=2) as crowd:
        pair.primary.kill()
        pair.promote()
        proxy.wait_for(SWITCHED)
    assert not crowd.errors("reads", "comes_and_goes")
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK, UNKNOWN}
    assert {error.kind for error in crowd.errors("writes")} <= {UNKNOWN}
    assert not [one.errors for one in crowd.all if len(one.errors) > 1]
    balance(crowd, pair.primary)


@on_mysql
def test_a_writer_that_comes_back_in_its_place_is_used_again(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Clients wait for it meanwhile, and nobody takes its place."""
    proxy = start()
    with regulars(proxy.connect, reads=3, writes=3) as crowd:
        pair.primary.kill()
        proxy.wait_for(HEALTH, condition="not there", target=address(pair.primary))
        pair.primary.start()
        proxy.wait_for(GO_ON)
    assert not crowd.errors("reads")
    assert {error.kind for error in crowd.errors()} <= {UNKNOWN}
    balance(crowd, pair.primary)
    assert not proxy.said(SWITCHED)


@pytest.mark.parametrize("flavor", list(Flavor), ids=str)
def test_the_only_target_may_be_restarted(flavor: Flavor, tmp_path: Path) -> None:
    """Its role is fixed and nobody looks: clients wait for it all the same."""
    with start_local_server(flavor) as server:
        prepare(server)
        with proxy_before([server], tmp_path, topology="STATIC") as proxy:
            idle = proxy.connect()
            ask(idle, "SET @mark = 7")
            with regulars(proxy.connect, reads=3, writes=3, trades=2) as crowd:
                server.stop()
                server.start()
                crowd.wait_for_answers()
                server.kill()
                server.start()
            assert not crowd.errors("reads")
            assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK, UNKNOWN, STOPPING}
            balance(crowd, server)
            assert ask(idle, "SELECT @mark") == ((7,),)
            idle.close()


@on_mysql
def test_a_second_failover_right_behind_the_first(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Back to the old writer, which has just come back as a replica."""
    proxy = start()
    old = pair.primary
    idle = proxy.connect()
    ask(idle, "SET @mark = 7")
    with regulars(proxy.connect, reads=3, writes=3, trades=3) as crowd:
        old.kill()
        new = pair.promote()
        pair.rejoin(old)
        pair.wait_until_caught_up()
        new.kill()
        pair.promote()
        proxy.wait_for(SWITCHED, now=address(old))
    assert not crowd.errors("reads")
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK, UNKNOWN}
    assert all(len(one.errors) <= 2 for one in crowd.all)
    balance(crowd, old)
    assert ask(idle, "SELECT @mark, @@port") == ((7, old.port),)


@on_mysql
def test_all_are_gone_for_a_while(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Nobody who had nothing in flight hears of it, and the known writer goes on."""
    proxy = start()
    primary, replica = pair.servers
    with regulars(proxy.connect, reads=3, writes=2, comes_and_goes=2) as crowd:
        replica.kill()
        primary.kill()
        proxy.wait_for(HEALTH, condition="not there", target=address(replica))
        proxy.wait_for(HEALTH, condition="not there", target=address(primary))
        assert proxy.status()["held"]
        replica.start()
        primary.start()
        proxy.wait_for(GO_ON)
    assert not crowd.errors("reads", "comes_and_goes")
    assert {error.kind for error in crowd.errors()} <= {UNKNOWN}
    balance(crowd, primary)
    assert not proxy.said(SWITCHED)
