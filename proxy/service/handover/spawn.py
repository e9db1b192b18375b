"""Starting the process that takes over: the same command line, maybe of a newer release."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final

from proxy.service.channel import encode

VARIABLE: Final = "MYSQLPROXY_HANDOVER_FD"
"""Tells the successor which of its descriptors is its end of the channel."""


def command_line() -> list[str]:
    """How this process was started: interpreter, its options, program, arguments."""
    return [sys.executable or sys.orig_argv[0], *sys.orig_argv[1:]]


def spawn(
    command: list[str], environ: Mapping[str, str], end: socket.socket
) -> subprocess.Popen[bytes]:
    """Start the successor; its output goes where ours goes.

    Args:
        command: What to run.
        environ: Its environment, but for what is private between us.
        end: Its end of the channel.

    Raises:
        OSError: there is no such program, or no room for a process.
    """
    return subprocess.Popen(  # noqa: S603 - it is how this process was started
        command,
        env={**environ, VARIABLE: str(end.fileno())},
        pass_fds=(end.fileno(),),  # nothing else but the standard streams
    )


def inherited(environ: Mapping[str, str]) -> socket.socket | None:
    """A copy of this process's end of the channel, where it is a successor.

    What stands in the variable may be left from elsewhere: what is no such socket counts for
    nothing.
    """
    number = environ.get(VARIABLE, "")
    try:
        end = socket.socket(fileno=os.dup(int(number)))
    except (OSError, ValueError):
        return None
    if end.family != socket.AF_UNIX:
        end.close()
        return None
    return end


def forget_inherited(environ: MutableMapping[str, str]) -> None:
    """Close what was inherited, of which there is a copy: it is for no child of ours."""
    number = environ.pop(VARIABLE, "")
    if number.isdigit():
        with contextlib.suppress(OSError):
            os.close(int(number))


def tell_failure(why: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell the process before this one why this one does not come up; False for nobody."""
    end = inherited(environ)
    if end is None:
        return False
    with end:
        end.settimeout(1.0)  # there is nobody else to wait for, and nothing to do but to end
        try:
            end.sendall(encode({"what": "failed", "why": why}))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def failure_told() -> Iterator[None]:
    """Tell the process before this one, if any, of an error that ends the block.

    Raises:
        SystemExit: it was told, and logs it.
    """
    try:
        yield
    except Exception as error:
        if tell_failure(str(error)):
            sys.exit(1)
        raise
