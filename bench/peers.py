"""The ways to the server that are compared: each a process of its own, on equal conditions.

All get the same server, the same account, and room for as many clients as any work opens.
HAProxy and ProxySQL run one thread, as mysqlproxy does; MySQL Router keeps its own default.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import pymysql

from bench import tools
from bench.encryption import Certificates, Tls, client_context
from bench.report import DIRECT
from bench.site import MAX_CLIENTS, PASSWORD, SCHEMA, USER, Site
from proxy.embedded import EmbeddedError, Server
from proxy.embedded.process import GuardedProcess
from proxy.embedded.server import free_port

START_LIMIT_SECONDS = 20.0
STOP_LIMIT_SECONDS = 5.0
_LOOK_SECONDS = 0.05


class PeerFailedError(Exception):
    """A peer did not start; the text says why."""


@attrs.frozen
class Order:
    """What a peer is told.

    Attributes:
        server: where it sends everything.
        folder: its own, for its configuration and log.
        port: where to listen on 127.0.0.1.
        backends: the most connections to the server, for those that can limit them.
        clients: how many it has to serve at once.
        certificates: the certificate to show, and its key.
        tls: who is to speak TLS.
    """

    server: Server
    folder: Path
    port: int
    backends: int
    clients: int
    certificates: Certificates
    tls: Tls


@attrs.frozen
class Peer:
    """A way to the server.

    Attributes:
        name: as in the table.
        pools: whether the number of its backend connections can be limited; a relay opens one
            for each client.
        find: the program; raises `tools.ProgramMissingError`.
        configure: writes its configuration and returns the words that run it.
        version_option: makes the program say its version.
        where: who may speak TLS where it is measured.
    """

    name: str
    pools: bool
    find: Callable[[], tools.Program]
    configure: Callable[[tools.Program, Order], tuple[str, ...]]
    version_option: str = "--version"
    where: frozenset[Tls] = frozenset(Tls)


@attrs.define(eq=False)
class Running:
    """A peer at work, or the server itself.

    Attributes:
        pid: the process to watch; None for the direct way, where there is no proxy.
        server_pid: the database's process; None where it is not on this machine.
        client_folder: with the files of clients that speak TLS; None where none does.
    """

    name: str
    host: str
    port: int
    pid: int | None
    server_pid: int | None
    client_folder: Path | None = None
    _process: GuardedProcess | None = None
    _folder: Path | None = None

    def is_running(self) -> bool:
        """Whether it can still be measured."""
        return self._process is None or self._process.is_running()

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop(STOP_LIMIT_SECONDS)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def direct(site: Site, tls: Tls = Tls.NOWHERE) -> Running:
    """The server itself, as one of those compared."""
    server = site.server
    return Running(
        DIRECT, server.host, server.port, None, server.pid, _client_folder(site, tls)
    )


def _client_folder(site: Site, tls: Tls) -> Path | None:
    return None if tls is Tls.NOWHERE else site.certificates.client_folder


def start(
    peer: Peer,
    program: tools.Program,
    site: Site,
    backends: int,
    clients: int = MAX_CLIENTS,
    tls: Tls = Tls.NOWHERE,
) -> Running:
    """Start a peer, with a folder of its own below the site's, and wait until it serves.

    Raises:
        PeerFailedError: it did not serve in time; the text ends with what it said.
    """
    prefix = f"{peer.name.replace(' ', '-')}-{tls.value}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=site.folder))
    server = site.server
    order = Order(server, folder, free_port(), backends, clients, site.certificates, tls)
    log = folder / "log"
    try:
        process = GuardedProcess.start(
            peer.configure(program, order),
            log=log,
            folder=folder,
            limit_seconds=STOP_LIMIT_SECONDS,
        )
    except EmbeddedError as error:
        raise PeerFailedError(str(error)) from error
    running = Running(
        peer.name,
        "127.0.0.1",
        order.port,
        process.pid,
        server.pid,
        _client_folder(site, tls),
        process,
        folder,
    )
    try:
        _wait(running, log)
    except PeerFailedError:
        running.close()
        raise
    return running


def _wait(running: Running, log: Path) -> None:
    """Until a client gets an answer through it."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    said = ""
    while running.is_running() and time.monotonic() < deadline:
        try:
            with connect(running) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except pymysql.err.MySQLError as error:
            said = str(error)
            time.sleep(_LOOK_SECONDS)
        else:
            return
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    raise PeerFailedError(
        f"{running.name} did not serve within {START_LIMIT_SECONDS:.0f} s: "
        f"{' / '.join([said, *lines[-3:]])}"
    )


