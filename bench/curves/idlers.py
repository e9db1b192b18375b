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

from bench import clients_idle
from bench.clients_sysbench import LoadFailedError
from bench.curves.ways import Way
from bench.encryption import client_context
from bench.site import PASSWORD, SCHEMA, USER
from proxy.wire.auth.caching_sha2 import FAST_AUTH_SUCCESS, scramble
from proxy.wire.constants import Capability
from proxy.wire.greeting import Login, SslRequest, parse_greeting
from proxy.wire.primitives import Malformed

_ROOT: Final = Path(__file__).resolve().parents[2]

EACH: Final = 7000
"""Clients of one process, with one address: below the usual limits on open files and ports."""

_CAPABILITIES: Final = (
    Capability.PROTOCOL_41
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_WITH_DB
    | Capability.TRANSACTIONS
)
_MAX_PACKET: Final = 1 << 24
_COLLATION: Final = 45
_PLUGIN: Final = "caching_sha2_password"
_AUTH_MORE: Final = 1
_OK: Final = 0
_ERROR: Final = 0xFF
_SELECT: Final = b"\x03SELECT 1"
_PACKETS_OF_ANSWER: Final = 5
"""Count, column, EOF, row, EOF: CLIENT_DEPRECATE_EOF is not negotiated."""

_SILENCE_LIMIT_SECONDS: Final = 60.0


def read(connected: socket.socket) -> tuple[int, bytes]:
    """The next packet: its number and its payload.

    Raises:
        LoadFailedError: it is an error, or there is none.
        OSError: the connection failed.
    """
    header = _take(connected, 4)
    payload = _take(connected, int.from_bytes(header[:3], "little"))
    if payload[0] == _ERROR:
        raise LoadFailedError(payload[9:].decode("utf-8", "replace"))
    return header[3], payload


def _take(connected: socket.socket, size: int) -> bytes:
    taken = b""
    while len(taken) < size:
        data = connected.recv(size - len(taken))
        if not data:
            raise LoadFailedError("the connection was closed")
        taken += data
    return taken


def _write(connected: socket.socket, payload: bytes, number: int) -> None:
    connected.sendall(len(payload).to_bytes(3, "little") + bytes((number,)) + payload)


def come(host: str, port: int, source: str, *, tls: bool) -> socket.socket:
    """One client that has logged in and run a SELECT.

    Raises:
        LoadFailedError: it was refused.
        OSError: the connection failed.
    """
    connected = socket.create_connection((host, port), _SILENCE_LIMIT_SECONDS, (source, 0))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    number, payload = read(connected)
    greeting = parse_greeting(payload)
    if isinstance(greeting, Malformed) or greeting.plugin != _PLUGIN:
        raise LoadFailedError("the greeting is not that of a server of today")
    able = _CAPABILITIES
    if tls:
        able |= Capability.SSL
        number += 1
        _write(connected, SslRequest(able, _MAX_PACKET, _COLLATION).encode(), number)
        connected = client_context().wrap_socket(connected)
    response = scramble(PASSWORD, greeting.nonce)
    login = Login(able, _MAX_PACKET, _COLLATION, USER, response, SCHEMA.encode(), _PLUGIN)
    _write(connected, login.encode(), number + 1)
    while (said := read(connected)[1])[0] != _OK:
        if said != bytes((_AUTH_MORE,)) + FAST_AUTH_SUCCESS:
            raise LoadFailedError("the login takes a turn that is not known here")
    _write(connected, _SELECT, 0)
    for _ in range(_PACKETS_OF_ANSWER):
        read(connected)
    return connected


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
