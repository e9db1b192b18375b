"""Who borrows, and what is borrowed for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from proxy.errors import ErrorReply, StatementRefusedError
from proxy.policy.lease import Lease, Waiter

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool


class PoolKey(NamedTuple):
    """What makes backends of a target alike for good.

    Attributes:
        user: The database account.
        shape: Capabilities that change what statements mean or what answers look like.
    """

    user: str
    shape: int


class Located(Protocol):
    """Somebody for whom backends come from one pool."""

    @property
    def pool(self) -> TargetPool:
        """Which one that is by now."""


class Served(Protocol):
    """Who is served by one pool, until it is moved to another one.

    Attributes:
        pool: Where it borrows, and waits.
    """

    pool: TargetPool


class Borrower(Protocol):
    """Who waits for a lease."""

    @property
    def pool(self) -> TargetPool:
        """Where it waits by now: who is moved is to wait elsewhere."""

    def lent(self, lease: Lease) -> None:
        """Here it is."""

    def refused(self, reply: ErrorReply) -> None:
        """There is none, for this reason."""


class Promise:
    """A borrower with a Deferred, for somebody who is served by a pool.

    Attributes:
        served: Who that is.
    """

    def __init__(self, served: Located) -> None:
        self.served = served
        self.waiter: Waiter | None = None
        self.lease: Deferred[Lease] = Deferred(self._cancelled)

    def _cancelled(self, _: object) -> None:
        if self.waiter is not None:
            self.pool.withdraw(self.waiter)

    @property
    def pool(self) -> TargetPool:
        """See `Borrower`."""
        return self.served.pool

    def lent(self, lease: Lease) -> None:
        """See `Borrower`."""
        lease.holder = None  # until somebody says who it is
        self.lease.callback(lease)

    def refused(self, reply: ErrorReply) -> None:
        """See `Borrower`."""
        self.lease.errback(StatementRefusedError(reply))