def connect(
    running: Running, source: str | None = None
) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Log in through a peer, with TLS where its clients speak it.

    Args:
        running: the peer.
        source: the address from which to connect, where it matters.

    Raises:
        pymysql.err.MySQLError: as PyMySQL says it.
    """
    tls: dict[str, Any] = {"ssl_disabled": True}
    if running.client_folder is not None:
        tls = {"ssl": client_context()}
    return pymysql.connect(
        host=running.host,
        port=running.port,
        user=USER,
        password=PASSWORD,
        database=SCHEMA,
        bind_address=source,
        autocommit=None,
        connect_timeout=10,
        **tls,
    )


class Fleet:
    """All that run, started at the first use and ended together.

    Attributes:
        missing: peers that could not be used, and why or how to get them.
    """

    def __init__(self, site: Site, peers: Mapping[str, Peer]) -> None:
        self._site = site
        self._peers = peers
        self._programs: dict[str, tools.Program] = {}
        self._running: dict[tuple[str, int, Tls], Running] = {}
        self.missing: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Find the programs; those that are not here stand in `missing`."""
        for name, peer in self._peers.items():
            try:
                self._programs[name] = peer.find()
            except tools.ProgramMissingError as error:
                self.missing[name] = str(error)
        return self

    def __exit__(self, *_: object) -> None:
        """End every process."""
        for running in self._running.values():
            running.close()

    @property
    def names(self) -> list[str]:
        """Who can be measured, the direct way first."""
        return [DIRECT, *self._programs]

    def pools(self, name: str) -> bool:
        """Whether a limit on backends means anything to this one."""
        return name != DIRECT and self._peers[name].pools

    def speaks(self, name: str, tls: Tls) -> bool:
        """Whether it can be measured so."""
        return name == DIRECT or tls in self._peers[name].where

    def versions(self) -> dict[str, tuple[str, ...]]:
        """The words that make each program say its version."""
        return {
            name: (*program.command, self._peers[name].version_option)
            for name, program in self._programs.items()
        }

    def get(self, name: str, backends: int, tls: Tls = Tls.NOWHERE) -> Running | None:
        """The running peer with this limit on backends; None once it has failed."""
        if name in self.missing:
            return None
        key = self._key(name, backends, tls)
        running = self._running.get(key)
        if running is not None and running.is_running():
            return running
        if running is not None:
            self.missing[name] = "ended by itself while it was measured"
            return None
        try:
            running = self._start(name, backends, tls)
        except PeerFailedError as error:
            self.missing[name] = str(error)
            return None
        self._running[key] = running
        return running

    def _key(self, name: str, backends: int, tls: Tls) -> tuple[str, int, Tls]:
        return name, backends if self.pools(name) else 0, tls

    def _start(self, name: str, backends: int, tls: Tls) -> Running:
        if name == DIRECT:
            return direct(self._site, tls)
        peer, program = self._peers[name], self._programs[name]
        return start(peer, program, self._site, backends, tls=tls)

    def restart(self, name: str, backends: int, tls: Tls = Tls.NOWHERE) -> Running | None:
        """The same in a new process: its memory is that of a fresh one."""
        old = self._running.pop(self._key(name, backends, tls), None)
        if old is not None:
            with contextlib.suppress(EmbeddedError):
                old.close()
        return self.get(name, backends, tls)
