"""Clients in threads that work all the time, each with a book of what it was told.

Rows are numbered: `balance` compares the book with what a database has.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import attrs
import pymysql
from pymysql.constants import COMMAND

from proxy.embedded import Server

ROLLED_BACK = (1213, "40001")
UNKNOWN = (2013, "08007")

PAUSE_SECONDS = 0.03
"""Between two steps of a client: all of them together leave the machine some time."""

END_SECONDS = 90
"""Longer than any wait for a connection."""


@attrs.frozen
class Heard:
    """What a client was told.

    Attributes:
        text: The statement; "connect" for a login.
        began: When it was sent, in seconds of the monotonic clock.
        ended: When the answer was there.
        rows: What came back.
        code: Of the error; 0 where there is none.
        sqlstate: Of an error that came as a packet.
        said: The error in words.
    """

    text: str
    began: float
    ended: float
    rows: Any = ()
    code: int = 0
    sqlstate: str | None = None
    said: str = ""

    @property
    def kind(self) -> tuple[int, str | None]:
        """The error's number and state."""
        return self.code, self.sqlstate


def ask(client: Any, text: str) -> Any:
    """Run a statement; its rows."""
    with client.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def hear(client: Any, text: str) -> Heard:
    """Run a statement; what came of it."""
    began = time.monotonic()
    try:
        rows = ask(client, text)
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args else -1
        state = getattr(error, "sqlstate", None)
        return Heard(text, began, time.monotonic(), (), code or -1, state, str(error))
    return Heard(text, began, time.monotonic(), rows)


