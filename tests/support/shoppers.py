"""Many clients that run transactions all the time, and reconnect now and then."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pymysql

from tests.support.process import RunningProxy

VISITS = range(3, 30)
"""Transactions of a connection: each client has its own number, so that at any moment some log
in and most work."""

PAUSE_SECONDS = 0.3
"""Between two transactions of a client: all of them together leave the machine some time."""

CONNECT_LIMIT_SECONDS = 60
"""A login waits for its turn on a busy machine, and that is no error."""


class Shoppers:
    """Clients of one user, each with a row of its own.

    Attributes:
        password: What they log in with.
        logins: How often that worked, by password.
        errors: Everything that went wrong.
    """

    def __init__(self, proxy: RunningProxy, user: str, password: str, count: int) -> None:
        self.password = password
        self.logins: dict[str, int] = {}
        self.errors: list[str] = []
        self._proxy = proxy
        self._user = user
        self._committed = [0] * count
        self._lock = threading.Lock()
        self._over = threading.Event()

    @property
    def committed(self) -> int:
        """Transactions whose COMMIT was answered."""
        return sum(self._committed)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them work for the length of a block."""
        threads = [
            threading.Thread(target=self._live, args=(number,))
            for number in range(len(self._committed))
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(CONNECT_LIMIT_SECONDS)
        assert not any(thread.is_alive() for thread in threads)

    def _live(self, number: int) -> None:
        while not self._over.is_set():
            try:
                self._visit(number)
            except pymysql.MySQLError as error:
                self.errors.append(repr(error))
                self._over.wait(0.5)  # who fails all the time leaves the others some room

    def _visit(self, number: int) -> None:
        password = self.password
        connection = self._proxy.connect(
            self._user,
            password=password,
            database="shop",
            connect_timeout=CONNECT_LIMIT_SECONDS,
        )
        with self._lock:
            self.logins[password] = self.logins.get(password, 0) + 1
        with contextlib.closing(connection), connection.cursor() as cursor:
            for _ in range(VISITS[number % len(VISITS)]):
                if self._over.wait(PAUSE_SECONDS):
                    return
                connection.begin()
                cursor.execute("UPDATE sold SET n = n + 1 WHERE id = %s", (number,))
                cursor.execute("SELECT n FROM sold WHERE id = %s", (number,))
                seen = cursor.fetchall()
                connection.commit()
                self._committed[number] += 1
                if seen != ((self._committed[number],),):
                    self.errors.append(f"client {number} saw {seen}")
