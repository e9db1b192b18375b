"""Prepared statements: the client's ids mapped to those of whichever backend it has."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.errors import BackendRefusedError, ErrorReply, StatementRefusedError
from proxy.front import concluding, holding, leftovers, lingering, trackers
from proxy.session import remains
from proxy.session.follow import follow_prepare
from proxy.session.meaning import KEEPING, PLAIN, Meaning, meaning
from proxy.session.pins import Pin, PinReason
from proxy.session.prepared import Definitions, Held, Prepared, StatementKey
from proxy.session.session import STATEMENTS_LIMIT, Session
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.commands import close_statement, parse_execute, statement_id
from proxy.wire.commands import prepare as encode_prepare
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


TOO_MANY_STATEMENTS = 1461

INEXACT = remains.VARIABLES | remains.COLLATION | remains.REPORTS
"""While this is not known nobody can say in which state a statement is prepared."""


async def prepare(client: Client, payload: bytes) -> None:
    """COM_STMT_PREPARE: the backend's answer goes to the client with an id of ours.

    What another client has prepared in the same state is answered at once.
    """
    session, key = client.session, client.key
    assert session is not None
    assert key is not None
    if len(session.statements) >= STATEMENTS_LIMIT:
        raise StatementRefusedError(errors.too_many_statements(STATEMENTS_LIMIT))
    text = payload[1:]
    means = meaning(classify(text, session.dialect))
    if _answer_known(client, text, means):
        return
    await holding.hold(client)
    inexact = INEXACT
    if means.reads_user_variables != frozenset():
        inexact |= remains.USER_VARIABLES
    if session.remains & inexact:
        await lingering.take_along(client)
    if _answer_known(client, text, means):  # another client was faster while this one waited
        concluding.let_go_if_free(client)
        return
    pool, now = client.proxy.pool, client.proxy.deadlines.now
    try:
        there, definitions = await _prepare_here(client, text)
    except BackendRefusedError:
        err = client.backend.exchange.err
        assert err is not None
        client.protocol.write(encode(err.encode(), 1))
        concluding.conclude(client, PLAIN)
        return
    warnings = client.backend.exchange.warnings
    number = _register(client, text, means, definitions)
    prepared = session.statements[number]
    statement, backend = prepared.key, client.backend
    for older in backend.holdings.renew(statement, _taken(session, prepared)):
        backend.tell(close_statement(older))
    _keep(client, statement, Held(there, definitions))
    if not warnings and not session.pins:
        pool.definitions.put((key, text, statement.state), definitions, now)
    follow_prepare(session, text, warnings)
    if warnings and not client.is_undisturbed:
        await lingering.take_along(client)
    _answer(client, definitions, number)
    concluding.let_go_if_free(client)


def _answer_known(client: Client, text: bytes, means: Meaning) -> bool:
    """Answer a prepare of what has been prepared in the same state a short while ago."""
    session = client.session
    assert session is not None
    if session.pins or session.remains & ~remains.TO_BE_READ:
        return False
    key = client.key, text, session.state.for_prepare_of(means.reads_user_variables)
    known = client.proxy.pool.definitions.find(key, client.proxy.deadlines.now)
    if known is None:
        return False
    number = _register(client, text, means, known)
    before = session.leftovers
    follow_prepare(session, text, 0)
    client.is_undisturbed = client.is_undisturbed and session.leftovers is before
    _answer(client, known, number)
    return True


def _answer(client: Client, definitions: Definitions, number: int) -> None:
    """Tell the client of its new statement."""
    session = client.session
    assert session is not None
    told = definitions.for_client(number, client.dialogue.capabilities, session.lasting_status)
    client.protocol.write(told)
    client.dialogue.answered()


async def _prepare_here(client: Client, text: bytes) -> tuple[int, Definitions]:
    """Prepare on the lease's backend.

    Returns:
        The id of the statement there, and its definitions.

    Raises:
        BackendRefusedError: the server refuses the statement.
    """
    backend = client.backend
    answer = await backend.ask(encode_prepare(text), Kind.PREPARE)
    first = backend.exchange.prepared
    assert first is not None
    return first.statement_id, Definitions.of(answer.data, first.parameters)


def _register(client: Client, text: bytes, means: Meaning, definitions: Definitions) -> int:
    """The client has one statement more, of this id."""
    session = client.session
    assert session is not None
    number = session.next_statement_id()
    key = StatementKey(text, session.state.for_prepare_of(means.reads_user_variables))
    session.statements[number] = Prepared(
        number, key, definitions.parameters, means, definitions
    )
    return number


def _keep(client: Client, key: StatementKey, held: Held) -> None:
    """The backend holds one more statement; others are closed for it, but none in use."""
    session, backend = client.session, client.backend
    assert session is not None
    in_use = PinReason.CURSOR in session.pins or PinReason.LONG_DATA in session.pins
    for number in backend.holdings.put(key, held, evict=not in_use):
        backend.tell(close_statement(number))


def _taken(session: Session, prepared: Prepared) -> list[Held]:
    """What other statements of the client's hold by a cursor or long data."""
    if PinReason.CURSOR not in session.pins and PinReason.LONG_DATA not in session.pins:
        return []
    others = (other.held for other in session.statements.values() if other is not prepared)
    return [held for held in others if held is not None]


