"""Reading one's own writes: before a client reads, its reader has to have what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.errors import BackendLostError, StatementRefusedError
from proxy.front import concluding, lingering
from proxy.policy.lease import Place
from proxy.session.session import Session

if TYPE_CHECKING:
    from proxy.front.client import Client
    from proxy.pool.own_writes import OwnWrites


def may_pass(client: Client, session: Session, own_writes: OwnWrites) -> bool:
    """Whether the express lane may serve the next statement, as far as this is concerned."""
    lease = client.lease
    if lease is None:
        return own_writes.is_express(session, client.pool)
    # What is lent is in a transaction, which sees what it saw at first.
    met = lease.place is Place.LENT or own_writes.is_met(session.user, lease.pool)
    return met and (lease.pool is not own_writes.pool or own_writes.is_told(session))


async def ensure(client: Client, own_writes: OwnWrites) -> None:
    """Part from a reader that lingers with the client and does not get what was written.

    Raises:
        StatementRefusedError: with that reader something of the session is lost.
    """
    session, lease = client.session, client.lease
    if session is None or lease is None or lease.place is Place.LENT:
        return
    if await own_writes.meet(session.user, lease.pool) or client.lease is not lease:
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
