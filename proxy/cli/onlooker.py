"""Looks at servers from behind: how many connections somebody really has there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, Self

import pymysql

from proxy.embedded import Server

LOOK_SECONDS = 0.1
"""Between two looks at the list of connections: it is watched, and not to be a load."""

_LIST = "SELECT id FROM information_schema.processlist WHERE user = %s"


class Onlooker:
    """Counts a user's connections at each server, in a thread, while the block lasts.

    Attributes:
        most: The most that any of the servers has had at once.
        seen: Those of the last look, each as the server's port and its id there.
    """

    def __init__(self, servers: Sequence[Server], user: str) -> None:
        self._servers = servers
        self._user = user
        self._open: dict[int, Any] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.most = 0
        self.seen: frozenset[tuple[int, int]] = frozenset()

    def __repr__(self) -> str:
        """What it has seen."""
        return f"<Onlooker at {len(self._servers)} servers: {len(self.seen)} now>"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.look()
        for connection in self._open.values():
            with contextlib.suppress(pymysql.MySQLError):
                connection.close()

    def look(self) -> None:
        """Look once at all servers; one that is away has no connections."""
        seen = [*map(self._at, self._servers)]
        self.most = max(self.most, *map(len, seen))
        self.seen = frozenset().union(*seen)

    def _at(self, server: Server) -> frozenset[tuple[int, int]]:
        if not server.is_running():
            return frozenset()
        try:
            connection = self._open.pop(server.port, None) or server.connect()
            with connection.cursor() as cursor:
                cursor.execute(_LIST, (self._user,))
                rows = cursor.fetchall()
        except pymysql.MySQLError:
            return frozenset()
        self._open[server.port] = connection
        return frozenset((server.port, number) for (number,) in rows)
