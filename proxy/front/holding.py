"""The lease that a client holds: borrowed, brought into its session's state, given back."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.errors import (
    STOPPING,
    BackendLostError,
    BackendRefusedError,
    ErrorReply,
    StatementRefusedError,
)
from proxy.net.answer import Answer
from proxy.net.backend import BackendProtocol
from proxy.policy.lease import OUTDATED, Lease, Place
from proxy.pool.borrower import PoolKey
from proxy.pool.dial import DATABASE
from proxy.pool.pool import TargetPool
from proxy.session.meaning import Meaning
from proxy.session.replay import Impossible, Query, needs_reset, replay
from proxy.session.session import Session
from proxy.session.state import State, interned
from proxy.wire.commands import query

if TYPE_CHECKING:
    from proxy.front.client import Client

PAUSES_SECONDS: Final = (0.0, 0.05, 0.25)
"""What a command waits before each time that it is tried again, because its backend was lost or
turned it away.  Connections of a server that has died are found dead one by one: most within a
turn of the reactor, the others soon after.  And as often as this it is tried and no more, for
it may be the command that kills the server."""


def reply_for(error: BackendLostError) -> ErrorReply:
    """What a client hears of a backend that was lost before it did anything for the client."""
    if isinstance(error, BackendRefusedError):
        return error.reply
    return errors.backend_lost("before the statement was run")


async def hold(client: Client, *, same: bool = False) -> None:
    """See to it that the client holds a lease in its session's state.

    A backend that turns out to be dead is nothing to the client, unless its session had
    something there: it is given another one.

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
    if client.lease is None and same:
        take_last(client)
    while True:
        if client.lease is None:
            client.lease = await _borrow(client, key, session)
            client.is_undisturbed = False
        lease = client.lease
        if lease.place is Place.LINGERING:
            lease.pool.resume(lease)
        lease.holder = client
        if lease.state is session.state:
            return
        client.is_undisturbed = False
        try:
            await bring(lease, session.state)
        except BackendLostError as error:
            _give_up(client, session, error)
            await pause(client)
        else:
            return


async def _borrow(client: Client, key: PoolKey, session: Session) -> Lease:
    """A lease of the pool that serves the client; who reads finds its own writes there."""
    route, state, began = client.route, session.state, monotonic()
    if route.own_writes is None or route.takes_writes:
        lease = await client.pool.borrow(key, state, client, client.size)
    else:
        lease = await route.own_writes.borrow(client, key, state, client.size)
    client.timing.borrowed(began)
    return lease


def _give_up(client: Client, session: Session, error: BackendLostError) -> None:
    """Part from a lease that could not be brought into the state of the session.

    Raises:
        StatementRefusedError: no other one shall be tried, or the session has lost something.
    """
    again = is_loss(error) and session.can_move and may_try_again(client)
    lease, client.lease = client.lease, None
    assert lease is not None
    forget(client)
    if is_loss(error):
        lease.pool.discard(lease, "it was lost")
    else:
        lease.pool.give_back(lease, None)
    if again:
        session.lose_backend(outcome_known=True)
        return
    reply = reply_for(error)
    if session.holds_backend:
        reply = session.lose_backend(outcome_known=True)
    raise StatementRefusedError(reply) from error


def forget(client: Client) -> None:
    """What a client's last statement has left is on no backend any more."""
    client.last_lease = None
    client.is_undisturbed = False


def is_loss(error: BackendLostError) -> bool:
    """Whether a backend is gone, or about to go: another one will do better."""
    return not isinstance(error, BackendRefusedError) or error.reply.code in STOPPING


def may_try_again(client: Client) -> bool:
    """Whether a command may be tried once more: not too often, nor when somebody stopped it."""
    lease = client.lease
    stopped = client.ends or (lease is not None and lease.generation == OUTDATED)
    return client.tries < len(PAUSES_SECONDS) and not stopped


async def pause(client: Client) -> None:
    """Wait a moment before a command is tried again."""
    waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
    delay = PAUSES_SECONDS[client.tries]
    timer = client.pool.clock.callLater(delay, waiting.callback, None)
    client.tries += 1
    await waiting


def take_last(client: Client) -> bool:
    """Take the lease again that the client had last, if nobody has had it since.

    But not that of a reader which lacks what the same user has written meanwhile.
    """
    if client.last_lease is None:
        return False
    lease, serial = client.last_lease
    session, route = client.session, client.route
    assert session is not None
    if not (
        route.own_writes is None
        or route.takes_writes
        or route.own_writes.is_met(session.user, lease.pool)
    ):
        return False
    if not lease.pool.ledger.take_same(lease, serial):
        return False
    client.lease = lease
    lease.holder = client
    if client.insert_lease == client.last_lease:
        client.insert_lease = (lease, lease.serial)
    return True


def check_insert_id(session: Session, means: Meaning) -> None:
    """See to it that no statement is given another last insert id than the session's.

    Raises:
        StatementRefusedError: the one that knew it is gone; that is said once.
    """
    if means.reads_insert_id and session.misses_insert_id:
        session.misses_insert_id = False
        raise StatementRefusedError(errors.session_lost("LAST_INSERT_ID()"))


async def learn_insert_id(client: Client) -> None:
    """Ask the lease's backend for the last insert id, which may be another session's there."""
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    text = b"SELECT LAST_INSERT_ID()"
    number = (await ask(lease, text, Kind.RESULT)).number()
    if session.settle_insert_id(number):
        client.insert_lease = (lease, lease.serial)


async def learn_found_rows(client: Client) -> None:
    """Ask the lease's backend what FOUND_ROWS() gives."""
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    answer = await ask(lease, b"SELECT FOUND_ROWS()", Kind.RESULT)
    session.settle_found_rows(answer.number())


async def learn_schema(client: Client) -> None:
    """Ask the lease's backend for the default schema, of which nothing was reported."""
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    (schema,) = (await ask(lease, DATABASE, Kind.RESULT)).row()
    session.change_state(interned(session.state.with_schema(schema)))


async def bring(lease: Lease, wanted: State) -> None:
    """Bring a lent backend into a state.

    Raises:
        BackendRefusedError: the server refuses a part of it; the lease's state is None then.
    """
    current = lease.state
    assert isinstance(current, State)
    if current == wanted:
        lease.state = wanted
        return
    pool: TargetPool = lease.pool
    backend: BackendProtocol = lease.backend
    lease.state = None
    if needs_reset(current, wanted):
        current = await pool.dialer.reset(backend)
        backend.holdings.clear()
    plan = replay(current, wanted)
    if isinstance(plan, Impossible):
        raise BackendLostError(plan.why)
    for step in plan.steps:
        await ask(lease, step.text if isinstance(step, Query) else step)
    lease.state = wanted
    pool.count_replay(len(plan.steps))


def ask(lease: Lease, command: bytes, kind: Kind = Kind.SIMPLE) -> Deferred[Answer]:
    """Run a command of ours on a lent backend, within the time that a login may take.

    Args:
        lease: Where it runs.
        command: A statement's text, or the payload of another command (its byte is no letter).
        kind: Shape of the answer.
    """
    backend: BackendProtocol = lease.backend
    if command[:1].isalpha():
        command = query(command, backend.exchange.server_capabilities)
    pool: TargetPool = lease.pool
    return pool.dialer.connector.limit(backend.ask(command, kind))
