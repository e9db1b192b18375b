"""Connections with TLS, one select on each: a client as small as one in Python can be.

sysbench brings MariaDB's library, for which a handshake with GnuTLS is more work than for the
server, and which resumes no session.  Here each client is a process of its own with OpenSSL.
"""

from __future__ import annotations

import multiprocessing
import socket
import ssl
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Final

from bench import machine
from bench.clients_sysbench import LoadFailedError, Outcome
from bench.encryption import client_context
from bench.peers import Running
from bench.site import PASSWORD, SCHEMA, USER
from proxy.wire.auth.caching_sha2 import (
    FAST_AUTH_SUCCESS,
    PERFORM_FULL_AUTHENTICATION,
    scramble,
)
from proxy.wire.constants import Capability
from proxy.wire.greeting import Greeting, Login, SslRequest, parse_greeting
from proxy.wire.primitives import Malformed

_CAPABILITIES: Final = (
    Capability.PROTOCOL_41
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_WITH_DB
    | Capability.TRANSACTIONS
    | Capability.SSL
)
_MAX_PACKET: Final = 1 << 24
_COLLATION: Final = 45
_PLUGIN: Final = "caching_sha2_password"

_AUTH_MORE: Final = 0x01
_OK: Final = 0x00
_ERROR: Final = 0xFF
_QUIT: Final = b"\x01"
_SELECT: Final = b"\x03SELECT 1"
_PACKETS_OF_ANSWER: Final = 5
"""Count, column, EOF, row, EOF: nobody here negotiates CLIENT_DEPRECATE_EOF."""

_SILENCE_LIMIT_SECONDS: Final = 20.0
_EXTRA_SECONDS: Final = 30.0
"""How much longer than it was told a client may take to start and to end."""

_WARM_UP: Final = 3
"""Connections before those that count: backends are opened, the password gets known, and the
first session to resume comes from one."""


class _Wire:
    """Packets over a socket.

    Attributes:
        socket: may be changed for one with TLS on it.
        number: of the packet that was read last.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.number = 0
        self._buffer = b""

    def read(self) -> bytes:
        """The payload of the next packet.

        Raises:
            LoadFailedError: it is an error, or there is none.
        """
        header = self._take(4)
        payload = self._take(int.from_bytes(header[:3], "little"))
        self.number = header[3]
        if payload[:1] == bytes((_ERROR,)):
            raise LoadFailedError(payload[9:].decode("utf-8", "replace"))
        return payload

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.socket.recv(1 << 14)
            if not data:
                raise LoadFailedError("the connection was closed")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def write(self, payload: bytes, number: int) -> None:
        """Send one packet."""
        size = len(payload).to_bytes(3, "little")
        self.socket.sendall(b"".join((size, bytes((number,)), payload)))


def visit(
    host: str, port: int, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """Connect, log in by TLS, run one SELECT, say good-bye.

    Args:
        host: the peer's address.
        port: its port.
        session: of an earlier visit, to be resumed; None makes a whole handshake.

    Returns:
        The session for the next visit, and whether the one given was resumed.

    Raises:
        LoadFailedError: the other side refused.
        OSError: the connection failed, or TLS did.
    """
    with socket.create_connection((host, port), _SILENCE_LIMIT_SECONDS) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = _Wire(plain)
        greeting = parse_greeting(wire.read())
        if isinstance(greeting, Malformed) or not greeting.capabilities & Capability.SSL:
            raise LoadFailedError("no TLS is offered")
        wire.write(SslRequest(_CAPABILITIES, _MAX_PACKET, _COLLATION).encode(), 1)
        with client_context().wrap_socket(plain, session=session) as secure:
            wire.socket = secure
            _log_in(wire, greeting)
            wire.write(_SELECT, 0)
            for _ in range(_PACKETS_OF_ANSWER):
                wire.read()
            wire.write(_QUIT, 0)
            return secure.session, bool(secure.session_reused)


def _log_in(wire: _Wire, greeting: Greeting) -> None:
    response = scramble(PASSWORD, greeting.nonce)
    schema = SCHEMA.encode()
    login = Login(
        _CAPABILITIES, _MAX_PACKET, _COLLATION, USER, response, schema, greeting.plugin
    )
    wire.write(login.encode(), 2)
    while (said := wire.read())[0] != _OK:
        if said[0] != _AUTH_MORE or greeting.plugin != _PLUGIN:
            raise LoadFailedError("the login takes a turn that is not known here")
        if said[1:] == PERFORM_FULL_AUTHENTICATION:
            wire.write(PASSWORD.encode() + b"\x00", wire.number + 1)
        elif said[1:] != FAST_AUTH_SUCCESS:
            raise LoadFailedError("caching_sha2_password says something unknown")


_start: Barrier
"""Of a client's process: where it waits for the others."""


def _inherit(start: Barrier) -> None:
    global _start  # noqa: PLW0603 - a barrier can be inherited, but not sent
    _start = start


def _client(host: str, port: int, seconds: float, *, resume: bool) -> tuple[list[float], float]:
    """The latency of each visit, and the time from the first to the last, in seconds."""
    try:
        for _ in range(_WARM_UP):
            session, _ = visit(host, port, None)
        _start.wait(_EXTRA_SECONDS)
        latencies = []
        began = now = time.monotonic()
        while now - began < seconds:
            session, resumed = visit(host, port, session if resume else None)
            before, now = now, time.monotonic()
            latencies.append(now - before)
    except (LoadFailedError, OSError):
        _start.abort()
        raise
    if resumed is not resume:
        raise LoadFailedError("its sessions cannot be resumed")
    return latencies, now - began


def churn(
    running: Running, clients: int, seconds: float, *, resume: bool
) -> tuple[Outcome, float | None]:
    """Connect, select, quit, again and again; also the proxy's processor time.

    Args:
        running: the peer.
        clients: how many do so at once.
        seconds: how long.
        resume: whether each visit resumes the session of the one before.

    Raises:
        LoadFailedError: a connection failed, or did not resume.
    """
    context = multiprocessing.get_context("fork")
    start = context.Barrier(clients + 1)
    limit = seconds + _EXTRA_SECONDS
    with ProcessPoolExecutor(clients, context, _inherit, (start,)) as pool:
        told = [
            pool.submit(_client, running.host, running.port, seconds, resume=resume)
            for _ in range(clients)
        ]
        try:
            start.wait(_EXTRA_SECONDS)
            before = machine.cpu_seconds(running.pid) if running.pid else 0.0
        except threading.BrokenBarrierError:
            before = 0.0  # a client says why
        failures = [error for each in told if (error := each.exception(limit)) is not None]
        # Who waited for one that failed has nothing to say.
        failures.sort(key=lambda error: isinstance(error, threading.BrokenBarrierError))
        if failures:
            raise LoadFailedError(f"a connection with TLS: {failures[0]}") from failures[0]
        results = [each.result() for each in told]
        used = machine.cpu_seconds(running.pid) - before if running.pid else None
    latencies = sorted(latency for one, _ in results for latency in one)
    p99 = latencies[len(latencies) * 99 // 100] * 1e3
    return Outcome(len(latencies), max(took for _, took in results), p99, 0), used
