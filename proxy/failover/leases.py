"""What clients have of pools, while an operator waits for it to end.

A pool of this process knows; those of a supervisor's workers go by what these have reported
since they did what they were told last, and count as in use until then.
"""

from __future__ import annotations

from proxy.failover.distant import DistantPool
from proxy.failover.ground import AnyPool
from proxy.failover.reports import count_busy
from proxy.pool.pool import TargetPool


def is_busy(pool: AnyPool, *, left: bool = False) -> bool:
    """Whether anybody is about something; with `left` only what is of older generations."""
    if isinstance(pool, DistantPool):
        return pool.is_busy(left=left)
    assert isinstance(pool, TargetPool)
    busy, older = count_busy(pool)
    return bool(older if left else busy)


def is_lent(pool: AnyPool) -> bool:
    """Whether clients have a backend of it."""
    if isinstance(pool, DistantPool):
        return pool.is_lent()
    return bool(pool.ledger.borrowed)


def is_open(pool: AnyPool) -> bool:
    """Whether there is a backend."""
    if isinstance(pool, DistantPool):
        return pool.is_open()
    return bool(pool.ledger.total)
