"""Statements prepared on whichever backend a client has, once for all who want the same."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.errors import (
    BackendLostError,
    BackendRefusedError,
    ErrorReply,
    StatementRefusedError,
)
from proxy.front import concluding, holding, lingering
from proxy.pool.pool import TargetPool
from proxy.session import remains
from proxy.session.follow import follow_prepare
from proxy.session.meaning import PLAIN, Meaning, meaning
from proxy.session.pins import PinReason
from proxy.session.prepared import Definitions, Held, Prepared, StatementKey
from proxy.session.session import STATEMENTS_LIMIT, Session
from proxy.sql.classify import classify
from proxy.wire.commands import close_statement
from proxy.wire.commands import prepare as encode_prepare
from proxy.wire.framing import encode

if TYPE_CHECKING:
    from proxy.front.client import Client


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
    await _hold(client, means)
    if _answer_known(client, text, means):  # another client was faster while this one waited
        concluding.let_go_if_free(client)
        return
    assert client.lease is not None
    pool: TargetPool = client.lease.pool
    try:
        there, definitions = await _prepare_here(client, text)
    except BackendRefusedError as error:
        if holding.is_loss(error):
            raise
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
        pool.definitions.put(
            (key, text, statement.state), definitions, client.proxy.deadlines.now
        )
    follow_prepare(session, text, warnings)
    if warnings and not client.is_undisturbed:
        try:
            await lingering.take_along(client)
        except BackendLostError:
            del session.statements[number]  # which nobody has heard of
            raise
    _answer(client, definitions, number)
    concluding.let_go_if_free(client)


async def _hold(client: Client, means: Meaning) -> None:
    """Hold a lease, and know in which state the statement is prepared there."""
    session = client.session
    assert session is not None
    await holding.hold(client)
    inexact = INEXACT
    if means.reads_user_variables != frozenset():
        inexact |= remains.USER_VARIABLES
    if session.remains & inexact:
        await lingering.take_along(client)


def _answer_known(client: Client, text: bytes, means: Meaning) -> bool:
    """Answer a prepare of what has been prepared in the same state a short while ago."""
    session = client.session
    assert session is not None
    if session.pins or session.remains & ~remains.TO_BE_READ:
        return False
    key = client.key, text, session.state.for_prepare_of(means.reads_user_variables)
    known = client.pool.definitions.find(key, client.proxy.deadlines.now)
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


async def ensure(client: Client, prepared: Prepared) -> Held:
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
        lost = INEXACT | remains.TO_BE_READ if prepared.means.looks_back else INEXACT
        if session.remains & lost:
            await lingering.take_along(client)
        client.is_undisturbed = False
        wanted = session.state.prepared_like(prepared.key.state)
        await holding.bring(lease, wanted)
        held = await _prepare_again(client, prepared.key)
        await holding.bring(lease, session.state)
    except BackendRefusedError as error:
        if holding.is_loss(error):
            raise
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
            await holding.bring(lease, session.state)
            return refusal
    concluding.let_go(client)
    return session.lose_backend(outcome_known=True) if session.holds_backend else refusal
