"""Ports for what a test starts, which no other test is given meanwhile.

A port that the system picks may be that of a connection a moment later, before whoever is to
listen there has started.  These are below those that it picks, and several runs of tests on one
machine count on together.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 15_000, 32_000
"""Above what services of a machine use, and below 32768, where Linux begins to pick itself."""

COUNTER = Path(tempfile.gettempdir(), f"mysqlproxy-tests-port-{os.getuid()}")
"""Has the port that was given last."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that comes again in thousands."""
    with COUNTER.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = int(file.read() or FIRST)
        port = next(filter(_is_free, (*range(last + 1, LAST), *range(FIRST, last + 1))))
        file.truncate(0)
        file.write(str(port))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
