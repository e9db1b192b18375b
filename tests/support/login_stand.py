"""Runs the matrix of logins against one server: one process of the proxy has all its kinds.

First every user logs in who is new to the proxy.  Then the proxy's connections to the database
are killed, and the users of caching_sha2_password log in again.  Before each round the server's
cache of passwords is emptied, and the warm accounts log in directly.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import boto3
import pymysql
import yaml

from proxy.config.tls import TlsMode
from proxy.embedded import Flavor, Server, start_server
from proxy.embedded.certificates import Authority, CertificateFiles
from tests.support import login_clients
from tests.support.login_clients import Driver, Login, Outcome
from tests.support.login_matrix import MODES, Account, Cell, ClientTls, Way, cells, proxy_name
from tests.support.ports import free_port
from tests.support.process import WORKERS, RunningProxy

REGION = "eu-central-1"
ACCESS_KEY = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "principal": "arn:aws:iam::123456789012:user/ana",
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"}],
}
FIRST_LOOK = "first_look"
"""The user by whom each proxy looks at the server, so that all others are new to it."""

NOBODY = "nobody"
"""The user of an account that the server cannot make."""

BACKENDS = 6
"""Fewer than the users of a proxy: one's connection makes room for another's."""

WAIT_SECONDS = 30.0
_WITH_TLS = (ClientTls.OFFERED, ClientTls.REQUIRED)

ROUNDS = (False, True)
"""Whether it is the one in which users log in again."""


@attrs.frozen
class Report:
    """What came of a server's part of the matrix.

    Attributes:
        missing: Accounts that the server could not make, and the number of its error.
        good: Outcomes with the right password or token.
        bad: Outcomes with a wrong one.
        dials: Connections to the database that were opened for a cell's user in its round.
        plain: Outcomes without TLS where the proxy wants it.
        cached: Outcomes of logins to the server itself, by a client that never sends a
            password, before each round.
        told: Users of whom a password or token is in the proxy's log.
    """

    missing: dict[Account, int] = attrs.field(factory=dict)
    good: dict[Cell, Outcome] = attrs.field(factory=dict)
    bad: dict[Cell, Outcome] = attrs.field(factory=dict)
    dials: dict[Cell, int] = attrs.field(factory=dict)
    plain: dict[Cell, Outcome] = attrs.field(factory=dict)
    cached: list[tuple[Account, Outcome]] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class _Stand:
    """A server, the proxies before it, and what is known of their logins."""

    server: Server
    files: CertificateFiles
    tokens: _Tokens
    cells: Sequence[Cell]
    report: Report
    proxy: RunningProxy | None = None
    ports: Mapping[str, int] = attrs.field(factory=dict)
    shown: set[tuple[str, str]] = attrs.field(factory=set, repr=False)

    def make_accounts(self) -> None:
        """Make each cell's account, and try to make one of each other kind."""
        for account in Account:
            users = {cell.user: cell.password for cell in self.cells if cell.account is account}
            users = users or {NOBODY: NOBODY}
            try:
                self.server.execute(_create(self.server.flavor, account.plugin, users))
            except pymysql.MySQLError as error:
                self.report.missing[account] = error.args[0]
        self.server.create_user(FIRST_LOOK, FIRST_LOOK, grants=["USAGE ON *.*"])

    def log_in_directly(self) -> None:
        """Fill the server's cache with the warm accounts, and with no others."""
        self.server.execute("FLUSH PRIVILEGES")
        warm = {cell.user: cell for cell in self.cells if cell.account is Account.WARM}
        for cell in warm.values():
            self.server.connect(
                user=cell.user,
                password=cell.password,
                unix_socket=str(self.server.socket_path),
                ssl_disabled=True,
            ).close()
        for account in (Account.COLD, Account.WARM):
            for cell in [one for one in self.cells if one.account is account][:1]:
                login = Login(self.server.port, cell.user, cell.password)
                self.report.cached.append((account, login_clients.is_cached(login)))

    def kill_backends(self) -> None:
        """End what the proxies have of connections, and wait until that is so."""
        running = "SELECT id FROM information_schema.processlist WHERE user IN (%s)"
        names = ", ".join(f"'{name}'" for name in {FIRST_LOOK, *(c.user for c in self.cells)})
        deadline = time.monotonic() + WAIT_SECONDS
        with self.server.connect() as connection, connection.cursor() as cursor:
            while cursor.execute(running % names):
                assert time.monotonic() < deadline, "connections do not end"
                for (number,) in cursor.fetchall():
                    # It may have ended by itself.
                    with contextlib.suppress(pymysql.err.OperationalError):
                        cursor.execute(f"KILL {number}")

    def login(self, cell: Cell, *, right: bool = True, tls: bool = True) -> Login:
        """What the client of a cell is asked for."""
        token = cell.way is Way.TOKEN
        if token:
            password = self.tokens.make(cell.user, self.ports[cell.proxy], right=right)
        else:
            password = cell.password if right else "not " + cell.password
        self.shown.add((cell.user, password))
        encrypted = tls and cell.client_tls is not ClientTls.OFF
        return Login(
            self.ports[cell.proxy],
            cell.user,
            password,
            ca=str(self.files.ca) if encrypted else "",
            clear=token,
            native=cell.way is Way.NATIVE,
        )

    def run_round(self, *, again: bool) -> None:
        """Log in for every cell of this round."""
        now = [cell for cell in self.cells if cell.way.is_again is again]
        before = self._dials()
        both = self._run(
            [
                (cell, self.login(cell, right=right))
                for right, cell in itertools.product((True, False), now)
            ]
        )
        after = self._dials()
        for cell in now:
            self.report.good[cell], self.report.bad[cell] = both[cell]
            self.report.dials[cell] = after[cell.user] - before[cell.user]

    def run_without_tls(self) -> None:
        """Log in without TLS where it is required."""
        some = [
            cell
            for cell in self.cells
            if cell.account is not Account.COLD
            and not cell.way.is_again
            and cell.client_tls is ClientTls.REQUIRED
        ]
        found = self._run([(cell, self.login(cell, tls=False)) for cell in some])
        self.report.plain.update((cell, outcome) for cell, (outcome,) in found.items())

    def read_log(self) -> None:
        """Look whether the log tells what clients have shown."""
        assert self.proxy is not None
        text = self.proxy.log_path.read_text("utf-8", "replace")
        self.report.told.extend(user for user, secret in self.shown if secret in text)

    def _run(self, logins: Sequence[tuple[Cell, Login]]) -> dict[Cell, list[Outcome]]:
        """Give each client its logins, all clients at once; what came of each cell's."""
        by_driver = {
            driver: [(cell, login) for cell, login in logins if cell.driver is driver]
            for driver in Driver
        }

        def run(driver: Driver) -> Iterable[tuple[Cell, Outcome]]:
            mine = by_driver[driver]
            said = login_clients.run(driver, [login for _, login in mine])
            return zip((cell for cell, _ in mine), said, strict=True)

        outcomes: dict[Cell, list[Outcome]] = {}
        with ThreadPoolExecutor(len(Driver)) as pool:
            for cell, outcome in itertools.chain.from_iterable(pool.map(run, Driver)):
                outcomes.setdefault(cell, []).append(outcome)
        return outcomes

    def _dials(self) -> Counter[str]:
        """How often a connection to the database has been opened for each user so far."""
        assert self.proxy is not None
        return Counter(
            line["user"]
            for line in self.proxy.log()
            if line.get("message") == "a database connection opened"
        )


