"""
Runs one server and stops it when the process that wanted it is gone.

The parent starts this file as a program of its own, with one pipe to its standard input.
Words of one byte come through the pipe: ``T`` asks the server to finish (SIGTERM), ``K``
ends it at once (SIGKILL), ``S`` freezes it (SIGSTOP) and ``C`` thaws it (SIGCONT). The end
of the pipe means that the parent is gone, however it went: the kernel closes the pipe of a
killed process too. Then the server is asked to finish, thawed so that it can, killed if it
does not within the limit, and its folder removed. As children forked by the parent may
hold the pipe open, the guard also looks whether its own parent changed.

The server is the guard's child: nobody else can reap it, so its process id never means
another process while the guard lives. Should the guard itself be killed, the kernel kills
the server (``PR_SET_PDEATHSIG``, prctl(2)); that is tied to the thread that forked, and
the guard has only one.

Only the standard library is used, so that it starts within a few milliseconds:
``python -I -S guard.py LIMIT_SECONDS FOLDER COMMAND...``. It writes the server's process
id to its standard output, and its exit status is the server's (128 + n for signal n).
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0
_SIGNALS = {
    ord("T"): signal.SIGTERM,
    ord("K"): signal.SIGKILL,
    ord("S"): signal.SIGSTOP,
    ord("C"): signal.SIGCONT,
}


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(command: list[str], limit_seconds: float, folder: str) -> int:
    """
    Run the command until it ends by itself, on a word from the pipe, or as an orphan.

    Args:
        command: the server's command line.
        limit_seconds: how long an orphaned server may take to finish.
        folder: what to remove after an orphaned server; nothing when empty.

    Returns:
        The exit status to end with.
    """
    parent = os.getppid()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    server = subprocess.Popen(  # noqa: S603 - the command of whoever started the guard
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_die_with_guard,  # noqa: PLW1509 - the guard has one thread
    )
    with contextlib.suppress(OSError):
        os.write(1, b"%d\n" % server.pid)
    os.close(1)
    deadline = None
    sources = [0, wake]
    while server.poll() is None:
        ready, _, _ = select.select(sources, [], [], _LOOK_SECONDS)
        orphaned = os.getppid() != parent
        if 0 in ready:
            words = os.read(0, 64)
            orphaned = orphaned or not words
            for word in words:
                server.send_signal(_SIGNALS[word])
        if wake in ready and set(os.read(wake, 64)) - {signal.SIGCHLD}:
            server.terminate()
        if orphaned and deadline is None:
            sources = [wake]
            deadline = time.monotonic() + limit_seconds
            server.terminate()
            server.send_signal(signal.SIGCONT)
        if deadline is not None and time.monotonic() > deadline:
            server.kill()
    if folder and (deadline is not None or os.getppid() != parent or _pipe_ended()):
        shutil.rmtree(folder, ignore_errors=True)
    status = server.returncode
    return status if status >= 0 else 128 - status


def _pipe_ended() -> bool:
    """Whether the parent is gone although the server ended first."""
    ready, _, _ = select.select([0], [], [], 0)
    return bool(ready) and not os.read(0, 64)


if __name__ == "__main__":
    sys.exit(watch(sys.argv[3:], float(sys.argv[1]), sys.argv[2]))
