"""The lease that a client holds: borrowed, brought into its session's state, given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.errors import (
    BackendLostError,
    BackendRefusedError,
    ErrorReply,
    StatementRefusedError,
)
from proxy.net.backend import Answer, BackendProtocol
from proxy.policy.lease import Lease
from proxy.pool.pool import TargetPool
from proxy.session.meaning import Meaning
from proxy.session.pins import Pin, PinReason
from proxy.session.replay import Impossible, Query, replay
from proxy.session.state import State
from proxy.wire.commands import PING, query

if TYPE_CHECKING:
    from proxy.front.client import Client


def reply_for(error: BackendLostError) -> ErrorReply:
    """What a client hears of a backend that was lost before it did anything for the client."""
    if isinstance(error, BackendRefusedError):
        return error.reply
    return errors.backend_lost("before the statement was run")


async def hold(client: Client, *, same: bool = False) -> None:
    """See to it that the client holds a lease in its session's state.

    Args:
        client: Who needs it.
        same: Prefer the lease that the client had last, if nobody has had it since: the
            statement looks at what the one before left there.

    Raises:
        StatementRefusedError: none came free in time, or the state cannot be had.
    """
    session, key = client.session, client.key
    assert session is not None
    assert key is not None
    pool = client.proxy.pool
    if client.lease is None and same:
        take_last(client)
    if client.lease is None:
        client.lease = await pool.borrow(key, session.state)
    lease = client.lease
    lease.holder = client
    if lease.state is not session.state:
        try:
            await bring(pool, lease, session.state)
        except BackendLostError as error:
            client.lease = None
            if isinstance(error, BackendRefusedError):
                pool.give_back(lease, None)
            else:
                pool.discard(lease, "it was lost")
            reply = reply_for(error)
            if session.holds_backend:
                reply = session.lose_backend(outcome_known=True)
            raise StatementRefusedError(reply) from error


def take_last(client: Client) -> bool:
    """Take the lease again that the client had last, if nobody has had it since."""
    if client.last_lease is None:
        return False
    lease, serial = client.last_lease
    if not client.proxy.pool.ledger.take_same(lease, serial):
        return False
    client.lease = lease
    lease.holder = client
    if client.insert_lease == client.last_lease:
        client.insert_lease = (lease, lease.serial)
    return True


async def hold_for(client: Client, means: Meaning) -> None:
    """Hold a lease on which a statement finds what it looks at.

    LAST_INSERT_ID() is brought along; what else a statement leaves to be read can only be found
    where it ran, so that backend is taken again when nobody has had it since.
    """
    await hold(client, same=means.looks_back)
    lease = client.lease
    assert lease is not None
    if means.reads_insert_id and client.insert_lease != (lease, lease.serial):
        assert client.session is not None
        text = b"SET last_insert_id = %d" % client.session.last_insert_id
        await ask(client.proxy.pool, lease, text)
        client.insert_lease = (lease, lease.serial)


async def bring(pool: TargetPool, lease: Lease, wanted: State) -> None:
    """Bring a lent backend into a state.

    Raises:
        BackendRefusedError: the server refuses a part of it; the lease's state is None then.
    """
    current = lease.state
    assert isinstance(current, State)
    if current == wanted:
        lease.state = wanted
        return
    plan = replay(current, wanted)
    if isinstance(plan, Impossible):
        raise BackendLostError(plan.why)
    lease.state = None
    for step in plan.steps:
        await ask(pool, lease, step.text if isinstance(step, Query) else step)
    lease.state = wanted


def ask(
    pool: TargetPool, lease: Lease, command: bytes, kind: Kind = Kind.SIMPLE
) -> Deferred[Answer]:
    """Run a command of ours on a lent backend, within the time that a login may take.

    Args:
        pool: Whose lease it is.
        lease: Where it runs.
        command: A statement's text, or the payload of another command (its byte is no letter).
        kind: Shape of the answer.
    """
    backend: BackendProtocol = lease.backend
    if command[:1].isalpha():
        command = query(command, backend.exchange.server_capabilities)
    return pool.dialer.limit(backend.ask(command, kind))


async def conclude(client: Client, means: Meaning, text: bytes = b"") -> None:
    """The answer has gone out: take over what it says, give back a lease that nothing holds.

    After an ERR the server's reports are still to come, and the transaction may or may not be
    open: a ping brings both.
    """
    session = client.session
    assert session is not None
    exchange = client.backend.exchange
    failed, warnings = exchange.err is not None, exchange.warnings
    status, changes = exchange.status, exchange.changes
    if not failed and exchange.last_insert_id:
        client.note_insert_id(exchange.last_insert_id)
    try:
        if failed and not (means.reads_only and not session.in_transaction):
            assert client.lease is not None
            answer = await ask(client.proxy.pool, client.lease, PING)
            status, changes = answer.status, [*changes, *answer.changes]
        pins = session.follow(
            means,
            text,
            status=status,
            changes=changes,
            failed=failed,
            warnings=warnings,
        )
        client.lease.state = session.state  # type: ignore[union-attr]
        for pin in pins:
            report_pin(client, pin)
        if PinReason.DIAGNOSTICS not in session.pins:
            await _ask_unknown(client)
    except BackendLostError as error:
        if session.holds_backend:
            client.loss = session.lose_backend(outcome_known=True)
        lease, client.lease = client.lease, None
        if lease is not None:
            client.proxy.pool.discard(lease, "it failed after a statement")
        client.proxy.log.warning(
            "a database connection was lost after a statement",
            client=client.number,
            why=str(error),
        )
    client.dialogue.answered()
    let_go_if_free(client)
    if means.closes:
        client.hang_up()


async def _ask_unknown(client: Client) -> None:
    """Ask for what changed without a report; that would end what diagnostics are read for.

    The collation that comes with a new charset, and the value of LAST_INSERT_ID(expression).
    """
    session = client.session
    assert session is not None
    if session.collation_unknown:
        session.settle_collation(await _ask_value(client, b"SELECT @@collation_connection"))
        client.lease.state = session.state  # type: ignore[union-attr]
    if session.insert_id_unknown:
        session.insert_id_unknown = False
        number = await _ask_value(client, b"SELECT LAST_INSERT_ID()")
        if not number.isdigit():
            raise BackendLostError("the server's last insert id is no number")
        client.note_insert_id(int(number))


async def _ask_value(client: Client, text: bytes) -> bytes:
    assert client.lease is not None
    answer = await ask(client.proxy.pool, client.lease, text, Kind.RESULT)
    if len(answer.rows) != 1 or len(answer.rows[0]) != 1:
        raise BackendLostError("the server's answer to a statement of ours makes no sense")
    return answer.rows[0][0] or b""


def report_pin(client: Client, pin: Pin) -> None:
    """A pin of a new reason: counted, and said once."""
    client.proxy.counters.count_pin(pin.reason.name.lower())
    client.proxy.log.warning(
        "The client session was pinned to the database connection.",
        client=client.number,
        endpoint=client.endpoint,
        database_connection=client.backend.connection_id,
        reason=pin.reason.value,
        statement=pin.statement or None,
    )


def let_go_if_free(client: Client) -> None:
    """Give the lease back when neither a transaction nor a pin holds it."""
    session, lease = client.session, client.lease
    if lease is not None and session is not None and not session.holds_backend:
        client.lease = None
        client.last_lease = (lease, lease.serial)
        client.proxy.pool.give_back(lease, session.state)


def let_go(client: Client) -> None:
    """Give the lease back whatever holds it: the backend is reset."""
    lease, client.lease = client.lease, None
    if lease is not None:
        client.proxy.pool.give_back(lease, None)
