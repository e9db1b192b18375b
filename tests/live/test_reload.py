"""The configuration changes while clients are at work, and none of them notices."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pymysql
import pytest

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from proxy.embedded.certificates import self_signed
from tests.support.failing_over import (
    GO_ON,
    WAITS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
)
from tests.support.ports import free_port
from tests.support.process import WORKERS
from tests.support.regulars import ask, balance, regulars
from tests.support.reloading import NOT_CHANGED, Configured, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicatedServers]:
    """A primary and two replicas."""
    with start_replicated(Flavor.MYSQL, 2) as group:
        prepare(group.primary)
        group.wait_until_caught_up()
        yield group


@pytest.fixture
def trio(servers: ReplicatedServers) -> Iterator[ReplicatedServers]:
    """The same, well again and with an empty ledger."""
    servers.primary.execute("TRUNCATE shop.ledger")
    servers.wait_until_caught_up()
    yield servers
    heal(servers)


@pytest.fixture
def start(trio: ReplicatedServers, tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Run a proxy before some of them, and wait until it knows all."""
    with contextlib.ExitStack() as stack:
        folders = itertools.count()

        def started(places: Any = None, **settings: Any) -> Watching:
            folder = tmp_path / str(next(folders))
            proxy = stack.enter_context(
                proxy_before(places or trio.servers, folder, **settings)
            )
            proxy.wait_until_well()
            return proxy

        yield started


def group_of(document: dict[str, Any]) -> dict[str, Any]:
    """The target group in a document."""
    group: dict[str, Any] = document["proxies"][0]["target_group"]
    return group


def pool_of(document: dict[str, Any]) -> dict[str, Any]:
    """The settings of the pools in a document."""
    pool: dict[str, Any] = group_of(document)["connection_pool_config"]
    return pool


def test_nobody_notices_changes_of_all_kinds(
    trio: ReplicatedServers, start: Callable[..., Watching], tmp_path: Path
) -> None:
    """Pools, users, targets, endpoints, certificates and the log change under load."""
    primary, first, second = trio.servers
    proxy = start([primary, first])
    configured = Configured(proxy)
    more = free_port()
    tls = [self_signed().write(tmp_path / str(number)) for number in range(2)]

    def certificate(number: int) -> dict[str, Any]:
        files = tls[number]
        return {
            "certificates": [
                {"certificate": str(files.certificate), "private_key": str(files.key)}
            ]
        }

    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda it: pool_of(it).update(max_connections=3),
        lambda it: pool_of(it).update(max_connections=12, init_query="SET @greeting = 1"),
        lambda it: group_of(it)["targets"].append({"address": address(second)}),
        lambda it: it["proxies"][0]["auth"].append(
            {"username": "late", "password": "late-secret-1"}
        ),
        lambda it: it["proxies"][0]["endpoints"].append(
            {"name": "more", "listen": f"tcp:{more}:interface=127.0.0.1"}
        ),
        lambda it: it["proxies"][0].update(tls=certificate(0)),
        lambda it: it["proxies"][0].update(tls=certificate(1)),
        lambda it: it["log"].update(level="debug"),
        lambda it: group_of(it)["failover"].update(probe_interval=0.5, doubt_interval=0.05),
        lambda it: group_of(it)["failover"].update(read_your_writes=True),
        lambda it: group_of(it)["tls"].update(mode="preferred"),
        lambda it: group_of(it)["targets"].pop(1),
        lambda it: it["proxies"][0].update(idle_client_timeout=600, max_clients=500),
        lambda it: it["proxies"][0]["endpoints"].pop(),
        lambda it: group_of(it)["failover"].update(read_your_writes=False),
    ]
    with regulars(proxy.connect, reads=6, writes=6, trades=6, comes_and_goes=2) as crowd:
        for change in changes:
            assert configured.change(change)
            crowd.wait_for_answers(1)
            proxy.wait_until_well()
    assert not crowd.errors()
    balance(crowd, trio.primary)
    assert {*proxy.targets()} == {address(primary), address(second)}


def test_who_was_not_known_can_log_in_after_a_reload(start: Callable[..., Watching]) -> None:
    """And who is known no more cannot; who is logged in already stays."""
    proxy = start()
    configured = Configured(proxy)
    with proxy.connect("other") as known:
        assert ask(known, "SELECT 1")
        configured.change(
            lambda it: it["proxies"][0].update(
                auth=[one for one in it["proxies"][0]["auth"] if one["username"] != "other"]
            )
        )
        assert ask(known, "SELECT 2")
        with pytest.raises(pymysql.OperationalError, match="1045"):
            proxy.connect("other")
    configured.change(
        lambda it: it["proxies"][0]["auth"].append(
            {"username": "other", "password": "other-secret-1"}
        )
    )
    with proxy.connect("other") as known:
        assert ask(known, "SELECT 3")


