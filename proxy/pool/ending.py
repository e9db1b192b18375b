"""Ending one connection of a pool because somebody says so."""

from __future__ import annotations

from proxy.policy.lease import Lease, Place
from proxy.pool.pool import TargetPool

_FREE = (Place.IDLE, Place.RESETTING)


def find(pool: TargetPool, number: int) -> Lease | None:
    """The lease whose connection the server knows by this id."""
    for lease in pool.ledger.leases():
        if lease.backend is not None and lease.backend.connection_id == number:
            return lease
    return None


def end(pool: TargetPool, lease: Lease, why: str) -> None:
    """End a connection at once: whoever has it hears that it was lost.

    The server is told to stop what runs there, which it would else notice when that is over.
    """
    if lease.place in _FREE:
        pool.ledger.discard(lease, why)
        pool.settle()
    elif lease.place is Place.RETIRING:
        lease.backend.abort()
    elif lease.place is not Place.GONE:
        pool.kill(lease, query=False)
        lease.backend.lose(why)
