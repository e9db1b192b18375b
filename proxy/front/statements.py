"""Prepared statements: the client's ids mapped to those of whichever backend it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError, StatementRefusedError
from proxy.front import concluding, holding, leftovers, preparing, trackers
from proxy.session.meaning import KEEPING, PLAIN, Meaning
from proxy.session.pins import Pin, PinReason
from proxy.session.prepared import Held, Prepared
from proxy.session.session import Session
from proxy.vocabulary import ServerKind
from proxy.wire.commands import close_statement, parse_execute, statement_id
from proxy.wire.constants import Status
from proxy.wire.framing import encode
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Ok

if TYPE_CHECKING:
    from proxy.front.client import Client


def _unpin(session: Session, prepared: Prepared) -> None:
    prepared.held = None
    session.pins.end(PinReason.CURSOR, prepared.statement_id)
    session.pins.end(PinReason.LONG_DATA, prepared.statement_id)


def _find(client: Client, payload: bytes, caller: str) -> Prepared:
    """The statement that a command names; `caller` is MariaDB's name for who asks.

    Raises:
        StatementRefusedError: the client has no statement of that id.
    """
    session = client.session
    assert session is not None
    number = statement_id(payload)
    if isinstance(number, Malformed):
        raise StatementRefusedError(errors.malformed_packet(number.why))
    found = session.statements.get(number)
    if found is None:
        if client.proxy.kind is ServerKind.MYSQL:
            caller = "mysql_stmt_precheck"
        raise StatementRefusedError(errors.unknown_statement(number, caller))
    return found


def meaning_of(client: Client, payload: bytes) -> Meaning:
    """What an execute may do."""
    session = client.session
    assert session is not None
    number = statement_id(payload)
    found = None if isinstance(number, Malformed) else session.statements.get(number)
    return PLAIN if found is None else found.means


def _answer_from_memory(client: Client, prepared: Prepared, *, cursor: bool) -> bool:
    """Whether it was SHOW WARNINGS or SHOW ERRORS, which need no backend that knows."""
    text = prepared.key.text
    if cursor or not leftovers.answer(client, prepared.means, text, binary=True):
        return False
    concluding.let_go_if_free(client)
    return True


async def execute(client: Client, payload: bytes) -> None:
    """COM_STMT_EXECUTE."""
    session = client.session
    assert session is not None
    prepared = _find(client, payload, "mysqld_stmt_execute")
    parsed = parse_execute(payload, prepared.parameters, client.dialogue.capabilities)
    if isinstance(parsed, Malformed):
        raise StatementRefusedError(errors.malformed_packet(parsed.why))
    if parsed.types is not None:
        prepared.bind(parsed.types)
    if _answer_from_memory(client, prepared, cursor=parsed.cursor):
        return
    holding.check_insert_id(session, prepared.means)
    await leftovers.hold_for(client, prepared.means)
    held = await preparing.ensure(client, prepared)
    if _answer_from_memory(client, prepared, cursor=parsed.cursor):
        return
    types = prepared.types if held.types != prepared.types else None
    held.bind(prepared.types, prepared.learned)
    packet = encode(parsed.rewrite(payload, held.statement_id, types))
    changed = _has_changed(prepared, held)
    if changed:
        _check_parameters(prepared, held)
        prepared.definitions = held.definitions
    await leftovers.clear(client, prepared.means, prepared.key.text)
    brought = leftovers.bring(client, prepared.means, prepared.key.text, binary=True)
    status = Status.METADATA_CHANGED if changed else 0
    await client.relay(packet, Kind.RESULT, patches=brought.patches, status=status)
    exchange = client.backend.exchange
    number = prepared.statement_id
    session.pins.end(PinReason.LONG_DATA, number)
    session.pins.end(PinReason.CURSOR, number)  # a new execute closes the cursor of the last
    prepared.held = None
    if exchange.err is not None:
        held.types = None  # nobody knows whether the server took them over
    elif parsed.cursor and exchange.status & Status.CURSOR_EXISTS:
        _pin(client, PinReason.CURSOR, prepared, held)
        prepared.patches = brought.patches
    outcome = concluding.outcome_of(exchange, payload[10:])
    concluding.note_undisturbed(client, prepared.means, prepared.key.text, outcome)
    if prepared.means.trackers and not outcome.failed:
        try:
            await trackers.take_over(client, prepared.means)
        except BackendLostError as error:
            concluding.lost_behind(client, str(error))
            return
    concluding.conclude(client, prepared.means, prepared.key.text, outcome)


def _has_changed(prepared: Prepared, held: Held) -> bool:
    """Whether the backend gives other columns than the client knows."""
    known, given = prepared.definitions, held.definitions
    if known is None or given is None or known == given:
        return known is not given and known != given
    return known.shape != given.shape


def _check_parameters(prepared: Prepared, held: Held) -> None:
    """Refuse to run a statement that has other placeholders than the client knows."""
    if held.definitions is not None and held.definitions.parameters != prepared.parameters:
        raise StatementRefusedError(errors.needs_prepare())


def _pin(client: Client, reason: PinReason, prepared: Prepared, held: Held) -> None:
    session = client.session
    assert session is not None
    prepared.held = held
    pin = Pin(reason, detail=prepared.statement_id, since=client.proxy.deadlines.now)
    if session.pins.add(pin):
        concluding.report_pin(client, pin)


async def fetch(client: Client, payload: bytes) -> None:
    """COM_STMT_FETCH: rows of a cursor, which pins the backend that has it."""
    session = client.session
    assert session is not None
    prepared = _find(client, payload, "mysqld_stmt_fetch")
    held = prepared.held
    cursor = (PinReason.CURSOR, prepared.statement_id)
    if held is None or cursor not in ((pin.reason, pin.detail) for pin in session.pins):
        end = "." if client.proxy.kind is ServerKind.MYSQL else ""
        raise StatementRefusedError(errors.no_cursor(prepared.statement_id, end))
    patches, prepared.patches = prepared.patches, ()
    await client.relay(encode(_identified(payload, held)), Kind.ROWS, patches=patches)
    if client.backend.exchange.status & Status.LAST_ROW_SENT:
        _unpin(session, prepared)
    concluding.conclude(client, PLAIN)


def _identified(payload: bytes, held: Held) -> bytes:
    """The same command for the backend's id."""
    return payload[:1] + held.statement_id.to_bytes(4, "little") + payload[5:]