def test_an_endpoint_moves_and_its_clients_stay(start: Callable[..., Watching]) -> None:
    """It listens at the new place, and not any more at the old one."""
    proxy = start()
    configured, moved = Configured(proxy), free_port()
    with proxy.connect() as client:
        configured.change(
            lambda it: it["proxies"][0]["endpoints"][0].update(
                listen=f"tcp:{moved}:interface=127.0.0.1"
            )
        )
        assert ask(client, "SELECT 1")
        with proxy.connect(port=moved) as other:
            assert ask(other, "SELECT 1")
        with pytest.raises(pymysql.OperationalError, match="2003"):
            proxy.connect()
        # Also where both places have the same port.
        configured.change(
            lambda it: it["proxies"][0]["endpoints"][0].update(listen=f"tcp:{moved}")
        )
        with proxy.connect(port=moved) as other:
            assert ask(other, "SELECT 1")
        assert ask(client, "SELECT 1")


def test_a_proxy_comes_and_goes(start: Callable[..., Watching]) -> None:
    """Clients of one that goes end between transactions; another name takes its port over."""
    proxy = start()
    configured = Configured(proxy)

    def rename(document: dict[str, Any]) -> None:
        document["proxies"][0]["name"] = "store"

    with proxy.connect(autocommit=False) as client:
        ask(client, "SELECT * FROM things")
        changed = configured.change(rename)
        assert changed == ["proxies[store]", "proxies[live]"]
        with proxy.connect() as other:
            assert ask(other, "SELECT 1")
        ask(client, "INSERT INTO ledger (who, number) VALUES (1, 1)")
        ask(client, "COMMIT")
        proxy.wait_for("a proxy has ended", WORKERS)
        with pytest.raises(pymysql.Error):
            ask(client, "SELECT 1")
    names = [one["name"] for one in proxy.admin.get("proxies").content["proxies"]]
    assert names == ["store"]


def test_a_configuration_that_cannot_be_used_changes_nothing(
    start: Callable[..., Watching], tmp_path: Path
) -> None:
    """All reasons are told, whatever is wrong, and clients are served on."""
    proxy = start(expected=(NOT_CHANGED,))
    configured = Configured(proxy)
    before = proxy.targets()

    def several(document: dict[str, Any]) -> None:
        document["proxies"][0]["max_clients"] = -1
        document["nonsense"] = 1

    def password(document: dict[str, Any]) -> None:
        document["proxies"][0]["auth"][0] = {
            "username": "app",
            "password_file": str(tmp_path / "gone"),
        }
        pool_of(document)["max_connections"] = 1

    def port(document: dict[str, Any]) -> None:
        place = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        document["proxies"][0]["endpoints"][1]["listen"] = place
        document["proxies"][0]["auth"].pop(1)

    def admin(document: dict[str, Any]) -> None:
        document["admin"]["listen"] = f"unix:{tmp_path}/no/a.sock"
        document["proxies"][0]["auth"].pop(1)

    with socket.create_server(("127.0.0.1", 0)) as taken, proxy.connect() as client:
        with proxy.connect("other"):
            pass
        why = configured.refuse(several)
        assert "max_clients" in why
        assert "nonsense" in why
        assert "password_file" in configured.refuse(password)
        assert "Address already in use" in configured.refuse(port)
        assert "the folder is not there" in configured.refuse(admin)
        assert ask(client, "SELECT 1")
        with proxy.connect("other") as other:
            assert ask(other, "SELECT 1")
    assert {*proxy.targets()} == {*before}
    assert len(proxy.said(NOT_CHANGED)) == 4
    assert proxy.admin.post("reload").content["changed"] == []


def test_a_reload_while_the_writer_is_searched(
    trio: ReplicatedServers, start: Callable[..., Watching]
) -> None:
    """The new writer comes with the new configuration; nobody hears of either."""
    primary, first, second = trio.servers
    proxy = start([primary])
    configured = Configured(proxy)
    with regulars(proxy.connect, writes=4) as crowd:
        primary.execute("SET GLOBAL super_read_only = ON")
        proxy.wait_for(WAITS, 2)
        trio.wait_until_caught_up()
        trio.promote(first)
        configured.change(
            lambda it: group_of(it).update(
                targets=[{"address": address(first)}, {"address": address(second)}]
            )
        )
        proxy.wait_for(GO_ON, 2)
        crowd.wait_for_answers()
    assert not crowd.errors()
    balance(crowd, first)
    assert proxy.status()["writer"] == address(first)