@contextlib.contextmanager
def meanwhile(act: Callable[..., Any], *arguments: Any, **named: Any) -> Iterator[Future[Any]]:
    """Do something in a thread for the length of a block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(act, *arguments, **named)


class Regular:
    """One of them.

    Attributes:
        who: Its number, which all its rows have.
        client: Its connection.
        heard: All that it was told.
        acknowledged: The numbers of rows that are there, as it was told.
        unknown: Of those that may be there.
    """

    def __init__(self, who: int, connect: Callable[..., Any]) -> None:
        self.who = who
        self._connect = connect
        self.client: Any = None
        self.heard: list[Heard] = []
        self.logins = 0
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()
        self.over = threading.Event()
        self._numbers = itertools.count(1)

    @property
    def errors(self) -> list[Heard]:
        """What went wrong for it."""
        return [one for one in self.heard if one.code]

    def connect(self) -> bool:
        """Log in; whether that worked."""
        began = time.monotonic()
        try:
            self.client = self._connect()
        except pymysql.MySQLError as error:
            self.heard.append(Heard("connect", began, time.monotonic(), (), -1, "", str(error)))
            return False
        self.logins += 1
        return True

    def say(self, text: str) -> Heard:
        """Run a statement and note what came of it; log in again where that is needed."""
        one = hear(self.client, text)
        self.heard.append(one)
        if one.code and not self.client.open:
            while not self.connect() and not self.over.wait(0.1):
                pass
        return one

    def pause(self) -> bool:
        """Wait a little; whether to go on."""
        return not self.over.wait(PAUSE_SECONDS)

    def _insert(self) -> tuple[int, str]:
        number = next(self._numbers)
        return number, f"INSERT INTO ledger (who, number) VALUES ({self.who}, {number})"

    def _note(self, number: int, one: Heard) -> None:
        """Enter a row whose fate was told; without a word from the proxy nobody knows it."""
        if not one.code:
            self.acknowledged.add(number)
        elif one.kind == UNKNOWN or one.sqlstate is None:
            self.unknown.add(number)

    def reads(self) -> None:
        """Reads outside of any transaction."""
        while self.pause():
            one = self.say("SELECT name FROM things WHERE id = 2")
            assert one.code or one.rows == (("two",),), one

    def writes(self) -> None:
        """Rows, each by itself."""
        while self.pause():
            number, text = self._insert()
            self._note(number, self.say(text))

    def trades(self) -> None:
        """Short transactions; an error ends one, and the next one is another."""
        while self.pause():
            number, text = self._insert()
            for step in ("BEGIN", text, "SELECT name FROM things WHERE id = 1", "COMMIT"):
                one = self.say(step)
                if one.code:
                    break
            self._note(number, one)
            if one.code and one.kind != ROLLED_BACK:
                self.say("ROLLBACK")

    def comes_and_goes(self) -> None:
        """Logs in, reads, and leaves."""
        while self.pause():
            if self.client is not None:
                self.client.close()
            if self.connect():
                one = self.say("SELECT name FROM things WHERE id = 3")
                assert one.code or one.rows == (("three",),), one

    def run(self, life: str) -> None:
        """Live one of these lives."""
        if life != "comes_and_goes":
            assert self.connect(), self.heard
        try:
            getattr(self, life)()
        finally:
            if self.client is not None and self.client.open:
                self.client.close()


class Crowd:
    """All of them, by their lives."""

    def __init__(self, connect: Callable[..., Any], lives: Mapping[str, int]) -> None:
        numbers = itertools.count(1)
        self.lives = {
            life: [Regular(next(numbers), connect) for _ in range(count)]
            for life, count in lives.items()
        }

    @property
    def all(self) -> list[Regular]:
        """Everybody."""
        return [one for regulars in self.lives.values() for one in regulars]

    def errors(self, *lives: str) -> list[Heard]:
        """What went wrong for some of them, or for all."""
        return [
            error
            for life, regulars in self.lives.items()
            for one in regulars
            if not lives or life in lives
            for error in one.errors
        ]

    def wait_for_answers(self, count: int = 3) -> None:
        """Wait until each has had so many good answers from now on."""
        since = {one: len(one.heard) for one in self.all}
        deadline = time.monotonic() + END_SECONDS
        for one, begin in since.items():
            while sum(not heard.code for heard in one.heard[begin:]) < count:
                assert time.monotonic() < deadline, (one.who, one.heard[begin:][-3:])
                time.sleep(0.01)


@contextlib.contextmanager
def regulars(connect: Callable[..., Any], **lives: int) -> Iterator[Crowd]:
    """Let so many of each life be at work for the length of a block.

    Args:
        connect: Logs in.
        lives: How many of each.

    Raises:
        AssertionError: One of them got a wrong answer, or hangs.
    """
    crowd = Crowd(connect, lives)
    with ThreadPoolExecutor(len(crowd.all)) as pool:
        working = [
            pool.submit(one.run, life) for life, ones in crowd.lives.items() for one in ones
        ]
        try:
            crowd.wait_for_answers()
            yield crowd
            crowd.wait_for_answers()
        finally:
            for one in crowd.all:
                one.over.set()
    for future in working:
        future.result(END_SECONDS)


def balance(crowd: Crowd, server: Server) -> None:
    """Compare: what was acknowledged is there once, and nothing else but what is unknown.

    Raises:
        AssertionError: A row is lost, there twice, or there in spite of an error.
    """
    found = rows(server)
    assert set(found.values()) <= {1}, [key for key, times in found.items() if times > 1]
    for one in crowd.all:
        kept = {number for who, number in found if who == one.who}
        assert one.acknowledged <= kept, (one.who, one.acknowledged - kept)
        assert kept <= one.acknowledged | one.unknown, (one.who, kept - one.acknowledged)


def rows(server: Server) -> Counter[tuple[int, int]]:
    """How often each numbered row is there."""
    found = server.execute("SELECT who, number FROM shop.ledger")
    return Counter((who, number) for who, number in found)


def until_end(client: Any) -> list[bytes]:
    """Packets up to an EOF."""
    found: list[bytes] = []
    while not found or not (found[-1][:1] == b"\xfe" and len(found[-1]) < 9):
        found.append(client._read_packet().get_all_data())
    return found


def prepare_statement(client: Any, text: str) -> int:
    """Prepare a statement that has columns and no parameters, by its own command; its id."""
    client._execute_command(COMMAND.COM_STMT_PREPARE, text)
    packet = client._read_packet().get_all_data()
    until_end(client)
    return int.from_bytes(packet[1:5], "little")


def execute_statement(client: Any, number: int, *, cursor: bool = False) -> list[bytes]:
    """Run it; its rows as bytes, or with a cursor none."""
    payload = number.to_bytes(4, "little") + bytes([cursor]) + (1).to_bytes(4, "little")
    client._execute_command(COMMAND.COM_STMT_EXECUTE, payload)
    client._read_packet()
    until_end(client)
    return [] if cursor else until_end(client)[:-1]


def fetch(client: Any, number: int, count: int) -> list[bytes]:
    """The next rows of a cursor."""
    payload = number.to_bytes(4, "little") + count.to_bytes(4, "little")
    client._execute_command(COMMAND.COM_STMT_FETCH, payload)
    return until_end(client)[:-1]
