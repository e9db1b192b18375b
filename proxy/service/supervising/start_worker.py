"""Starting a process that serves clients, from the process that supervises it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.pool.board import Board
from proxy.service.link import Link
from proxy.service.supervising.member import Member

VARIABLE: Final = "MYSQLPROXY_WORKER_FDS"
"""Tells a worker which of its descriptors are its ends of the link and of the door, and the
board."""

_START: Final = """
import signal
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
    signal.signal(number, signal.SIG_IGN)
from proxy.service.seats.seat import main
main()
"""
"""A terminal sends these signals to all processes.  A worker goes by what the supervisor says,
also while it loads its modules."""


def start_worker(
    reactor: Any,
    board: Board,
    log: FilteringBoundLogger,
    environ: Mapping[str, str] = os.environ,
) -> Member:
    """Start one; its output goes where ours goes.

    Args:
        reactor: Ours.
        board: What all workers have in common.
        log: For what goes wrong with it.
        environ: Ours.

    Raises:
        OSError: there is no room for a process, or no descriptor left.
    """
    link = Link(reactor, log)
    with contextlib.ExitStack() as left:
        ours, theirs = map(left.enter_context, socket.socketpair())
        door, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        opened = left.enter_context(contextlib.ExitStack())
        for one in (door, far):
            opened.enter_context(one)
            one.setblocking(False)
        process = _spawn((theirs.fileno(), far.fileno(), board.handle), environ)
        opened.callback(_give_up, process)
        link.open(reactor, ours)
        opened.pop_all()
    return Member(process, link, door, far=far)


def _spawn(handles: tuple[int, ...], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Modules come from where ours do, whatever folder we are in.
    path = os.pathsep.join(str(Path(one).absolute()) for one in sys.path)
    more = {"PYTHONSAFEPATH": "1", "PYTHONPATH": path, VARIABLE: ",".join(map(str, handles))}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, *_options(), "-c", _START],
        env={**environ, **more},
        pass_fds=handles,
        stdin=subprocess.DEVNULL,
    )


def _give_up(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _options() -> list[str]:
    """Options of the interpreter that this process was started with."""
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells them
    return options
