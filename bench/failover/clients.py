"""Clients of a database that may move, each with a record of what it did and heard."""

from __future__ import annotations

import asyncio
import enum
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import attrs

from bench.failover.wire import Connection, LostError, RefusedError, Rows, connect

ANSWER_LIMIT_SECONDS: Final = 60.0
"""Whoever is silent for longer hangs; half of the time after which a proxy gives up by default
to find a connection."""

READ_ONLY: Final = frozenset({1290, 1836})
"""Errors of a server that takes no writes, which tell a client that it has the wrong one."""

HANG: Final = "no answer"
LOST: Final = "lost"
NO_LOGIN: Final = "no login"

_RETRY_SECONDS: Final = 0.05
"""Between two tries to connect, or a failed statement and the next."""

_THINK_SECONDS: Final = (0.05, 0.15)
"""All share few processors: what is measured is a wait, and no queue for a processor."""

_HOLD_SECONDS: Final = 0.1

_ENTRY_SECONDS: Final = (0.1, 0.3)
"""Slower: a server that lost transactions starts anew and applies all entries again."""


class What(enum.Enum):
    """What an attempt was for."""

    CONNECT = "connect"
    SET = "set"
    BEGIN = "begin"
    READ = "read"
    WRITE = "write"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    RECALL = "recall"


@attrs.frozen
class Attempt:
    """One thing that a client tried.

    Attributes:
        began: when, by the monotonic clock, in seconds.
        ended: when it was over.
        trouble: empty where it went well; else ``number/SQLSTATE``, or one of `HANG`, `LOST`
            and `NO_LOGIN`.
        said: the error in words.
        number: of the row that it was about, where that matters.
    """

    what: What
    began: float
    ended: float
    trouble: str = ""
    said: str = ""
    number: int = 0

    @property
    def is_error(self) -> bool:
        """Whether an application would have got an error from a statement."""
        return bool(self.trouble) and self.what is not What.CONNECT


@attrs.frozen
class Way:
    """How clients get to the database.

    Attributes:
        name: for the table.
        places: host and port of each place, tried in turn.
        asks: whether a client asks a place if it takes writes before it uses it.
        leaves: whether a client connects anew after an error that says read-only.
    """

    name: str
    places: tuple[tuple[str, int], ...]
    asks: bool = False
    leaves: bool = True


@attrs.define(eq=False)
class Client:
    """One client.

    Attributes:
        kind: what it does.
        ready: it has done something.
        called: an idle one is to do something.
        recalled: it has.
        attempts: all that it has tried since it was ready.
    """

    number: int
    kind: Kind
    way: Way
    threads: ThreadPoolExecutor
    ready: asyncio.Event = attrs.field(factory=asyncio.Event)
    called: asyncio.Event = attrs.field(factory=asyncio.Event)
    recalled: asyncio.Event = attrs.field(factory=asyncio.Event)
    attempts: list[Attempt] = attrs.field(factory=list)
    connection: Connection | None = None
    _next_place: int = 0

    def __str__(self) -> str:
        return f"{self.way.name}, {self.kind.value} client {self.number}"

    @property
    def account(self) -> int:
        """A number that no other client has, whatever its kind."""
        return [*Kind].index(self.kind) * 1000 + self.number

    async def live(self) -> None:
        """Connect, and do what its kind does until it is cancelled."""
        try:
            await self.reconnect()
            self.attempts.clear()
            await LIVES[self.kind](self)
        finally:
            if self.connection is not None:
                self.connection.close()

    async def reconnect(self) -> None:
        """Connect, again and again until it works."""
        while True:
            began = time.monotonic()
            place = self.way.places[self._next_place % len(self.way.places)]
            try:
                connection = await connect(*place, self.threads)
                if self.way.asks:
                    await _ask_if_writable(connection)
            except (LostError, RefusedError, TimeoutError) as error:
                ended = time.monotonic()
                self.attempts.append(Attempt(What.CONNECT, began, ended, NO_LOGIN, str(error)))
                self._next_place += 1
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self.attempts.append(Attempt(What.CONNECT, began, time.monotonic()))
                self.connection = connection
                return

    async def do(self, what: What, statement: str, number: int = 0) -> Rows | None:
        """Run a statement and record it; its rows, or None after an error.

        After an error the client has waited a little, and has a connection again.
        """
        assert self.connection is not None
        began = time.monotonic()
        trouble = said = ""
        leaves = True
        rows: Rows | None = None
        try:
            async with asyncio.timeout(ANSWER_LIMIT_SECONDS):
                rows = await self.connection.run(statement)
        except RefusedError as error:
            trouble, said = f"{error.number}/{error.state}", str(error)
            leaves = self.way.leaves and error.number in READ_ONLY
        except LostError as error:
            trouble, said = LOST, str(error)
        except TimeoutError:
            trouble, said = HANG, f"no answer within {ANSWER_LIMIT_SECONDS:g} s"
        self.attempts.append(Attempt(what, began, time.monotonic(), trouble, said, number))
        if trouble:
            await asyncio.sleep(_RETRY_SECONDS)
            if leaves or self.connection.is_lost:
                self.connection.close()
                await self.reconnect()
        return rows


