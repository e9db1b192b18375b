"""A client that waits: it connects, logs in and asks, one step after the other."""

from __future__ import annotations

import socket
import struct
from typing import Final

from OpenSSL import SSL

from bench.clients_sysbench import LoadFailedError
from bench.entrance import COM_QUERY, Entrance, Stage, packet
from bench.many.answer import Answer
from bench.secured import Secured

_READ_BYTES: Final = 1 << 12
"""Greeting, login, and the answer to a small statement are less."""

_SELECT: Final = packet(COM_QUERY + b"SELECT 1")


def connect(host: str, port: int, limit: int, source: str | None = None) -> socket.socket:
    """A connection on which every step may take so many seconds, by the kernel's own clock.

    Raises:
        OSError: nobody is there.
    """
    connected = socket.socket()
    seconds = struct.pack("ll", limit, 0)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if source is not None:
            connected.bind((source, 0))
        connected.connect((host, port))
    except OSError:
        connected.close()
        raise
    return connected


def log_in(
    plain: socket.socket, *, tls: bool, session: SSL.Session | None = None
) -> socket.socket | Secured:
    """Log in on a connection that blocks.

    Args:
        plain: the connection.
        tls: whether TLS is spoken.
        session: of an earlier connection, to be resumed.

    Returns:
        What statements are to be sent by: the connection, or TLS on it.

    Raises:
        LoadFailedError: the other side refused.
        OSError: the connection failed, or TLS did.
    """
    entrance = Entrance(tls=tls)
    stream: socket.socket | Secured = plain
    while True:
        reply = entrance.receive(_receive(stream))
        if reply:
            stream.send(reply)
        if entrance.stage is Stage.TLS:
            stream = secured = Secured(plain, session)
            secured.shake_hands()
            secured.send(entrance.secured())
        elif entrance.stage is Stage.IN:
            return stream
        elif entrance.stage is Stage.REFUSED:
            raise LoadFailedError(entrance.why)


def select(stream: socket.socket | Secured) -> None:
    """Have one small statement answered.

    Raises:
        LoadFailedError: the answer is an error, or does not come.
        OSError: the connection failed.
    """
    stream.send(_SELECT)
    answer = Answer()
    while not answer.feed(_receive(stream)):
        pass
    if answer.code:
        raise LoadFailedError(f"SELECT 1: error {answer.code}")


def _receive(stream: socket.socket | Secured) -> bytes:
    data = stream.recv(_READ_BYTES)
    if not data:
        raise LoadFailedError("the connection was closed")
    return data