class _Tokens:
    """Makes IAM tokens as applications do, with the access key that the proxies know."""

    def __init__(self) -> None:
        self._clients = {
            right: boto3.Session(
                aws_access_key_id=ACCESS_KEY["access_key_id"],
                aws_secret_access_key=ACCESS_KEY["secret_access_key"] + ("" if right else "x"),
                region_name=REGION,
            ).client("rds")
            for right in (True, False)
        }

    def make(self, user: str, port: int, *, right: bool) -> str:
        """A token for a user, signed with the right key or with another."""
        token = self._clients[right].generate_db_auth_token("127.0.0.1", port, user)
        assert isinstance(token, str)
        return token


def run_matrix(flavor: Flavor, folder: Path) -> Report:
    """Start a server, let every client log in for every cell, and end all that was started.

    Raises:
        AssertionError: the proxy made a mistake, or a client broke down.
    """
    files = Authority.make().issue().write(folder / "certificates")
    with start_server(flavor, tls=files) as server:
        stand = _Stand(server, files, _Tokens(), list(cells(flavor)), Report())
        stand.make_accounts()
        with _running(stand, folder) as (stand.proxy, stand.ports):
            _look(stand.ports, files.ca)
            for again in ROUNDS:
                stand.kill_backends()
                stand.log_in_directly()
                stand.run_round(again=again)
            stand.run_without_tls()
        stand.read_log()
        return stand.report


