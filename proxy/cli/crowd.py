"""The clients of the show: they move money, all at once, and note what they meet."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any

import attrs
import pymysql

from proxy.embedded import Server

CLIENTS = 200
SCHEMA = "shop"

COINS = 1000
"""What each account has at the beginning: more than a client pays during the show."""

STATEMENTS = 4
"""In a transaction: BEGIN, two times UPDATE, COMMIT."""

START_SECONDS = 30.0
"""Within this time all clients have logged in, on a slow machine too; and they have finished
so long after they were told to."""

ROLLED_BACK = "40001"
"""The SQLSTATE of a transaction that was lost: it may be run again."""

UNKNOWN = "08007"
"""The SQLSTATE of a COMMIT whose answer was lost: whether it was done has to be looked up."""

_STATES = {1213: ROLLED_BACK, 2013: UNKNOWN}
"""What these errors of an open connection say; older versions of PyMySQL tell no SQLSTATE."""

_TABLE = (
    f"CREATE TABLE {SCHEMA}.account "
    "(id INT PRIMARY KEY, balance BIGINT NOT NULL, moves INT NOT NULL DEFAULT 0)"
)


@attrs.frozen
class Done:
    """A transaction that was acknowledged, or found to be done; with the tries before it.

    Times are in seconds of the monotonic clock.
    """

    began: float
    ended: float


@attrs.frozen
class Loss:
    """An error that a client heard, and when.

    Attributes:
        at: In seconds of the monotonic clock.
        kind: Its SQLSTATE, or its number where it has none.
    """

    at: float
    kind: str


@attrs.define
class Record:
    """What one client has met.

    Attributes:
        done: Its transactions.
        losses: The errors after which it went on.
        gone: Why it did not go on; empty where it did.
    """

    done: list[Done] = attrs.field(factory=list)
    losses: list[Loss] = attrs.field(factory=list)
    gone: str = ""


@attrs.frozen
class Audit:
    """What the database has in the end.

    Attributes:
        coins: In all accounts.
        expected_coins: How many there have to be.
        lost: Transactions that were acknowledged and are not there.
        twice: Transactions that are there beyond those of which clients know.
    """

    coins: int
    expected_coins: int
    lost: int
    twice: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost and nothing was done twice."""
        return self.coins == self.expected_coins and not self.lost and not self.twice


class CrowdError(Exception):
    """The clients could not begin; says why."""


class Crowd:
    """Clients that pay each other a coin, each a thread with a PyMySQL connection.

    Attributes:
        records: What each client has met; it is read while they are at work.
    """

    def __init__(
        self,
        port: int,
        user: str,
        password: str,
        tls: ssl.SSLContext | None = None,
        clients: int | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            port: Of the proxy on 127.0.0.1.
            user: As whom the clients log in.
            password: With what.
            tls: How they encrypt; None is not at all.
            clients: How many there are; None is `CLIENTS`.
        """
        self._reach: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "user": user,
            "password": password,
            "database": SCHEMA,
            "autocommit": True,
            "ssl": tls,
            "ssl_disabled": tls is None,
        }
        self.records = [Record() for _ in range(CLIENTS if clients is None else clients)]
        self._ready = threading.Barrier(len(self.records) + 1)
        self._over = threading.Event()
        self._threads: Sequence[threading.Thread] = ()

    def __repr__(self) -> str:
        """How many there are, and what they have done."""
        return f"<Crowd of {len(self.records)}: {self.transactions} done, {self.errors} errors>"

    @property
    def transactions(self) -> int:
        """How many have been done."""
        return sum(len(record.done) for record in self.records)

    @property
    def errors(self) -> int:
        """How many errors clients have heard, those included that ended one."""
        return sum(len(record.losses) + bool(record.gone) for record in self.records)

    def prepare(self, server: Server) -> None:
        """Give each client an account."""
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(_TABLE)
            cursor.executemany(
                f"INSERT INTO {SCHEMA}.account (id, balance) VALUES (%s, %s)",  # noqa: S608 - ours
                [(number, COINS) for number in range(len(self.records))],
            )

    def start(self) -> None:
        """Log them all in; then they are at work.

        Raises:
            CrowdError: not all could log in.
        """
        self._threads = [
            threading.Thread(target=self._client, args=(number,), daemon=True)
            for number in range(len(self.records))
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._ready.wait(START_SECONDS)
        except threading.BrokenBarrierError:
            self._over.set()
            whys = [record.gone for record in self.records if record.gone]
            why = whys[0] if whys else f"it took longer than {START_SECONDS:g} s"
            raise CrowdError(f"not all clients could log in: {why}") from None

    def stop(self) -> None:
        """Let each client finish its transaction, and wait for that."""
        self._over.set()
        latest = time.monotonic() + START_SECONDS
        for thread, record in zip(self._threads, self.records, strict=False):
            thread.join(max(latest - time.monotonic(), 0.0))
            if thread.is_alive():
                record.gone = f"it heard nothing for {START_SECONDS:g} s"

    def audit(self, server: Server) -> Audit:
        """Compare what the database has with what the clients know of."""
        rows = server.execute(f"SELECT id, balance, moves FROM {SCHEMA}.account")  # noqa: S608 - ours
        moves = dict.fromkeys(range(len(self.records)), 0) | {row[0]: row[2] for row in rows}
        beyond = [moves[number] - len(one.done) for number, one in enumerate(self.records)]
        return Audit(
            sum(row[1] for row in rows),
            COINS * len(self.records),
            lost=-sum(count for count in beyond if count < 0),
            twice=sum(count for count in beyond if count > 0),
        )

    def _client(self, number: int) -> None:
        record = self.records[number]
        try:
            with pymysql.connect(**self._reach) as connection:
                self._ready.wait(START_SECONDS)
                while not self._over.is_set():
                    self._pay(connection, number, record)
        except threading.BrokenBarrierError:
            return
        except (pymysql.MySQLError, OSError) as error:
            record.gone = repr(error)
            self._ready.abort()

    def _pay(self, connection: Any, number: int, record: Record) -> None:
        """Run one transaction, again where it was rolled back: as applications should."""
        began = time.monotonic()
        while True:
            try:
                self._move(connection, number)
            except pymysql.MySQLError as error:
                kind = _kind(error, is_open=connection.open)
                if kind not in _STATES.values():
                    raise
                record.losses.append(Loss(time.monotonic(), kind))
                if kind == ROLLED_BACK or not _was_done(connection, number, record):
                    if self._over.is_set():
                        return
                    continue
            record.done.append(Done(began, time.monotonic()))
            return

    def _move(self, connection: Any, number: int) -> None:
        """One coin from one account to the next, locked in order so that nobody deadlocks."""
        pair = sorted((number, (number + 1) % len(self.records)))
        with connection.cursor() as cursor:
            connection.begin()
            for account in pair:
                change, moves = (-1, 1) if account == number else (1, 0)
                cursor.execute(
                    "UPDATE account SET balance = balance + %s, moves = moves + %s "
                    "WHERE id = %s",
                    (change, moves, account),
                )
            connection.commit()


def _kind(error: pymysql.MySQLError, *, is_open: bool) -> str:
    """The SQLSTATE of an error, or its number where the server did not say it."""
    number = error.args[0] if error.args else 0
    state = getattr(error, "sqlstate", None) or (_STATES.get(number) if is_open else None)
    return state or f"error {number}"


def _was_done(connection: Any, number: int, record: Record) -> bool:
    """Whether the account tells of one more transaction than its owner knows of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT moves FROM account WHERE id = %s", (number,))
        (moves,) = cursor.fetchone()
    return bool(moves > len(record.done))
