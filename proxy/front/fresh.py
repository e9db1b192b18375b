"""Reading one's own writes: before a client reads, its reader has to have what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.errors import BackendLostError, StatementRefusedError
from proxy.front import commands, concluding, lingering, statements
from proxy.policy.lease import Place
from proxy.pool.pool import TargetPool
from proxy.wire.constants import Command, SessionTrack

if TYPE_CHECKING:
    from proxy.dialogue.exchange import Exchange
    from proxy.front.client import Client
    from proxy.pool.own_writes import OwnWrites


def may_pass(client: Client, own_writes: OwnWrites, packet: bytes) -> bool:
    """Whether the express lane may serve a command, as far as this is concerned."""
    lease = client.lease
    if lease is None:
        return suits(client, own_writes, client.pool, packet)
    # What is lent is in a transaction, which sees what it saw at first.
    if lease.place is Place.LENT:
        return _is_noted(client, own_writes, lease.pool, packet)
    return suits(client, own_writes, lease.pool, packet)


def suits(client: Client, own_writes: OwnWrites, pool: TargetPool, packet: bytes) -> bool:
    """The same for one that would run on a backend of this pool."""
    session = client.session
    assert session is not None
    if not (client.route.takes_writes or own_writes.is_met(session.user, pool)):
        return False
    return _is_noted(client, own_writes, pool, packet)


def _is_noted(client: Client, own_writes: OwnWrites, pool: TargetPool, packet: bytes) -> bool:
    """Whether it will be known what the command has committed: here nobody looks for that."""
    session = client.session
    assert session is not None
    if not (client.route.takes_writes or pool is own_writes.pool):
        return True
    return own_writes.is_told(session) or _only_reads(client, packet[4:])


def _only_reads(client: Client, payload: bytes) -> bool:
    if payload[0] != Command.QUERY:
        return statements.meaning_of(client, payload).reads_only
    try:
        means, _ = commands.read_query(client, payload)
    except StatementRefusedError:
        return False
    return means.reads_only


def announce(client: Client, exchange: Exchange, *, express: bool) -> None:
    """An answer is about to go out: other workers learn first that something was written.

    Whoever hears it may read by way of one of them in the next moment.

    Args:
        client: Whose answer it is.
        exchange: The answer so far.
        express: Whether the express lane has sent the command.
    """
    session, lease = client.session, client.lease
    own_writes = client.route.own_writes
    if own_writes is None or not own_writes.announces or session is None or lease is None:
        return
    if not (client.route.takes_writes or lease.pool is own_writes.pool):
        return
    if any(kind == SessionTrack.GTIDS for kind, _ in exchange.changes):
        own_writes.announce(session)
    elif not exchange.ended:
        return
    elif exchange.err is not None or not (
        express or own_writes.is_told(session) or _only_reads(client, client.command)
    ):
        own_writes.announce(session)


async def ensure(client: Client, own_writes: OwnWrites) -> None:
    """Part from a reader that lingers with the client and does not get what was written.

    Whoever is pinned to its reader cannot part from it, and only waits.

    Raises:
        StatementRefusedError: with that reader something of the session is lost, or nobody
            can be asked what was written.
    """
    session, key, lease = client.session, client.key, client.lease
    if session is None or key is None or lease is None or client.route.takes_writes:
        return
    if session.in_transaction:
        return
    met = await own_writes.comes(key, session.state, lease.pool)
    if met or client.lease is not lease or lease.place is Place.LENT:
        return
    lease.pool.resume(lease)
    try:
        await lingering.take_along(client)
    except BackendLostError as error:
        client.lease_lost(str(error))
        lease.pool.discard(lease, "it failed when it was asked for a session's state")
        loss, client.loss = client.loss, None
        if loss is not None:
            raise StatementRefusedError(loss) from error
    concluding.let_go_if_free(client)
