"""A client whose user is an admin user: its commands, and the change of its user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from proxy import errors
from proxy.dialogue.client_states import State
from proxy.dialogue.events import ClientEvent, CommandReceived, UserChangeStarted
from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.front.console import Asker, Console, Done, lacking_place
from proxy.front.naming import who
from proxy.net.clock import cancel
from proxy.observe.log import EVERY_LINE
from proxy.wire.commands import multi_statements_option, process_id, query_text_start
from proxy.wire.constants import Command, Status
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Ok, schema_change
from proxy.wire.tables import encode_end, encode_row, encode_table

if TYPE_CHECKING:
    from proxy.front.client import Client

T = TypeVar("T")

STEP_ROWS: Final = 100
"""Rows that are made at once, in some 2 ms: between them all others have their turn."""

LONGEST_SCHEMA: Final = 64
"""Characters of the name of a database: servers have no longer ones, and it is shown to all."""

_STATUS: Final = int(Status.AUTOCOMMIT)


class ConsoleSession:
    """Stands between a connection and its `Client`, from a login to the end or the next user.

    Attributes:
        client: The `Client`.
        user: The admin user.
        schema: What the client has chosen as its default database.
    """

    def __init__(self, client: Client, console: Console, user: str, schema: str) -> None:
        self.client = client
        self._console = console
        self.user = user
        self.schema = schema

    def __repr__(self) -> str:
        """Whose it is."""
        return f"<ConsoleSession of {self.user!r} by {self.client!r}>"

    # What the connection says: see `proxy.net.client.ClientOwner`

    def packet_arrived(self, packet: bytes) -> None:
        """A whole command, header included."""
        self._begin(packet[4:])

    def event_arrived(self, event: ClientEvent) -> None:
        """Anything else that the dialogue says."""
        match event:
            case CommandReceived(payload):
                self._begin(payload)
            case UserChangeStarted():
                self._leave(event)
            case _:
                self.client.event_arrived(event)

    def tls_failed(self, why: str) -> None:
        """The client broke TLS."""
        self.client.tls_failed(why)

    def connection_ended(self, why: str) -> None:
        """The client is gone."""
        client = self.client
        del client.proxy.consoles[client]
        client.proxy.log.info(
            "an admin user left the console",
            why=why,
            **who(client),
            user=self.user,
            **EVERY_LINE,
        )
        client.connection_ended(why)

    def _leave(self, event: UserChangeStarted) -> None:
        """A change of user: whoever it is to be, it is let in anew."""
        client = self.client
        del client.proxy.consoles[client]
        client.protocol.owner = client
        reply = lacking_place(client, event.change.user)
        if reply is None:
            client.event_arrived(event)
            return
        client.dialogue.refuse(reply)
        client.hang_up()

    # Commands

    def _begin(self, payload: bytes) -> None:
        client = self.client
        client.last_active = client.proxy.deadlines.now
        client.size = len(payload)
        client.work(self._serve(payload))

    async def _serve(self, payload: bytes) -> None:
        client = self.client
        try:
            handler = self._HANDLERS.get(payload[0], ConsoleSession._unknown)
            await handler(self, payload)
        except StatementRefusedError as error:
            self._refuse(error.reply)
        except CancelledError:
            cause = client.take_cause()
            if client.gone or cause is None:
                raise
            self._refuse(cause)

    def _refuse(self, reply: ErrorReply) -> None:
        if self.client.dialogue.state is State.ANSWERING:
            self.client.dialogue.answer_err(reply)

    async def _ask(self, text: bytes) -> None:
        client = self.client
        asker = Asker(
            client.number,
            self.user,
            client.address,
            client.proxy.config.name,
            self.schema,
            client.dialogue.greeting.version,
        )
        answer = await self._console.answer(asker, text)
        if isinstance(answer, Done):
            self._tell(answer)
            return
        rows: list[bytes] = []
        left = iter(answer.rows)
        while some := [encode_row(row) for row in islice(left, STEP_ROWS)]:
            rows += some
            if len(some) == STEP_ROWS:
                await self._wait_for_a_turn()
        dialogue = client.dialogue
        if dialogue.state is State.ANSWERING:  # else it was told to go meanwhile
            capabilities = dialogue.capabilities
            dialogue.answer(encode_table(answer.columns, rows, capabilities, _STATUS))

    async def _wait_for_a_turn(self) -> None:
        turn: Deferred[None] = Deferred()
        timer = self.client.pool.clock.callLater(0, turn.callback, None)
        try:
            await turn
        finally:
            cancel(timer)

    def _tell(self, answer: Done) -> None:
        dialogue = self.client.dialogue
        if dialogue.state is not State.ANSWERING:
            return
        changes: tuple[tuple[int, bytes], ...] = ()
        if answer.schema is not None:
            if len(answer.schema) > LONGEST_SCHEMA:
                raise StatementRefusedError(_too_long(answer.schema))
            self.schema = answer.schema
            changes = (schema_change(answer.schema.encode()),)
        dialogue.answer_ok(Ok(status=_STATUS, info=answer.info.encode(), changes=changes))

    # One by one

    async def _query(self, payload: bytes) -> None:
        start = _sound(query_text_start(payload, self.client.dialogue.capabilities))
        await self._ask(payload[start:])

    async def _init_db(self, payload: bytes) -> None:
        self._tell(Done(schema=payload[1:].decode("utf-8", "replace")))

    async def _ping(self, _: bytes) -> None:
        self._tell(Done())

    async def _reset(self, _: bytes) -> None:
        self.schema = ""
        self._tell(Done())

    async def _kill(self, payload: bytes) -> None:
        await self._ask(b"KILL %d" % _sound(process_id(payload)))

    async def _set_option(self, payload: bytes) -> None:
        _sound(multi_statements_option(payload))
        await self._end(payload)

    async def _end(self, _: bytes) -> None:
        """Nothing but an end: there are no tables, and so no fields to list."""
        dialogue = self.client.dialogue
        dialogue.answer((encode_end(dialogue.capabilities, _STATUS),))

    async def _statistics(self, _: bytes) -> None:
        client = self.client
        text = f"Uptime: {self._console.uptime:.0f}  Clients: {len(client.proxy.clients)}"
        client.dialogue.answer((text.encode(),))

    async def _quit(self, _: bytes) -> None:
        self.client.dialogue.close()
        self.client.hang_up()

    async def _ignore(self, _: bytes) -> None:
        """A command that has no answer."""
        self.client.dialogue.answered()

    async def _prepared(self, _: bytes) -> None:
        raise StatementRefusedError(_not_prepared())

    async def _unknown(self, _: bytes) -> None:
        raise StatementRefusedError(errors.unknown_command())

    _HANDLERS: ClassVar[dict[int, Callable[[ConsoleSession, bytes], Awaitable[None]]]] = {
        Command.QUIT: _quit,
        Command.INIT_DB: _init_db,
        Command.QUERY: _query,
        Command.FIELD_LIST: _end,
        Command.STATISTICS: _statistics,
        Command.PROCESS_KILL: _kill,
        Command.PING: _ping,
        Command.STMT_PREPARE: _prepared,
        Command.STMT_EXECUTE: _prepared,
        Command.STMT_SEND_LONG_DATA: _ignore,
        Command.STMT_CLOSE: _ignore,
        Command.STMT_RESET: _prepared,
        Command.STMT_FETCH: _prepared,
        Command.SET_OPTION: _set_option,
        Command.RESET_CONNECTION: _reset,
    }


def let_in(client: Client, user: str, schema: bytes | None) -> None:
    """An admin user has proved who it is: from here on the console serves it."""
    proxy = client.proxy
    assert proxy.console is not None
    client.session = client.key = client.loss = None
    client.last_lease = client.insert_lease = None
    client.ends = False
    name = (schema or b"").decode("utf-8", "replace")[:LONGEST_SCHEMA]
    session = ConsoleSession(client, proxy.console, user, name)
    proxy.consoles[client] = session
    client.protocol.owner = session
    proxy.log.info(
        "an admin user logged in to the console",
        **who(client),
        user=user,
        tls=client.protocol.tls_version or None,
        **EVERY_LINE,
    )
    client.dialogue.accept(_STATUS)


def _sound(parsed: T | Malformed) -> T:
    """What was read.

    Raises:
        StatementRefusedError: nothing was.
    """
    if isinstance(parsed, Malformed):
        raise StatementRefusedError(errors.malformed_packet(parsed.why))
    return parsed


def _too_long(name: str) -> ErrorReply:
    """The name of a database that no server would have (ER_TOO_LONG_IDENT)."""
    text = f"Identifier name '{name[:LONGEST_SCHEMA]}' is too long"
    return ErrorReply(1059, "42000", text, Fault.CLIENT)


def _not_prepared() -> ErrorReply:
    """The console has no prepared statements (ER_UNSUPPORTED_PS)."""
    text = (
        "The console of mysqlproxy has no prepared statements: send the text of a statement, "
        "which is what most drivers do unless told otherwise"
    )
    return ErrorReply(1295, "HY000", text, Fault.CLIENT)