async def send_long_data(client: Client, payload: bytes) -> None:
    """COM_STMT_SEND_LONG_DATA: has no answer; errors come with the execute."""
    session = client.session
    assert session is not None
    number = statement_id(payload)
    prepared = None if isinstance(number, Malformed) else session.statements.get(number)
    if prepared is None:
        client.dialogue.answered()
        return
    await holding.hold(client)
    held = await preparing.ensure(client, prepared)
    client.backend.tell(_identified(payload, held))
    _pin(client, PinReason.LONG_DATA, prepared, held)
    client.dialogue.answered()


async def reset(client: Client, payload: bytes) -> None:
    """COM_STMT_RESET: closes a cursor and forgets long data."""
    session = client.session
    assert session is not None
    prepared = _find(client, payload, "mysqld_stmt_reset")
    held = prepared.held
    if held is None and client.lease is not None:
        held = client.backend.holdings.find(prepared.key, prepared.learned)
    if held is None:
        session.leftovers.row_count = session.leftovers.told = 0
        client.dialogue.answer_ok(Ok(status=session.lasting_status))
        return
    undisturbed = client.is_undisturbed
    await client.relay(encode(_identified(payload, held)), Kind.SIMPLE)
    _unpin(session, prepared)
    concluding.conclude(client, KEEPING)
    session.leftovers.told = 0
    client.is_undisturbed = undisturbed


async def close(client: Client, payload: bytes) -> None:
    """COM_STMT_CLOSE: has no answer.

    The backend keeps the statement for others, unless a cursor or long data hang on it.
    """
    session = client.session
    assert session is not None
    number = statement_id(payload)
    prepared = None if isinstance(number, Malformed) else session.statements.pop(number, None)
    if prepared is not None and prepared.held is not None:
        client.backend.holdings.drop(prepared.held)
        client.backend.tell(close_statement(prepared.held.statement_id))
        _unpin(session, prepared)
    client.dialogue.answered()
    concluding.let_go_if_free(client)
