"""The console of a worker: the supervisor answers what admin users say there.

================  ==========  ===============================================================
what              from        means
================  ==========  ===============================================================
console           worker      asks: `serial` of its own, who it is, and the text (Latin-1)
console_rows      supervisor  some rows of the answer to that, in front of the answer itself
console_left      worker      nobody waits for the answer any more
console_uptime    worker      asks: since when the supervisor serves, in `seconds`
================  ==========  ===============================================================
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import attrs
from twisted.internet.defer import CancelledError, Deferred

from proxy.admin.acting import MAX_TIMEOUT_SECONDS
from proxy.admin.console_words import LONGEST
from proxy.admin.viewing import MOST_ROWS
from proxy.credentials.admins import Admins
from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.front.console import Answer, Asker, Console, Done, Table
from proxy.net.clock import Clock, cancel
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import Message
from proxy.service.link import ASK_SECONDS, Link, Linked, LinkError
from proxy.session.written import read_reply, write_reply
from proxy.wire.tables import Kind, TableColumn

PAGE_ROWS: Final = 200
"""Rows of a message: some 100 KB.  Between two of them others have their turn."""

ANSWER_SECONDS: Final = MAX_TIMEOUT_SECONDS + ASK_SECONDS
"""How long an answer may take: as long as any action is waited for, and a little more."""

Row = list[Any]


class DistantConsole:
    """In a worker: see `proxy.front.console.Console`.

    Attributes:
        admins: See `Console`; each process knows for itself who may log in.
    """

    def __init__(self, link: Link, admins: Admins, clock: Clock) -> None:
        """Begin.

        Args:
            link: To the supervisor.
            admins: See the class.
            clock: By which the time goes on that the supervisor serves.
        """
        self.admins = admins
        self._link = link
        self._clock = clock
        self._began = clock.seconds()
        self._count = 0
        self._rows: dict[int, list[Row]] = {}
        link.on("console_rows", self._take_rows)
        Deferred.fromCoroutine(self._learn_uptime())

    def __repr__(self) -> str:
        """For whom it is, and how much they wait for."""
        return f"<DistantConsole for {self.admins!r}, {len(self._rows)} asked>"

    @property
    def uptime(self) -> float:
        """See `Console`: that of the supervisor, once it is known."""
        return self._clock.seconds() - self._began

    async def _learn_uptime(self) -> None:
        try:
            answer = await self._link.ask("console_uptime")
        except LinkError:  # then this worker ends too
            return
        self._began = self._clock.seconds() - answer["seconds"]

    async def answer(self, asker: Asker, text: bytes) -> Answer:
        """See `Console`."""
        self._count += 1
        serial = self._count
        rows = self._rows[serial] = []
        said = text[: LONGEST + 1].decode("latin-1")  # more than the longest is too long anyway
        try:
            answer = await self._link.ask(
                "console",
                seconds=ANSWER_SECONDS,
                serial=serial,
                asker=attrs.asdict(asker),
                text=said,
            )
        except CancelledError:
            self._link.tell("console_left", serial=serial)
            raise
        except LinkError as error:
            raise StatementRefusedError(_not_reached(str(error))) from None
        finally:
            del self._rows[serial]
        return decode(answer, rows)

    def _take_rows(self, message: Message, _: list[socket.socket]) -> None:
        rows = self._rows.get(message["serial"])
        if rows is not None:  # else nobody waits for them any more
            rows += message["rows"]


class ConsoleForWorkers:
    """In the supervisor: answers for them."""

    def __init__(self, console: Console, clock: Clock) -> None:
        """Begin.

        Args:
            console: Knows the answers.
            clock: Gives others a turn between the pages of a long one.
        """
        self._console = console
        self._clock = clock
        self._running: dict[Link, dict[int, Deferred[Message]]] = {}

    def __repr__(self) -> str:
        """How much is asked."""
        return f"<ConsoleForWorkers {sum(map(len, self._running.values()))} asked>"

    def join(self, member: Linked) -> None:
        """A worker may ask from now on."""
        link = member.link
        running = self._running[link] = {}

        async def answer(message: Message, _: list[socket.socket]) -> Message:
            serial: int = message["serial"]
            work = Deferred.fromCoroutine(self._answer(link, message))
            running[serial] = work
            try:
                return await work
            except CancelledError:
                raise OperationRefusedError("nobody waits for it") from None
            finally:
                del running[serial]

        def left(message: Message, _: list[socket.socket]) -> None:
            work = running.get(message["serial"])
            if work is not None:
                work.cancel()

        link.on("console", answer)
        link.on("console_left", left)
        link.on("console_uptime", lambda _message, _: {"seconds": self._console.uptime})

    def leave(self, member: Linked) -> None:
        """It has gone: nobody waits for its answers any more; actions go on."""
        for work in [*self._running.pop(member.link, {}).values()]:
            work.cancel()

    async def _answer(self, link: Link, message: Message) -> Message:
        asker, text = Asker(**message["asker"]), message["text"].encode("latin-1")
        try:
            answer = await self._console.answer(asker, text)
        except StatementRefusedError as error:
            return {"error": write_reply(error.reply)}
        if isinstance(answer, Done):
            return {"done": attrs.asdict(answer)}
        rows = islice(answer.rows, MOST_ROWS)
        while page := _page(rows):
            link.tell("console_rows", serial=message["serial"], rows=page)
            if len(page) == PAGE_ROWS:
                await self._wait_for_a_turn()
        return {"table": [[one.name, one.kind.name] for one in answer.columns]}

    async def _wait_for_a_turn(self) -> None:
        turn: Deferred[None] = Deferred()
        timer = self._clock.callLater(0, turn.callback, None)
        try:
            await turn
        finally:
            cancel(timer)


def _page(rows: Iterator[Any]) -> list[Row]:
    return [[*row] for row in islice(rows, PAGE_ROWS)]


def decode(answer: Message, rows: list[Row]) -> Answer:
    """The answer that the supervisor has given.

    Args:
        answer: Under "done", "table" or "error".
        rows: What has come before it.

    Raises:
        StatementRefusedError: it is an error.
    """
    if "error" in answer:
        raise StatementRefusedError(read_reply(answer["error"]))
    if "done" in answer:
        return Done(**answer["done"])
    columns = tuple(TableColumn(name, Kind[kind]) for name, kind in answer["table"])
    return Table(columns, rows)


def _not_reached(why: str) -> ErrorReply:
    """The process that has the answers gives none (ER_UNKNOWN_ERROR)."""
    text = f"The console has no answer: {why}; try again"
    return ErrorReply(1105, "HY000", text, Fault.PROXY)