async def _ask_if_writable(connection: Connection) -> None:
    async with asyncio.timeout(ANSWER_LIMIT_SECONDS):
        [[read_only]] = await connection.run("SELECT @@GLOBAL.read_only")
    if read_only != b"0":
        connection.close()
        raise LostError("it takes no writes")


async def _think() -> None:
    await asyncio.sleep(random.uniform(*_THINK_SECONDS))


async def _idle(client: Client) -> None:
    # What was set before has to be there afterwards, too.
    await client.do(What.SET, f"SET @mark = {client.number}")
    client.ready.set()
    await client.called.wait()
    rows = await client.do(What.RECALL, "SELECT @mark")
    if rows is not None and rows != [(str(client.number).encode(),)]:
        now = time.monotonic()
        client.attempts.append(
            Attempt(What.RECALL, now, now, "wrong", f"@mark is {rows[0][0]!r}")
        )
    client.recalled.set()
    await asyncio.Event().wait()


def _write(client: Client) -> str:
    return f"INSERT INTO made (client) VALUES ({client.number})"


def _read(client: Client) -> str:
    return f"SELECT id, v FROM things WHERE id = {1 + client.number % 100}"


async def _reads(client: Client) -> None:
    while True:
        await client.do(What.READ, _read(client))
        client.ready.set()
        await _think()


async def _writes(client: Client) -> None:
    while True:
        await client.do(What.WRITE, _write(client))
        client.ready.set()
        await _think()


async def _mixed(client: Client) -> None:
    while True:
        await client.do(What.WRITE, _write(client))
        client.ready.set()
        await _think()
        await client.do(What.READ, _read(client))
        await _think()


async def _transact(
    client: Client, write: str, reads: int, pause_seconds: float, number: int = 0
) -> None:
    """One transaction; an error ends it, as it does in most applications."""
    steps = [
        (What.BEGIN, "BEGIN", 0.0),
        (What.WRITE, write, pause_seconds),
        *[(What.READ, _read(client), pause_seconds)] * reads,
        (What.COMMIT, "COMMIT", 0.0),
    ]
    for what, statement, pause in steps:
        connection = client.connection
        if await client.do(what, statement, number) is None:
            if client.connection is connection:
                await client.do(What.ROLLBACK, "ROLLBACK", number)
            return
        await asyncio.sleep(pause)


async def _short(client: Client) -> None:
    while True:
        await _transact(client, _write(client), 1, 0.0)
        client.ready.set()
        await _think()


async def _long(client: Client) -> None:
    """Mostly in a transaction, and now and then in its COMMIT."""
    while True:
        await _transact(client, _write(client), random.randint(5, 20), _HOLD_SECONDS)
        client.ready.set()


def _entry(account: int, number: int) -> str:
    return f"INSERT INTO ledger (client, number) VALUES ({account}, {number})"


async def _enters(client: Client) -> None:
    for number in itertools.count(1):
        await client.do(What.WRITE, _entry(client.account, number), number)
        client.ready.set()
        await asyncio.sleep(random.uniform(*_ENTRY_SECONDS))


async def _enters_in_transactions(client: Client) -> None:
    for number in itertools.count(1):
        await _transact(client, _entry(client.account, number), 1, 0.0, number)
        client.ready.set()
        await asyncio.sleep(random.uniform(*_ENTRY_SECONDS))


class Kind(enum.Enum):
    """What clients do."""

    IDLE = "idle"
    READS = "reading"
    WRITES = "writing"
    LONG = "in transactions"
    MIXED = "autocommit"
    SHORT = "short transactions"
    LEDGER = "entering"
    LEDGER_TRANSACTIONS = "entering in transactions"


LIVES: Final[dict[Kind, Callable[[Client], Awaitable[None]]]] = {
    Kind.IDLE: _idle,
    Kind.READS: _reads,
    Kind.WRITES: _writes,
    Kind.LONG: _long,
    Kind.MIXED: _mixed,
    Kind.SHORT: _short,
    Kind.LEDGER: _enters,
    Kind.LEDGER_TRANSACTIONS: _enters_in_transactions,
}

TABLES: Final = (
    "CREATE TABLE made (id BIGINT AUTO_INCREMENT PRIMARY KEY, client INT)",
    "CREATE TABLE things (id INT PRIMARY KEY, v INT)",
    f"INSERT INTO things VALUES {', '.join(f'({number}, 0)' for number in range(1, 101))}",
    # Without a unique key: a row that was written twice is there twice.
    """CREATE TABLE ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, client INT NOT NULL,
    number INT NOT NULL, KEY (client, number))""",
    "CREATE TABLE beat (id INT PRIMARY KEY, at DATETIME(6))",
    "CREATE TABLE probed (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DOUBLE)",
)
"""What the clients use."""
