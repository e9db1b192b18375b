"""What other people put before a pair of servers: HAProxy, MySQL Router."""

from __future__ import annotations

import contextlib
import http.server
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias

import pymysql

from bench.failover.clients import Way
from bench.programs import PEERS
from bench.site import PASSWORD, SCHEMA, USER
from proxy.embedded import LocalServer
from proxy.embedded.process import GuardedProcess
from proxy.embedded.server import free_port

HAPROXY: Final = "HAProxy"
ROUTER: Final = "Router"
DIRECT: Final = "direct"

START_LIMIT_SECONDS: Final = 20.0
STOP_LIMIT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
_ASK_LIMIT_SECONDS: Final = 1

# As often, and as many times, as mysqlproxy looks by default.
_HAPROXY: Final = """\
global
  nbthread 1
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:{port}
  option httpchk GET /
  http-check expect status 200
  default-server check inter 1s fastinter 100ms downinter 100ms fall 3 rise 2
  default-server on-marked-down shutdown-sessions
{servers}
"""

_ROUTER: Final = """\
[DEFAULT]
logging_folder={folder}
runtime_folder={folder}
data_folder={folder}
config_folder={folder}
{plugins}
[logger]
level=WARNING
[routing:bench]
bind_address=127.0.0.1
bind_port={port}
destinations={destinations}
routing_strategy=first-available
protocol=classic
connect_timeout=1
max_connect_errors=4294967295
client_ssl_mode=PASSTHROUGH
server_ssl_mode=AS_CLIENT
"""


Start: TypeAlias = Callable[[Sequence[LocalServer]], contextlib.AbstractContextManager[Way]]


@contextlib.contextmanager
def direct(servers: Sequence[LocalServer]) -> Iterator[Way]:
    """Clients that know all servers, and ask each which one takes writes."""
    yield Way(DIRECT, tuple((one.host, one.port) for one in servers), asks=True)


class _Answer(http.server.BaseHTTPRequestHandler):
    """Says 200 for a server that takes writes, 503 for any other."""

    server: _Check

    def do_GET(self) -> None:
        """Answer HAProxy's question."""
        writes = self.server.takes_writes()
        self.send_response(HTTPStatus.OK if writes else HTTPStatus.SERVICE_UNAVAILABLE)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Check(http.server.HTTPServer):
    """The small service that people run beside each server for HAProxy's checks."""

    def __init__(self, database: LocalServer) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self._database = database
        self._connection: Any = None

    def takes_writes(self) -> bool:
        """Whether the server is there and not read-only."""
        try:
            if self._connection is None:
                self._connection = self._database.connect(
                    connect_timeout=_ASK_LIMIT_SECONDS, read_timeout=_ASK_LIMIT_SECONDS
                )
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT @@GLOBAL.read_only")
                [[read_only]] = cursor.fetchall()
        except (pymysql.err.MySQLError, OSError):
            self._connection = None
            return False
        return bool(read_only == 0)


@contextlib.contextmanager
def haproxy(servers: Sequence[LocalServer]) -> Iterator[Way]:
    """HAProxy before the servers; it asks over HTTP which of them takes writes.

    Raises:
        ProgramMissingError: it is not here.
        TimeoutError: it does not serve.
    """
    program = PEERS[HAPROXY].find()
    port = free_port()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-fo-")))
        lines = []
        for number, server in enumerate(servers):
            check = stack.enter_context(_Check(server))
            threading.Thread(target=check.serve_forever, daemon=True).start()
            stack.callback(check.shutdown)
            place = f"{server.host}:{server.port}"
            lines.append(f"  server s{number} {place} port {check.server_port}")
        path = folder / "haproxy.cfg"
        path.write_text(_HAPROXY.format(port=port, servers="\n".join(lines)))
        _run(stack, (*program.command, "-db", "-f", str(path)), folder)
        _wait(port)
        yield Way(HAPROXY, (("127.0.0.1", port),))


@contextlib.contextmanager
def router(servers: Sequence[LocalServer]) -> Iterator[Way]:
    """MySQL Router without the metadata of a cluster: it takes the first server that is there.

    Raises:
        ProgramMissingError: it is not here.
        TimeoutError: it does not serve.
    """
    program = PEERS[ROUTER].find()
    port = free_port()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-fo-")))
        plugins = ""
        if program.root is not None:
            plugins = f"plugin_folder={program.root / 'usr/lib/mysqlrouter/plugin'}"
        destinations = ",".join(f"{one.host}:{one.port}" for one in servers)
        path = folder / "router.conf"
        path.write_text(
            _ROUTER.format(folder=folder, plugins=plugins, port=port, destinations=destinations)
        )
        _run(stack, (*program.command, "-c", str(path)), folder)
        _wait(port)
        yield Way(ROUTER, (("127.0.0.1", port),))


def _run(stack: contextlib.ExitStack, command: tuple[str, ...], folder: Path) -> None:
    process = GuardedProcess.start(
        command, log=folder / "log", folder=folder, limit_seconds=STOP_LIMIT_SECONDS
    )
    stack.callback(process.stop, STOP_LIMIT_SECONDS)


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        try:
            connection = pymysql.connect(
                host="127.0.0.1",
                port=port,
                user=USER,
                password=PASSWORD,
                database=SCHEMA,
                ssl_disabled=True,
            )
            with connection, connection.cursor() as cursor:
                cursor.execute("INSERT INTO probed (at) VALUES (0)")
        except (pymysql.err.MySQLError, OSError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"it does not serve: {error}") from error
            time.sleep(_LOOK_SECONDS)
        else:
            return
