"""Sockets that listen, on their way from one process to the next.

Twisted's own ways to close and to adopt a port are for one that nobody else has: closing shuts
the socket down for all who have it and takes a unix socket's path away, adopting lets everybody
in at that path.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet import unix
from twisted.python.lockfile import FilesystemLock


def release(port: Any) -> None:
    """Let a port of Twisted's be closed by nobody but this process: another one has it too."""
    port._shouldShutdown = False  # noqa: SLF001 - nothing public tells it
    if isinstance(port, unix.Port):
        port.lockFile = None
        port._bindPath = b"\0"  # noqa: SLF001 - what has no path is not taken away


def adopt_port(reactor: Any, given: socket.socket, factory: Any) -> Any:
    """A port of Twisted's over a copy of a socket that listens already.

    Raises:
        OSError: the socket is none that can.
    """
    given.setblocking(False)
    if given.family != socket.AF_UNIX:
        return reactor.adoptStreamPort(given.fileno(), given.family, factory)
    port = unix.Port._fromListeningDescriptor(reactor, given.fileno(), factory)  # noqa: SLF001 - see above
    path = _path(given)
    if path is not None:
        port.mode = stat.S_IMODE(path.stat().st_mode)  # `startListening` sets it
    port.startListening()
    return port


def remove(listening: socket.socket) -> None:
    """Take away the path of a unix socket where nobody will listen any more, and its lock."""
    path = _path(listening) if listening.family == socket.AF_UNIX else None
    if path is not None:
        for one in (path, path.with_name(path.name + ".lock")):
            with contextlib.suppress(OSError):  # a folder that is not ours, perhaps
                one.unlink()


def take_lock(port: Any) -> None:
    """Make the lock beside a unix socket say that it is this process's.

    Who finds the lock of a process that is gone takes the path for left behind.
    """
    if not isinstance(port, unix.Port):
        return
    path = _path(port.socket)
    if path is None:
        return
    lock = path.with_name(path.name + ".lock")
    if not os.path.lexists(lock):  # an endpoint may do without
        return
    ours = path.with_name(f"{path.name}.lock.{os.getpid()}")
    ours.symlink_to(str(os.getpid()))
    ours.replace(lock)
    port.lockFile = FilesystemLock(os.fsencode(lock))
    port.lockFile.locked = port.lockFile.clean = True


def _path(listening: socket.socket) -> Path | None:
    """Where a unix socket is; None for one of the abstract namespace."""
    name = listening.getsockname()
    return Path(name) if isinstance(name, str) and name else None
