"""The moment from which a server accepts writes, as a connection straight to it sees it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from typing import Any, Final, Self

import pymysql

from bench.site import SCHEMA
from proxy.embedded import LocalServer

PAUSE_SECONDS: Final = 0.002
"""Between two tries: that is how exact the moment is."""


class Prober:
    """Tries to write to servers that take no writes yet, for the time of the block.

    Attributes:
        writable_at: when the first write began that one of them accepted, by the monotonic
            clock; None until then.
    """

    def __init__(self, servers: Iterable[LocalServer]) -> None:
        """Prepare to try each of the servers by a thread of its own."""
        self.writable_at: float | None = None
        self._found = threading.Event()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._try, args=(server,), daemon=True)
            for server in servers
        ]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait(self, limit_seconds: float) -> float:
        """The moment, when it has come.

        Raises:
            TimeoutError: it has not.
        """
        if not self._found.wait(limit_seconds) or self.writable_at is None:
            raise TimeoutError(f"no server took writes within {limit_seconds:g} s")
        return self.writable_at

    def _try(self, server: LocalServer) -> None:
        connection: Any = None
        while not self._ended.is_set() and not self._found.is_set():
            try:
                if connection is None:
                    connection = server.connect(database=SCHEMA, read_timeout=5)
                began = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO probed (at) VALUES (%s)", (began,))
            except (pymysql.err.MySQLError, OSError) as error:
                if not getattr(error, "sqlstate", None):
                    connection = None
                time.sleep(PAUSE_SECONDS)
            else:
                self.writable_at = began
                self._found.set()
        if connection is not None:
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                connection.close()
