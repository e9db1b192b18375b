"""A finite show: many clients on few connections, with figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pymysql
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from proxy.embedded import Server

CLIENTS = 200
SECONDS = 8.0
"""Long enough for a steady state, short enough to be watched."""

START_SECONDS = 30.0
"""Within this time all clients have logged in, on a slow machine too."""

RENEWAL_SECONDS = 30.0
"""Connections of the old password are gone a second or two after the change; a slow machine
gets so much longer than the show was to last."""

_LOOK_SECONDS = 0.1
"""Between two looks at the list of connections: it is watched, and not to be a load."""


class Show:
    """200 clients that move money between accounts, each a thread with a PyMySQL connection."""

    def __init__(
        self,
        port: int,
        user: str,
        password: str,
        schema: str,
        server: Server,
        rotate: Callable[[], None] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Show nothing yet.

        Args:
            port: Of the proxy on 127.0.0.1.
            user: As whom the clients log in.
            password: With what.
            schema: Where their accounts are.
            server: The real server.
            rotate: Changes the password; called in the middle of the show, which goes on
                until no connection of the old password is left.
            seconds: How long clients are at work.
        """
        self._reach: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "user": user,
            "password": password,
            "database": schema,
        }
        self._server = server
        self._rotate = rotate
        self._seconds = seconds
        self._renewed = 0
        self._ready = threading.Barrier(CLIENTS + 1)
        self._ends = 0.0
        self._transactions = 0
        self._errors: list[str] = []
        self._lock = threading.Lock()

    def run(self, reactor: Any) -> Deferred[str]:
        """Run it in threads; fires with the report."""
        pool = ThreadPool(minthreads=1, maxthreads=1, name="show")
        pool.start()
        shown = deferToThreadPool(reactor, pool, self._run)
        shown.addBoth(lambda result: (reactor.callInThread(pool.stop), result)[1])
        return shown

    def _run(self) -> str:
        with self._server.connect(database="shop", autocommit=True) as observer:
            cursor = observer.cursor()
            cursor.execute("CREATE TABLE account (id INT PRIMARY KEY, balance BIGINT NOT NULL)")
            cursor.executemany(
                "INSERT INTO account VALUES (%s, 1000)",
                [(number,) for number in range(CLIENTS)],
            )
        threads = [
            threading.Thread(target=self._client, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        self._ends = time.monotonic() + START_SECONDS + self._seconds
        self._ready.wait(START_SECONDS)
        began = time.monotonic()
        self._ends = began + self._seconds
        most = self._watch()
        for thread in threads:
            thread.join(START_SECONDS)
        took = time.monotonic() - began
        ((total,),) = self._server.execute("SELECT SUM(balance) FROM shop.account")
        if self._errors or total != 1000 * CLIENTS:
            raise RuntimeError(
                f"{len(self._errors)} errors, {total} in all: {self._errors[:1]}"
            )
        rotated = ""
        if self._rotate is not None:
            rotated = (
                "\nIn the middle of it the password of the database was changed by way of "
                f"Secrets Manager;\n{self._renewed} connections were opened anew with it, and "
                "no client noticed."
            )
        return (
            f"{CLIENTS} clients ran {self._transactions} transactions of 4 statements in "
            f"{took:.1f} s ({self._transactions / took:.0f}/s),\n"
            f"on at most {most} connections to the database, and not a coin was lost.{rotated}"
        )

    def _watch(self) -> int:
        """The most connections that the server has seen from the proxy."""
        most, old, rotate = 0, frozenset[int](), self._rotate
        middle, latest = self._ends - self._seconds / 2, self._ends + RENEWAL_SECONDS
        with self._server.connect() as observer, observer.cursor() as cursor:
            while (now := time.monotonic()) < self._ends:
                seen = self._connections(cursor)
                most = max(most, len(seen))
                if rotate is not None and now > middle:
                    rotate()
                    old, rotate = seen, None
                if old & seen:
                    # Clients have to go on: what they hold is closed when it comes back.
                    self._ends = min(max(self._ends, now + 5 * _LOOK_SECONDS), latest)
                time.sleep(_LOOK_SECONDS)
            self._renewed = len(old - self._connections(cursor))
        return most

    def _connections(self, cursor: Any) -> frozenset[int]:
        """The server's ids of those that the proxy has."""
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE user = %s",
            (self._reach["user"],),
        )
        return frozenset(number for (number,) in cursor.fetchall())

    def _client(self, number: int) -> None:
        try:
            with pymysql.connect(**self._reach) as connection:
                self._ready.wait(START_SECONDS)
                with connection.cursor() as cursor:
                    while time.monotonic() < self._ends:
                        self._move(connection, cursor, number)
        except (pymysql.MySQLError, threading.BrokenBarrierError) as error:
            with self._lock:
                self._errors.append(repr(error))

    def _move(self, connection: Any, cursor: Any, number: int) -> None:
        """One coin from one account to the next, locked in order so that nobody deadlocks."""
        pair = sorted((number, (number + 1) % CLIENTS))
        connection.begin()
        for account in pair:
            change = -1 if account == number else 1
            cursor.execute(
                "UPDATE account SET balance = balance + %s WHERE id = %s", (change, account)
            )
        connection.commit()
        with self._lock:
            self._transactions += 1
