"""Options of sockets."""

from __future__ import annotations

import socket
from typing import Any, Final

BACKLOG: Final = 4096
"""Connections that may wait to be accepted: a fleet that starts opens thousands at once, and
one that finds no room tries again after a second.  Linux takes net.core.somaxconn for more."""

_TWISTEDS_BACKLOG: Final = 50
"""What an endpoint has of which nothing else was said."""


def keep_alive(handle: socket.socket) -> None:
    """No delay for small packets, and a dead peer is noticed; nothing for a unix socket."""
    if handle.family == socket.AF_UNIX:
        return
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A peer that vanished without a word is noticed after 60 + 3 * 10 seconds.
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def prepare_port(port: Any) -> None:
    """Set options of a port of Twisted's that listens; accepted sockets inherit them."""
    keep_alive(port.socket)
    if port.backlog == _TWISTEDS_BACKLOG:
        port.socket.listen(BACKLOG)
