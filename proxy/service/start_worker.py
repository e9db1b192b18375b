"""Starting a process that serves clients, from the process that supervises it."""

from __future__ import annotations

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
from proxy.service.member import Member

VARIABLE: Final = "MYSQLPROXY_WORKER_FDS"
"""Tells a worker which of its descriptors are its ends of the link and of the door, and the
board."""

_START: Final = "from proxy.service.seat import main; main()"


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
    ours, theirs = socket.socketpair()
    door, their_door = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.setblocking(False)
    with theirs, their_door:
        handles = theirs.fileno(), their_door.fileno(), board.handle
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                # Modules come from where ours do, whatever folder we are in.
                [sys.executable, *_options(), "-c", _START],
                env={
                    **environ,
                    "PYTHONSAFEPATH": "1",
                    "PYTHONPATH": os.pathsep.join(
                        str(Path(one).absolute()) for one in sys.path
                    ),
                    VARIABLE: ",".join(map(str, handles)),
                },
                pass_fds=handles,
                stdin=subprocess.DEVNULL,
            )
            link.open(reactor, ours)
        except OSError:
            ours.close()
            door.close()
            raise
    return Member(process, link, door)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _options() -> list[str]:
    """Options of the interpreter that this process was started with."""
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells them
    return options
