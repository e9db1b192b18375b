"""A proxy that watches several real servers, and what to do to them.

`proxy_before` runs it as its users do; a line of its log that is an error fails the test, but
for the alarms that the test expects.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pymysql
import yaml

from proxy.admin.caller import AdminCaller, Reply
from proxy.config.admin import AdminSocket
from proxy.embedded import Flavor, LocalServer, ReplicatedServers
from tests.support.ports import free_port
from tests.support.process import (
    DRAIN_SECONDS,
    WORKERS,
    RunningProxy,
    _tail,
    _wait_until_it_listens,
)

ACCOUNTS: Mapping[str, str] = {"app": "app-secret-1", "other": "other-secret-1"}
MONITOR = {"username": "monitor", "password": "monitor-secret-1", "for_monitor": True}

MONITOR_RIGHTS = {
    Flavor.MYSQL: (
        "RELOAD, REPLICATION CLIENT, REPLICATION SLAVE ON *.*",
        "GROUP_REPLICATION_ADMIN, REPLICATION_SLAVE_ADMIN, SYSTEM_VARIABLES_ADMIN ON *.*",
        "SELECT ON performance_schema.*",
    ),
    Flavor.MARIADB: (
        "RELOAD, REPLICA MONITOR, REPLICATION MASTER ADMIN ON *.*",
        "READ_ONLY ADMIN, REPLICATION SLAVE ADMIN ON *.*",
    ),
}
"""What monitors need to see all, and to give orders."""

TABLES = (
    "CREATE TABLE ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, who INT, number INT, t TEXT)",
    "CREATE TABLE things (id INT PRIMARY KEY, name VARCHAR(20))",
    "INSERT INTO things VALUES (1, 'one'), (2, 'two'), (3, 'three')",
)

WELL_SECONDS = 60
"""How long servers may take to be well again: some start with empty tables."""

HEARD_SECONDS = 0.1
"""After which workers have heard what their supervisor has told the log."""

ALARM = "the targets do not fit together"
WAITS = "clients wait for a target that takes writes"
GO_ON = "clients go on"
SWITCHED = "another target takes the writes"
HEALTH = "a target's health has changed"


def prepare(primary: LocalServer, *, monitor_rights: Sequence[str] | None = None) -> None:
    """Make accounts, and tables in the schemas ``shop`` and ``store``."""
    rights = MONITOR_RIGHTS[primary.flavor] if monitor_rights is None else monitor_rights
    for schema in ("shop", "store"):
        primary.execute(f"CREATE DATABASE {schema}", f"USE {schema}", *TABLES)
    for name, password in ACCOUNTS.items():
        grants = ("ALL PRIVILEGES ON shop.*", "ALL PRIVILEGES ON store.*")
        primary.create_user(name, password, grants=grants)
    primary.create_user(MONITOR["username"], MONITOR["password"], grants=rights)


def address(place: Any) -> str:
    """How the proxy calls a server, or a relay before one."""
    return f"{place.host}:{place.port}"


def heal(group: ReplicatedServers) -> None:
    """Bring all back, with the roles that they have, and with the same rows."""
    for server in group.servers:
        if server.is_frozen():
            server.thaw()
    if not group.primary.is_running():
        group.primary.start()
    for server in [*group.apart, *group.replicas]:
        if server in group.apart or not server.is_running():
            group.rejoin(server)
    group.wait_until_caught_up(WELL_SECONDS)


def settle(group: ReplicatedServers) -> None:
    """Take notice that another one has made the first replica the primary."""
    old = group.primary
    group.promote(group.replicas[0])
    group.rejoin(old)
    group.wait_until_caught_up(WELL_SECONDS)


@attrs.define(eq=False)
class Watching(RunningProxy):
    """A running proxy.

    Attributes:
        readers_port: The port of its endpoint for reads alone.
        admin: Its admin API.
    """

    readers_port: int
    admin: AdminCaller

    def connect(self, user: str = "app", **options: Any) -> pymysql.Connection:
        """Log in with PyMySQL, to the schema ``shop`` and with autocommit."""
        settings = {
            "database": "shop",
            "password": ACCOUNTS.get(user),
            "autocommit": True,
            "connect_timeout": 60,
            "ssl_disabled": True,
        }
        return super().connect(user, **(settings | options))

    def said(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of its log so far that have this message and these fields."""
        return [
            line
            for line in self.log()
            if line.get("message") == message
            and all(line.get(name) == value for name, value in fields.items())
        ]

    def wait_for(self, message: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """Wait until it has said this so often; the last such line."""
        deadline = time.monotonic() + WELL_SECONDS
        while len(found := self.said(message, **fields)) < count:
            assert time.monotonic() < deadline, f"not said: {message} {fields}\n{_tail(self)}"
            time.sleep(0.02)
        if WORKERS > 1:
            time.sleep(HEARD_SECONDS)
        return found[-1]

    def alarms(self) -> list[str]:
        """What it has told operators so far."""
        return [str(line["why"]) for line in self.said(ALARM)]

    def targets(self) -> dict[str, dict[str, Any]]:
        """How its targets stand, by address."""
        targets = self.admin.get("proxies", "live", "targets").content["targets"]
        return {one["address"]: one for one in targets}

    def status(self) -> Mapping[str, Any]:
        """How it stands."""
        return self.admin.get("proxies", "live").content

    def wait_until_well(self) -> None:
        """Wait until all its targets are AVAILABLE and one takes the writes."""
        deadline = time.monotonic() + WELL_SECONDS
        while True:
            targets, status = self.targets(), self.status()
            states = {one["state"] for one in targets.values()}
            if states == {"AVAILABLE"} and not status["held"]:
                return
            assert time.monotonic() < deadline, (targets, status)
            time.sleep(0.05)

    def wait_until_follows(self, place: Any) -> None:
        """Wait until it has seen that a server replicates."""
        deadline = time.monotonic() + WELL_SECONDS
        while self.targets()[address(place)]["lag_seconds"] is None:
            assert time.monotonic() < deadline, self.targets()
            time.sleep(0.05)

    def read_sessions(self) -> None:
        """Have it read now what only servers know of its clients, such as user variables."""
        assert not self.order("pause").error
        assert not self.order("resume").error

    def order(self, *segments: str, timeout: float = 60.0, **parameters: object) -> Reply:
        """Have an operator's action done."""
        if segments[-1] not in ("undrain", "resume"):
            parameters["timeout"] = timeout
        path = ("proxies", "live", *segments)
        return self.admin.post(*path, timeout_seconds=timeout, **parameters)


@contextlib.contextmanager
def proxy_before(
    places: Sequence[Any],
    folder: Path,
    *,
    topology: str = "REPLICATION",
    failover: Mapping[str, Any] | None = None,
    pool: Mapping[str, Any] | None = None,
    group: Mapping[str, Any] | None = None,
    monitor: Mapping[str, Any] = MONITOR,
    alarms: Sequence[str] = (),
    expected: Sequence[str] = (),
    admin: Mapping[str, Any] | None = None,
    workers: int = WORKERS,
) -> Iterator[Watching]:
    """Run a proxy in front of servers, or of relays before them, for the length of a block.

    Args:
        places: What has a host and a port; the first one is its first guess for a writer.
        folder: Where its configuration and its log go.
        topology: How the targets belong together.
        failover: Settings of ``failover``.
        pool: Settings of ``connection_pool_config``.
        group: Other settings of ``target_group``.
        monitor: As whom it looks; an entry of ``auth``.
        alarms: Words of the alarms that are expected.
        expected: Errors in its log that are expected, as it calls them.
        admin: Settings of ``admin``; its ``listen`` is a list of places beside the socket.
        workers: How many processes serve.

    Raises:
        AssertionError: It did not start or stop, or logged an error that was not expected.
    """
    port, readers_port = free_port(), free_port()
    socket_path = folder / "admin.sock"
    listen = (admin or {}).get("listen", ())
    users = [
        {"username": name, "password": word, "client_password_auth_type": None}
        for name, word in ACCOUNTS.items()
    ]
    document = {
        "proxies": [
            {
                "name": "live",
                "auth": [*users, {**monitor, "client_password_auth_type": None}],
                "target_group": {
                    "topology": topology,
                    "tls": {"mode": "disabled"},
                    "targets": [{"address": address(place)} for place in places],
                    "failover": {"monitor_username": monitor["username"], **(failover or {})},
                    "connection_pool_config": {
                        "max_connections": 20,
                        "connection_borrow_timeout": 60,
                        **(pool or {}),
                    },
                    **(group or {}),
                },
                "endpoints": [
                    {"name": "main", "listen": f"tcp:{port}:interface=127.0.0.1"},
                    {
                        "name": "readers",
                        "listen": f"tcp:{readers_port}:interface=127.0.0.1",
                        "target_role": "READ_ONLY",
                    },
                ],
            }
        ],
        "log": {"level": "info", "format": "json"},
        "admin": {**(admin or {}), "listen": [f"unix:{socket_path}", *listen]},
        "workers": workers,
        "drain_timeout": DRAIN_SECONDS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    configuration, log_path = folder / "mysqlproxy.yaml", folder / "mysqlproxy.log"
    configuration.write_text(yaml.safe_dump(document), "utf-8")
    command = [sys.executable, "-m", "proxy", "run", "--config", str(configuration)]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ},
        )
    caller = AdminCaller(AdminSocket(str(socket_path)))
    proxy = Watching("127.0.0.1", port, process, log_path, readers_port, caller)
    try:
        _wait_until_it_listens(proxy)
        proxy.wait_for("the admin API listens")
        yield proxy
    except BaseException as error:
        error.add_note(f"the proxy's log ends with:\n{_tail(proxy)}")
        raise
    finally:
        status = proxy.stop()
    assert status == 0, f"the proxy ended with status {status}:\n{_tail(proxy)}"
    mistakes = [line for line in proxy.mistakes() if not _is_expected(line, alarms, expected)]
    assert not mistakes, "the proxy made mistakes:\n" + "\n".join(
        str(line.get("exception", "")) + "\n" + json.dumps(line) for line in mistakes[:5]
    )


def _is_expected(
    line: Mapping[str, Any], alarms: Sequence[str], expected: Sequence[str]
) -> bool:
    why, message = str(line.get("why")), line.get("message")
    return message in expected or (message == ALARM and any(words in why for words in alarms))
