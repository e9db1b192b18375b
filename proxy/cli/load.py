"""Clients that read and write by turns, each in a thread, and connect anew when lost."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import Any

import attrs
import pymysql

TABLE = "mysqlproxy_load"

ROWS = 1000
"""So many that clients seldom wait for each other's locks."""

RETRY_SECONDS = 0.5
"""Before a client that lost its connection connects anew."""

STOP_SECONDS = 10.0
"""A client that is held by a failover ends later; it is not waited for any longer."""

READS = 4
"""For each transaction that writes: most applications read more than they write."""


class LoadError(Exception):
    """The load could not begin; says why."""


@attrs.frozen
class Reach:
    """How clients reach the proxy."""

    host: str
    port: int
    user: str
    password: str = attrs.field(repr=False)
    database: str

    def connect(self) -> Any:
        """A connection.

        Raises:
            pymysql.MySQLError: there is none to be had.
        """
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.database,
            autocommit=True,
        )


class Load:
    """The clients.

    Attributes:
        last_error: What a client has heard last; empty for nothing.
    """

    def __init__(self, reach: Reach, clients: int, pause: float) -> None:
        """Start nothing yet.

        Args:
            reach: Of the proxy.
            clients: How many there are.
            pause: Seconds that each thinks between two transactions.
        """
        self._reach = reach
        self._pause = pause
        self._over = threading.Event()
        self._counts = [[0, 0] for _ in range(clients)]
        self._threads = [
            threading.Thread(target=self._run, args=(count,), daemon=True)
            for count in self._counts
        ]
        self.last_error = ""

    def __repr__(self) -> str:
        """How many there are, and what they have done."""
        return f"<Load of {len(self._counts)}: {self.statements} statements>"

    @property
    def statements(self) -> int:
        """How many were answered without an error."""
        return sum(count[0] for count in self._counts)

    @property
    def errors(self) -> int:
        """How many errors clients heard."""
        return sum(count[1] for count in self._counts)

    def start(self) -> None:
        """Make the table, and let them begin.

        Raises:
            LoadError: it cannot be made.
        """
        try:
            with self._reach.connect() as connection, connection.cursor() as cursor:
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {TABLE} "
                    "(id INT PRIMARY KEY, hits BIGINT NOT NULL DEFAULT 0)"
                )
                cursor.executemany(
                    f"INSERT IGNORE INTO {TABLE} (id) VALUES (%s)",  # noqa: S608 - our name
                    [(number,) for number in range(ROWS)],
                )
        except (pymysql.MySQLError, OSError) as error:
            raise LoadError(f"the load cannot begin: {_said(error)}") from None
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client finish its transaction, and drop the table."""
        self._over.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        with (
            contextlib.suppress(pymysql.MySQLError, OSError),  # it is in nobody's way
            self._reach.connect() as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")

    def _run(self, count: list[int]) -> None:
        # All at once would make a queue that no application makes.
        self._over.wait(random.random() * self._pause)  # noqa: S311 - spreads clients
        while not self._over.is_set():
            try:
                with self._reach.connect() as connection, connection.cursor() as cursor:
                    self._work(connection, cursor, count)
            except (pymysql.MySQLError, OSError) as error:
                self._heard(error, count)
                self._over.wait(RETRY_SECONDS)

    def _work(self, connection: Any, cursor: Any, count: list[int]) -> None:
        """Run transactions until the end; an error that leaves the connection is counted."""
        while not self._over.is_set():
            try:
                self._turn(cursor, count)
            except pymysql.MySQLError as error:
                if not connection.open:
                    raise
                self._heard(error, count)
            self._over.wait(self._pause)

    @staticmethod
    def _turn(cursor: Any, count: list[int]) -> None:
        row = random.randrange(ROWS)  # noqa: S311 - which row does not matter
        for _ in range(READS):
            cursor.execute(f"SELECT hits FROM {TABLE} WHERE id = %s", (row,))  # noqa: S608 - our name
            count[0] += 1
        for statement in (
            "BEGIN",
            f"UPDATE {TABLE} SET hits = hits + 1 WHERE id = {row}",  # noqa: S608 - ours
            "COMMIT",
        ):
            cursor.execute(statement)
            count[0] += 1

    def _heard(self, error: Exception, count: list[int]) -> None:
        count[1] += 1
        self.last_error = _said(error)


def _said(error: Exception) -> str:
    words = error.args[1] if len(error.args) > 1 else error
    return "".join(char if char.isprintable() else "?" for char in str(words))
