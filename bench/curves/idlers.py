"""Clients that log in, run one SELECT and do nothing more; held by processes of their own.

``python -m bench.curves.idlers HOST PORT SOURCE COUNT`` says "ready" when all are there, and
holds them until its input ends.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from bench import blocking, clients_idle
from bench.clients_sysbench import LoadFailedError
from bench.curves.ways import Way

_ROOT: Final = Path(__file__).resolve().parents[2]

EACH: Final = 7000
"""Clients of one process, with one address: below the usual limits on open files and ports."""

_SILENCE_LIMIT_SECONDS: Final = 60


def come(host: str, port: int, source: str, *, tls: bool) -> tuple[socket.socket, object]:
    """One client that has logged in and run a SELECT.

    Returns:
        What has to be kept for as long as the client is to stay.

    Raises:
        LoadFailedError: it was refused.
        OSError: the connection failed.
    """
    connected = blocking.connect(host, port, _SILENCE_LIMIT_SECONDS, source)
    try:
        stream = blocking.log_in(connected, tls=tls)
        blocking.select(stream)
    except (LoadFailedError, OSError):
        connected.close()
        raise
    return connected, stream


@contextlib.contextmanager
def idlers(way: Way, count: int, *, tls: bool) -> Iterator[None]:
    """So many idle clients for the time of the block.

    Raises:
        LoadFailedError: one of them could not log in.
    """
    with contextlib.ExitStack() as stack:
        holders = [
            stack.enter_context(_holder(way, place, min(EACH, count - place * EACH), tls=tls))
            for place in range(-(-count // EACH))
        ]
        for holder in holders:
            assert holder.stdout is not None
            if holder.stdout.readline().strip() != "ready":
                raise LoadFailedError(f"idle clients: {holder.stdout.read().strip()}")
        yield


@contextlib.contextmanager
def _holder(way: Way, place: int, count: int, *, tls: bool) -> Iterator[subprocess.Popen[str]]:
    # Others on this machine may be at 127.0.0.1.
    source = f"127.0.0.{2 + place}"
    words = ["--tls"] if tls else []
    with subprocess.Popen(
        [sys.executable, "-m", __name__, way.host, str(way.port), source, str(count), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=_ROOT,
    ) as holder:
        yield holder


@click.command()
@click.argument("host")
@click.argument("port", type=int)
@click.argument("source")
@click.argument("count", type=int)
@click.option("--tls", is_flag=True)
def main(*, host: str, port: int, source: str, count: int, tls: bool) -> None:
    """Hold idle clients until the input ends."""
    clients_idle.raise_file_limit()
    held = []
    try:
        for _ in range(count):
            held.append(come(host, port, source, tls=tls))  # noqa: PERF401 - it may fail halfway
    except (LoadFailedError, OSError) as error:
        click.echo(f"after {len(held)}: {error}")
        sys.exit(1)
    click.echo("ready")
    sys.stdin.read()


if __name__ == "__main__":
    main()
