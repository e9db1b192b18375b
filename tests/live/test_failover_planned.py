"""Servers change places by plan, and operators give orders, while clients are at work."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from proxy.embedded.following import wait_until_caught_up
from tests.support.failing_over import (
    SWITCHED,
    WELL_SECONDS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
    settle,
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

on_both = pytest.mark.parametrize("servers", list(Flavor), ids=str, indirect=True)
on_mysql = pytest.mark.parametrize("servers", [Flavor.MYSQL], ids=str, indirect=True)


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[ReplicatedServers]:
    """A primary and two replicas."""
    with start_replicated(request.param, 2) as group:
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
    """Run a proxy before them, and wait until it knows all."""
    with contextlib.ExitStack() as stack:
        folders = itertools.count()

        def started(**settings: Any) -> Watching:
            folder = tmp_path / str(next(folders))
            proxy = stack.enter_context(proxy_before(pair.servers, folder, **settings))
            proxy.wait_until_well()
            for replica in pair.replicas:
                proxy.wait_until_follows(replica)
            return proxy

        yield started


def port_of(client: Any) -> int:
    """Of the server that serves a client now."""
    [[port]] = ask(client, "SELECT @@port")
    return int(port)


def until_port(client: Any, wanted: int) -> None:
    """Ask until another server serves."""
    deadline = time.monotonic() + WELL_SECONDS
    while port_of(client) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@on_both
def test_nobody_notices_a_promotion(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Not even in a short transaction, twice; other replicas follow the new writer."""
    proxy = start()
    with regulars(proxy.connect, reads=6, writes=8, trades=8, comes_and_goes=2) as crowd:
        for _ in range(2):
            new, other = pair.replicas
            reply = proxy.order("targets", address(new), "promote")
            assert (reply.status, reply.error) == (HTTPStatus.OK, "")
            crowd.wait_for_answers()
            wait_until_caught_up(other, new)
            settle(pair)
            assert pair.primary is new
            for replica in pair.replicas:
                proxy.wait_until_follows(replica)
    assert not crowd.errors()
    balance(crowd, pair.primary)
    assert not proxy.alarms()