def test_a_paused_proxy_stays_paused(start: Callable[..., Watching]) -> None:
    """Until it is resumed, whatever is reloaded meanwhile."""
    proxy = start()
    configured = Configured(proxy)
    with regulars(proxy.connect, reads=2, writes=2) as crowd:
        assert proxy.order("pause").status == HTTPStatus.OK
        configured.change(lambda it: group_of(it)["failover"].update(probe_interval=0.3))
        configured.change(lambda it: pool_of(it).update(max_connections=5))
        assert proxy.status()["paused"]
        assert proxy.order("resume").status == HTTPStatus.OK
        crowd.wait_for_answers()
    assert not crowd.errors()


def test_many_signals_are_one_change(start: Callable[..., Watching]) -> None:
    """Who asks while a reload is under way waits, or is told that one waits."""
    proxy = start()
    configured = Configured(proxy)
    configured.write(lambda it: pool_of(it).update(max_connections=7))
    for _ in range(20):
        proxy.process.send_signal(signal.SIGHUP)
    until(lambda: proxy.said("the configuration was changed"))
    assert proxy.admin.post("reload").content == {"changed": [], "needs_restart": []}
    assert len(proxy.said("the configuration was changed")) == 1


def test_who_is_removed_in_a_transaction_ends_it(start: Callable[..., Watching]) -> None:
    """As at a server it works on until it leaves, and does not come back."""
    proxy = start()
    configured = Configured(proxy)
    with proxy.connect("other", autocommit=False) as leaving, proxy.connect() as client:
        ask(leaving, "INSERT INTO ledger (who, number) VALUES (7, 1)")
        configured.change(
            lambda it: it["proxies"][0].update(
                auth=[one for one in it["proxies"][0]["auth"] if one["username"] != "other"]
            )
        )
        ask(leaving, "INSERT INTO ledger (who, number) VALUES (7, 2)")
        ask(leaving, "COMMIT")
        (count,) = ask(client, "SELECT COUNT(*) FROM ledger WHERE who = 7")
        assert count[0] == 2
    with pytest.raises(pymysql.OperationalError, match="1045"):
        proxy.connect("other")


def test_fewer_connections_than_are_lent(start: Callable[..., Watching]) -> None:
    """Transactions end first, and those who wait get connections as before."""
    proxy = start()
    configured = Configured(proxy)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(proxy.connect(autocommit=False)) for _ in range(6)]
        for client in clients:
            ask(client, "SELECT * FROM things FOR SHARE")
        configured.change(lambda it: pool_of(it).update(max_connections=2))
        for number, client in enumerate(clients):
            ask(client, f"INSERT INTO ledger (who, number) VALUES (8, {number})")
            ask(client, "COMMIT")
        writer = proxy.status()["writer"]
        until(lambda: proxy.targets()[writer]["connections"] <= 2)
        for client in clients:
            assert ask(client, "SELECT COUNT(*) FROM ledger WHERE who = 8")
            ask(client, "ROLLBACK")
        configured.change(lambda it: pool_of(it).update(max_connections=20))
        for client in clients:
            ask(client, "SELECT * FROM things FOR SHARE")


@pytest.mark.parametrize("flavor", Flavor)
def test_the_only_target_is_another_server_from_one_moment_to_the_next(
    flavor: Flavor, tmp_path: Path
) -> None:
    """Its clients go there between two transactions, and back; nobody hears an error."""
    with start_replicated(flavor, 1) as pair:
        prepare(pair.primary)
        pair.wait_until_caught_up()
        first, second = pair.servers
        with proxy_before([first], tmp_path, topology="STATIC") as proxy:
            configured = Configured(proxy)
            with regulars(proxy.connect, reads=6) as crowd:
                crowd.wait_for_answers()
                for server in (second, first, second):
                    configured.change(
                        lambda it, to=server: group_of(it).update(
                            targets=[{"address": address(to)}]
                        )
                    )
                    crowd.wait_for_answers(2)
                    with proxy.connect() as client:
                        assert ask(client, "SELECT @@port")[0][0] == server.port
                    until(lambda to=server: {*proxy.targets()} == {address(to)})
            assert not crowd.errors()
