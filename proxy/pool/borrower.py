"""Who borrows, and what is borrowed for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from proxy.errors import ErrorReply, StatementRefusedError
from proxy.policy.lease import Lease, Waiter


class PoolKey(NamedTuple):
    """What makes backends of a target alike for good.

    Attributes:
        user: The database account.
        shape: Capabilities that change what statements mean or what answers look like.
    """

    user: str
    shape: int


class Borrower(Protocol):
    """Who waits for a lease."""

    def lent(self, lease: Lease) -> None:
        """Here it is."""

    def refused(self, reply: ErrorReply) -> None:
        """There is none, for this reason."""


class Promise:
    """A borrower with a Deferred."""

    def __init__(self, withdraw: Callable[[Waiter], None]) -> None:
        self._withdraw = withdraw
        self.waiter: Waiter | None = None
        self.lease: Deferred[Lease] = Deferred(self._cancelled)

    def _cancelled(self, _: object) -> None:
        if self.waiter is not None:
            self._withdraw(self.waiter)

    def lent(self, lease: Lease) -> None:
        """See `Borrower`."""
        self.lease.callback(lease)

    def refused(self, reply: ErrorReply) -> None:
        """See `Borrower`."""
        self.lease.errback(StatementRefusedError(reply))