async def _ensure(client: Client, prepared: Prepared) -> Held:
    """The statement on the lease's backend, prepared there on the way where it is not.

    Schema, sql_mode and charset of the first prepare decide what the text means, so it is
    prepared in that state again.
    """
    session, lease, backend = client.session, client.lease, client.backend
    assert session is not None
    assert lease is not None
    held = prepared.held or backend.holdings.find(
        prepared.key, prepared.learned, _taken(session, prepared)
    )
    if held is not None:
        return held
    try:
        if session.remains & INEXACT:
            await lingering.take_along(client)
        client.is_undisturbed = False
        wanted = session.state.prepared_like(prepared.key.state)
        await holding.bring(client.proxy.pool, lease, wanted)
        held = await _prepare_again(client, prepared.key)
        await holding.bring(client.proxy.pool, lease, session.state)
    except BackendRefusedError as error:
        raise StatementRefusedError(await _bring_back(client, error.reply)) from error
    return held


async def _prepare_again(client: Client, key: StatementKey) -> Held:
    """Prepare on the lease's backend what the client has prepared elsewhere.

    When the server holds all the statements that it may, this backend gives some up first.
    """
    backend = client.backend
    try:
        there, definitions = await _prepare_here(client, key.text)
    except BackendRefusedError as error:
        if error.reply.code != TOO_MANY_STATEMENTS or not len(backend.holdings):
            raise
        for number in backend.holdings.shrink():
            backend.tell(close_statement(number))
        there, definitions = await _prepare_here(client, key.text)
    held = Held(there, definitions)
    _keep(client, key, held)
    return held


async def _bring_back(client: Client, refusal: ErrorReply) -> ErrorReply:
    """A statement could not be prepared again: the session's state comes first.

    Returns:
        What the client hears: the refusal, or that its backend had to be given up with what
        was open there.
    """
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    if lease.state is not None:
        with contextlib.suppress(BackendRefusedError):
            await holding.bring(client.proxy.pool, lease, session.state)
            return refusal
    concluding.let_go(client)
    return session.lose_backend(outcome_known=True) if session.holds_backend else refusal


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
    if not parsed.cursor and leftovers.answer(
        client, prepared.means, prepared.key.text, binary=True
    ):
        concluding.let_go_if_free(client)
        return
    await holding.hold_for(client, prepared.means)
    held = await _ensure(client, prepared)
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
    outcome = concluding.outcome_of(exchange, payload[10:])
    concluding.note_undisturbed(client, prepared.means, prepared.key.text, outcome)
    if prepared.means.trackers and not outcome.failed:
        await trackers.take_over(client, prepared.means)
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
    await client.relay(encode(_identified(payload, held)), Kind.ROWS)
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
    held = await _ensure(client, prepared)
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
