"""How the pools of one worker stand, as it reports to its supervisor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from proxy.policy.lease import Lease, Place
from proxy.pool.pool import TargetPool
from proxy.wire.constants import Status

_IN_TRANSACTION = int(Status.IN_TRANS)


@attrs.frozen
class PoolReport:
    """How the pool of a target stands.

    Attributes:
        borrowed: Backends that clients have.
        total: All backends.
        waiting: Clients that wait.
        busy: Backends in the middle of something.
        left: Those of them that are of an older generation.
        has_facts: Whether the target has been logged in to.
        answers: Whether it answered the last dial.
        last_failure: Why that failed; empty when it did not.
    """

    borrowed: int = 0
    total: int = 0
    waiting: int = 0
    busy: int = 0
    left: int = 0
    has_facts: bool = False
    answers: bool = False
    last_failure: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, and nobody."""
        return not (self.total or self.waiting)


def count_busy(pool: TargetPool) -> tuple[int, int]:
    """How many backends are in the middle of something, and how many of those are older ones.

    A client that keeps a lease which it does not need may begin with it at any time.
    """
    ledger = pool.ledger
    busy = [
        lease.generation != ledger.generation
        for lease in (*ledger.lent, *ledger.lingering, *ledger.called)
        if lease.place is not Place.LENT or _is_at_work(lease)
    ]
    return len(busy), sum(busy)


def _is_at_work(lease: Lease) -> bool:
    """Whether a transaction is open there, or an answer is under way."""
    backend = lease.backend
    return bool(backend.owes_answer or backend.exchange.status & _IN_TRANSACTION)


def report_of(pool: TargetPool) -> PoolReport:
    """How a pool stands now."""
    ledger, opening = pool.ledger, pool.opening
    busy, left = count_busy(pool)
    return PoolReport(
        ledger.borrowed,
        ledger.total,
        len(ledger.waiting),
        busy,
        left,
        pool.facts is not None,
        opening.answers,
        opening.last_failure,
    )


def encode_report(report: PoolReport) -> Sequence[Any]:
    """A report, as JSON has it: short, for it is told often."""
    return attrs.astuple(report)


def decode_report(told: Sequence[Any]) -> PoolReport:
    """The same."""
    return PoolReport(*told)
