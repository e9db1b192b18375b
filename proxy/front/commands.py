"""What each command needs: a lease, an answer of ours, or a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.dialogue.reports import for_client
from proxy.errors import (
    BackendLostError,
    BackendRefusedError,
    StatementLostError,
    StatementRefusedError,
)
from proxy.front import concluding, holding, kill, leftovers, preparing, statements, trackers
from proxy.session.meaning import KEEPING, Meaning, meaning
from proxy.session.session import Session
from proxy.session.state import interned
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.commands import multi_statements_option, process_id, query_text_start
from proxy.wire.constants import Capability, Command
from proxy.wire.framing import encode
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Eof, Ok, schema_change

if TYPE_CHECKING:
    from proxy.front.client import Client

Handler = Callable[["Client", bytes], Awaitable[None]]


async def run(client: Client, payload: bytes) -> None:
    """Serve a command of any kind.

    Raises:
        StatementRefusedError: the client hears an error instead of an answer.
        BackendLostError: the backend went away while it ran the command.
    """
    handler = _HANDLERS.get(payload[0])
    if handler is None:
        name = _UNSERVED.get(payload[0])
        reply = errors.not_supported(name) if name else errors.unknown_command()
        raise StatementRefusedError(reply)
    await handler(client, payload)


# Text


def read_query(client: Client, payload: bytes) -> tuple[Meaning, bytes]:
    """What the text of a COM_QUERY may do, and the text."""
    session = client.session
    assert session is not None
    start = query_text_start(payload, client.dialogue.capabilities)
    if isinstance(start, Malformed):
        raise StatementRefusedError(errors.malformed_packet(start.why))
    text = payload[start:]
    return meaning(classify(text, session.dialect)), text


async def _query(client: Client, payload: bytes) -> None:
    means, text = read_query(client, payload)
    if means.kill is not None and means.kill.id is not None:
        await kill.by_statement(client, means.kill.id, query=means.kill.query)
        return
    if leftovers.answer(client, means, text):
        concluding.let_go_if_free(client)
        return
    session = client.session
    assert session is not None
    holding.check_insert_id(session, means)
    await leftovers.hold_for(client, means)
    await leftovers.clear(client, means, text)
    brought = leftovers.bring(client, means, text)
    if brought.text is not text:
        payload = payload.removesuffix(text) + brought.text
    await client.relay(
        encode(payload), Kind.RESULT, patches=brought.patches, quiet=brought.quiet
    )
    outcome = concluding.outcome_of(client.backend.exchange)
    concluding.note_undisturbed(client, means, text, outcome)
    if means.trackers and not outcome.failed:
        try:
            await trackers.take_over(client, means)
        except BackendLostError as error:
            concluding.lost_behind(client, str(error))
            return
    concluding.conclude(client, means, text, outcome)


def _relayed(kind: Kind) -> Handler:
    """A command that goes to a backend as it is and leaves no state that is not reported."""

    async def relayed(client: Client, payload: bytes) -> None:
        await holding.hold(client)
        undisturbed = client.is_undisturbed
        await client.relay(encode(payload), kind)
        _conclude(client, payload)
        # An error is there to be read, whatever was there before.
        failed = client.lease is not None and client.backend.exchange.err is not None
        client.is_undisturbed = undisturbed or failed

    return relayed


async def _simple(client: Client, payload: bytes) -> None:
    """The same for a command that is answered by OK, which repeats the last warning count."""
    session = client.session
    assert session is not None
    await holding.hold(client)
    if client.is_undisturbed or session.target.kind is ServerKind.MARIADB:
        await _relayed(Kind.SIMPLE)(client, payload)
        return
    assert client.lease is not None
    try:
        answer = await holding.ask(client.lease, payload)
    except BackendRefusedError:
        raise
    except BackendLostError as error:  # it is the client's own command
        raise StatementLostError(str(error)) from error
    told = session.leftovers.told
    ok = Ok(status=answer.status, warnings=told, changes=answer.changes)
    capabilities = client.dialogue.capabilities
    client.protocol.write(encode(for_client(ok, session.tracking, capabilities), 1))
    _conclude(client, payload)
    client.is_undisturbed = False
    session.leftovers.told = told


def _conclude(client: Client, payload: bytes) -> None:
    """Of the schema that COM_INIT_DB sets a server without trackers says nothing."""
    session = client.session
    assert session is not None
    means, outcome = KEEPING, concluding.outcome_of(client.backend.exchange)
    if payload[0] == Command.INIT_DB and not (session.target.tracks or outcome.failed):
        if payload.isascii():
            outcome = attrs.evolve(outcome, changes=[schema_change(payload[1:])])
        else:  # in a charset that may not be UTF-8
            means = attrs.evolve(KEEPING, assigns=True)
    concluding.conclude(client, means, outcome=outcome)


# Answered here


async def _quit(client: Client, _: bytes) -> None:
    client.dialogue.close()
    client.hang_up()


async def _ping(client: Client, payload: bytes) -> None:
    # A server's PING changes what ROW_COUNT() gives, so it goes where the statement before ran.
    if client.lease is not None or holding.take_last(client):
        await _simple(client, payload)
        return
    session = client.session
    assert session is not None
    session.leftovers.row_count = 0
    warnings = session.leftovers.told
    client.dialogue.answer_ok(Ok(status=session.lasting_status, warnings=warnings))


async def _set_option(client: Client, payload: bytes) -> None:
    on = multi_statements_option(payload)
    session = client.session
    assert session is not None
    if isinstance(on, Malformed):
        raise StatementRefusedError(errors.unknown_command())
    held = client.lease is not None or holding.take_last(client)
    if held:
        await holding.hold(client)
    if held and client.is_undisturbed:
        await client.relay(encode(payload), Kind.SIMPLE)
    session.change_state(interned(session.state.with_multi_statements(on)))
    if held and client.is_undisturbed:
        concluding.conclude(client, KEEPING)
        client.is_undisturbed = True
        return
    if held:
        await holding.hold(client)
    session.leftovers.row_count = -1
    answer_end(client, session)
    concluding.let_go_if_free(client)


def answer_end(client: Client, session: Session) -> None:
    """Answer with what stands at the end of a result: EOF, or OK with the same first byte."""
    status, warnings = session.lasting_status, session.leftovers.told
    if client.dialogue.capabilities & Capability.DEPRECATE_EOF:
        client.dialogue.answer_ok(Ok(status=status, warnings=warnings, header=0xFE))
    else:
        client.dialogue.answer((Eof(status=status, warnings=warnings).encode(),))


async def _reset_connection(client: Client, _: bytes) -> None:
    session = client.session
    assert session is not None
    if client.lease is not None and not session.target.tracks:
        await holding.learn_schema(client)  # which a reset leaves as it is
    concluding.let_go(client)
    session.reset()
    client.last_lease = None
    client.dialogue.answer_ok(Ok(status=session.lasting_status))


async def _process_kill(client: Client, payload: bytes) -> None:
    number = process_id(payload)
    if isinstance(number, Malformed):
        raise StatementRefusedError(errors.malformed_packet(number.why))
    await kill.by_statement(client, number, query=False)


_HANDLERS: dict[int, Handler] = {
    Command.QUIT: _quit,
    Command.INIT_DB: _simple,
    Command.QUERY: _query,
    Command.FIELD_LIST: _relayed(Kind.FIELDS),
    Command.REFRESH: _simple,
    Command.STATISTICS: _relayed(Kind.TEXT),
    Command.PROCESS_INFO: _relayed(Kind.RESULT),
    Command.PROCESS_KILL: _process_kill,
    Command.DEBUG: _simple,
    Command.PING: _ping,
    Command.STMT_PREPARE: preparing.prepare,
    Command.STMT_EXECUTE: statements.execute,
    Command.STMT_SEND_LONG_DATA: statements.send_long_data,
    Command.STMT_CLOSE: statements.close,
    Command.STMT_RESET: statements.reset,
    Command.SET_OPTION: _set_option,
    Command.STMT_FETCH: statements.fetch,
    Command.RESET_CONNECTION: _reset_connection,
}

_UNSERVED: dict[int, str] = {
    Command.SHUTDOWN: "COM_SHUTDOWN",
    Command.BINLOG_DUMP: "COM_BINLOG_DUMP",
    Command.TABLE_DUMP: "COM_TABLE_DUMP",
    Command.REGISTER_SLAVE: "COM_REGISTER_SLAVE",
    Command.BINLOG_DUMP_GTID: "COM_BINLOG_DUMP_GTID",
    Command.CLONE: "COM_CLONE",
}
"""Commands that make a server talk to this one connection for good."""
