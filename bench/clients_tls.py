"""Connections with TLS, one select on each: a client as small as one in Python can be.

sysbench brings MariaDB's library, for which a handshake with GnuTLS is more work than for the
server, and which resumes no session.  Here each client is a process of its own with OpenSSL.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Final

from OpenSSL import SSL

from bench import blocking, machine
from bench.clients_sysbench import LoadFailedError, Outcome
from bench.entrance import COM_QUIT, packet
from bench.peers import Running
from bench.secured import Secured

_QUIT: Final = packet(COM_QUIT)

_SILENCE_LIMIT_SECONDS: Final = 20
_EXTRA_SECONDS: Final = 30.0
"""How much longer than it was told a client may take to start and to end."""

_WARM_UP: Final = 3
"""Connections before those that count: backends are opened, the password gets known, and the
first session to resume comes from one."""


def visit(host: str, port: int, session: SSL.Session | None) -> tuple[SSL.Session | None, bool]:
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
    with blocking.connect(host, port, _SILENCE_LIMIT_SECONDS) as plain:
        secure = blocking.log_in(plain, tls=True, session=session)
        assert isinstance(secure, Secured)
        blocking.select(secure)
        secure.send(_QUIT)
        resumed = secure.resumed
        return secure.leave(), resumed


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
