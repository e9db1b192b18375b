"""Many clients that have logged in and do nothing."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator

import pymysql

from bench import machine
from bench.clients_sysbench import LoadFailedError
from bench.peers import Running, connect
from bench.report import Sample

_SETTLE_SECONDS = 0.5
"""Until a process has taken in what it was sent."""


PORTS_EACH = 20_000
"""Clients from one address: Linux has some 28,000 ports for outgoing connections of each."""


def raise_file_limit(least: int = 0) -> None:
    """Let this process and those it starts open as many files as the machine allows.

    Raises:
        ValueError: these are fewer than the least, and only root may have more.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(most, least)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def crowd(running: Running, count: int) -> Iterator[None]:
    """So many idle clients for the time of the block.

    Raises:
        LoadFailedError: one of them could not log in.
    """
    with contextlib.ExitStack() as clients:
        for number in range(count):
            try:
                client = connect(running, f"127.0.0.{1 + number // PORTS_EACH}")
            except pymysql.err.MySQLError as error:
                raise LoadFailedError(f"idle client {number + 1}: {error}") from error
            # Without a good-bye: two thousand of them would be a load of their own.
            clients.callback(client._force_close)  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL has no public way to close without COM_QUIT
        yield


def memory_of_each(running: Running, count: int) -> Sample:
    """KiB of one idle client, in the proxy, or in the server for the direct way.

    The difference between `count` and twice as many: what a process needs at its first
    clients, and keeps, is not counted.

    Raises:
        LoadFailedError: one of them could not log in, or there is nothing to look at.
    """
    pid = running.pid or running.server_pid
    if pid is None:
        raise LoadFailedError("the server's process is not on this machine")
    with crowd(running, count):
        time.sleep(_SETTLE_SECONDS)
        before = machine.memory_bytes(pid)
        with crowd(running, count):
            time.sleep(_SETTLE_SECONDS)
            grown = machine.memory_bytes(pid) - before
    return Sample(grown / count / machine.KIB)