def _create(flavor: Flavor, plugin: str, users: Mapping[str, str]) -> str:
    way = f"WITH {plugin} BY '%s'"
    if flavor is Flavor.MARIADB:
        way = f"VIA {plugin} USING PASSWORD('%s')"
    accounts = [
        f"'{user}'@'%' IDENTIFIED " + way % password.replace("'", "''")
        for user, password in users.items()
    ]
    return "CREATE USER " + ", ".join(accounts)


def _look(ports: Mapping[str, int], ca: Path) -> None:
    """Wait until each proxy has seen its server, and knows how to greet."""
    offered = {proxy_name(mode, tls) for mode in MODES for tls in _WITH_TLS}
    for name, port in ports.items():
        tls = {"ssl": {"ca": str(ca)}} if name in offered else {"ssl_disabled": True}
        pymysql.connect(
            host="127.0.0.1", port=port, user=FIRST_LOOK, password=FIRST_LOOK, **tls
        ).close()


def _entry(cell: Cell) -> dict[str, Any]:
    """What a proxy knows of a cell's user."""
    entry: dict[str, Any] = {"username": cell.user, "password": cell.password}
    if cell.way is Way.TOKEN:
        return {**entry, "iam_auth": "REQUIRED"}
    plugin = cell.way.value.partition(",")[0].upper()
    known = plugin if plugin.startswith("MYSQL_") else f"MYSQL_{plugin}"
    return {**entry, "client_password_auth_type": known}


def _proxy(
    stand: _Stand, folder: Path, mode: TlsMode, client_tls: ClientTls, port: int
) -> dict[str, Any]:
    """The configuration of a proxy with these two."""
    name, files = proxy_name(mode, client_tls), stand.files
    entries = {cell.user: _entry(cell) for cell in stand.cells if cell.proxy == name}
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    return {
        "name": name,
        "auth": [{"username": FIRST_LOOK, "password": FIRST_LOOK}, *entries.values()],
        "require_tls": client_tls is ClientTls.REQUIRED,
        "tls": {"certificates": [] if client_tls is ClientTls.OFF else [shown]},
        "iam": {
            "region": REGION,
            "access_keys_file": str(folder / "keys.yaml"),
            "policy_files": [str(folder / "policy.json")],
        },
        "target_group": {
            "targets": [{"address": f"{stand.server.host}:{stand.server.port}"}],
            "tls": {"mode": mode.value, "ca": str(files.ca)},
            "connection_pool_config": {
                "max_connections": BACKENDS,
                "connection_borrow_timeout": WAIT_SECONDS,
            },
        },
        "endpoints": [{"name": name, "listen": f"tcp:{port}:interface=127.0.0.1"}],
    }


@contextlib.contextmanager
def _running(stand: _Stand, folder: Path) -> Iterator[tuple[RunningProxy, dict[str, int]]]:
    """All proxies of a server, in one process, and the port of each."""
    (folder / "keys.yaml").write_text(yaml.safe_dump({"access_keys": [ACCESS_KEY]}))
    (folder / "policy.json").write_text(json.dumps(POLICY))
    kinds = list(itertools.product(MODES, ClientTls))
    document = {
        "proxies": [_proxy(stand, folder, *kind, free_port()) for kind in kinds],
        # Each connection to a database that opens is a line of this level.
        "log": {"level": "debug", "format": "json"},
        "workers": WORKERS,
        "drain_timeout": 2,
    }
    configuration, log_path = folder / "mysqlproxy.yaml", folder / "mysqlproxy.log"
    configuration.write_text(yaml.safe_dump(document), "utf-8")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "run", "--config", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    proxy = RunningProxy("127.0.0.1", 0, process, log_path)
    try:
        yield proxy, _wait_for_ports(proxy, len(kinds))
    finally:
        status = proxy.stop()
    assert status == 0, log_path.read_text("utf-8", "replace")[-4000:]
    assert not (mistakes := proxy.mistakes()), mistakes[:5]


def _wait_for_ports(proxy: RunningProxy, count: int) -> dict[str, int]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        log = proxy.log()
        found = {
            line["proxy"]: int(line["address"].rpartition(":")[2])
            for line in log
            if line.get("message") == "an endpoint listens"
        }
        if len(found) == count:
            return found
        assert proxy.process.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.05)