@on_mysql
def test_a_transaction_has_time_to_end(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Who ends it hears nothing; who does not hears that it was rolled back."""
    proxy = start(failover={"transaction_grace": 2})
    quick, slow, idle = (proxy.connect() for _ in range(3))
    ask(idle, "SET @mark = 7")
    for who, client in enumerate((quick, slow)):
        ask(client, "BEGIN")
        ask(client, f"INSERT INTO ledger (who, number) VALUES ({who}, 1)")
    new = pair.replicas[0]
    with meanwhile(proxy.order, "targets", address(new), "promote") as reply:
        time.sleep(0.3)  # so that the promotion has begun, mostly
        assert not hear(quick, "INSERT INTO ledger (who, number) VALUES (0, 2)").code
        assert not hear(quick, "COMMIT").code
    assert not reply.result().error
    assert hear(slow, "COMMIT").kind == ROLLED_BACK
    settle(pair)
    assert rows(new) == {(0, 1): 1, (0, 2): 1}
    assert ask(idle, "SELECT @mark, @@port") == ((7, new.port),)


@on_both
def test_a_script_may_switch_too(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """The proxy is told nothing: only transactions that were open have an error, one each."""
    proxy = start()
    with regulars(proxy.connect, reads=6, writes=8, trades=6, comes_and_goes=2) as crowd:
        pair.switch_over()
        proxy.wait_for(SWITCHED, now=address(pair.primary))
    assert not crowd.errors("reads", "writes", "comes_and_goes")
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK}
    assert all(len(one.errors) <= 1 for one in crowd.all)
    balance(crowd, pair.primary)
    assert not proxy.alarms()


@on_mysql
def test_a_promotion_that_fails_changes_nothing(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Clients wait for a moment, and go on as before."""
    proxy = start()
    primary, (replica, _) = pair.primary, pair.replicas
    with regulars(proxy.connect, reads=4, writes=6, trades=6) as crowd:
        with meanwhile(proxy.order, "targets", address(replica), "promote") as reply:
            replica.freeze()
        assert reply.result().status in (HTTPStatus.OK, HTTPStatus.CONFLICT)
        replica.thaw()
        if reply.result().error:
            crowd.wait_for_answers()
            assert primary.execute("SELECT @@read_only") == ((0,),)
            assert replica.execute("SELECT @@read_only") == ((1,),)
        else:
            settle(pair)
    assert not crowd.errors()
    balance(crowd, pair.primary)


@on_mysql
def test_a_promotion_that_takes_too_long_is_taken_back(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Also what was ordered already and not done: the writer does not refuse writes later."""
    proxy = start()
    primary, (replica, _) = pair.primary, pair.replicas
    with regulars(proxy.connect, reads=2, writes=3) as crowd:
        with contextlib.closing(primary.connect()) as locker:
            ask(locker, "LOCK TABLES shop.things WRITE")  # no server becomes read-only then
            reply = proxy.order("targets", address(replica), "promote")
            assert reply.status == HTTPStatus.CONFLICT
        time.sleep(0.5)
        assert primary.execute("SELECT @@read_only") == ((0,),)
        crowd.wait_for_answers()
    assert replica.execute("SELECT @@read_only") == ((1,),)
    assert {error.kind for error in crowd.errors()} <= {UNKNOWN}
    balance(crowd, primary)


@on_mysql
def test_another_proxy_may_promote(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Of two proxies one is told nothing: its single statements have no error either."""
    told, untold = start(), start()
    with regulars(told.connect, reads=2, writes=4, trades=4) as first:
        with regulars(untold.connect, reads=2, writes=4, trades=4) as second:
            new = pair.replicas[0]
            assert not told.order("targets", address(new), "promote").error
            untold.wait_for(SWITCHED, now=address(new))
        assert not second.errors("reads", "writes")
        assert {error.kind for error in second.errors()} <= {ROLLED_BACK}
    assert not first.errors()
    settle(pair)
    found = rows(new)
    for crowd in (first, second):
        for one in crowd.all:
            assert all((one.who, number) in found for number in one.acknowledged)


@on_mysql
def test_a_failover_while_all_is_paused(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Nobody hears of it, and the pause goes on until it is ended."""
    proxy = start()
    with regulars(proxy.connect, reads=3, writes=4, trades=4) as crowd:
        assert not proxy.order("pause").error
        pair.wait_until_caught_up()
        pair.primary.kill()
        new = pair.promote()
        proxy.wait_for(SWITCHED, now=address(new))
        assert proxy.status()["paused"]
        assert not proxy.order("resume").error
        crowd.wait_for_answers()
    assert not crowd.errors()
    balance(crowd, new)


@on_mysql
def test_a_pause_holds_everybody_between_transactions(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """An open transaction ends first; nothing runs then, until the proxy is resumed."""
    proxy = start()
    with regulars(proxy.connect, reads=3, writes=4, trades=4) as crowd:
        late = proxy.connect()
        ask(late, "BEGIN")
        with meanwhile(proxy.order, "pause") as reply:
            time.sleep(0.3)
            assert not reply.done()
            ask(late, "INSERT INTO ledger (who, number) VALUES (99, 1)")
            ask(late, "COMMIT")
            assert reply.result().content["done"]
        before = rows(pair.primary)
        time.sleep(0.3)
        assert rows(pair.primary) == before
        status = proxy.status()
        assert status["paused"]
        assert status["waiting"] > 0
        assert not proxy.order("resume").error
        crowd.wait_for_answers()
    assert not crowd.errors()
    assert rows(pair.primary)[99, 1] == 1
    late.close()


@on_mysql
def test_a_reader_may_be_drained(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Who reads moves to the writer and back again, without an error."""
    proxy = start(failover={"slow_start": 0})
    replica, other = pair.replicas
    assert not proxy.order("targets", address(other), "drain").error

    def connect() -> Any:
        return proxy.connect(port=proxy.readers_port)

    client = connect()
    with regulars(connect, reads=6, comes_and_goes=2) as crowd:
        until_port(client, replica.port)
        reply = proxy.order("targets", address(replica), "drain")
        assert (reply.error, reply.content["done"]) == ("", True)
        assert port_of(client) == pair.primary.port
        assert proxy.targets()[address(replica)]["connections"] == 0
        crowd.wait_for_answers()
        assert not proxy.order("targets", address(replica), "undrain").error
        until_port(client, replica.port)
    assert not crowd.errors()
    assert proxy.order("targets", address(pair.primary), "drain").status == HTTPStatus.CONFLICT
    client.close()


@on_mysql
def test_a_reader_that_dies_is_left(
    pair: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """Reads go on at the writer without an error, and come back by themselves."""
    proxy = start(failover={"slow_start": 0})
    replica, other = pair.replicas
    assert not proxy.order("targets", address(other), "drain").error

    def connect() -> Any:
        return proxy.connect(port=proxy.readers_port)

    client = connect()
    until_port(client, replica.port)
    with regulars(connect, reads=6, comes_and_goes=2) as crowd:
        replica.kill()
        until_port(client, pair.primary.port)
        replica.start()
        until_port(client, replica.port)
    assert not crowd.errors()
    client.close()


@on_mysql
def test_another_set_of_targets_takes_over(pair: ReplicatedServers, tmp_path: Path) -> None:
    """Blue and green: clients wait until the new ones take writes, and go on there."""
    blue, green = pair.primary, pair.replicas[0]
    group = {"target_sets": [{"name": "green", "targets": [{"address": address(green)}]}]}
    with proxy_before([blue], tmp_path, group=group) as proxy:
        with regulars(proxy.connect, reads=4, writes=6, trades=6) as crowd:
            with meanwhile(proxy.order, "switch", target_set="green") as reply:
                time.sleep(0.3)
                pair.switch_over()
            assert (reply.result().error, reply.result().content["done"]) == ("", True)
            crowd.wait_for_answers()
            assert proxy.status()["target_set"] == "green"
            assert set(proxy.targets()) == {address(green)}
        assert not crowd.errors()
        balance(crowd, green)
        reply = proxy.order("switch", target_set="red")
        assert reply.status == HTTPStatus.CONFLICT
        assert "red" in reply.error
