"""The end of waiting: one timer for everybody who waits for a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from proxy import errors
from proxy.errors import ErrorReply
from proxy.net.clock import Timer, cancel
from proxy.pool.borrower import Borrower

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool


class Expiry:
    """Sends those away who have waited for longer than `limit_seconds`."""

    def __init__(
        self,
        pool: TargetPool,
        limit_seconds: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._pool = pool
        self._limit_seconds = limit_seconds
        self._log = log
        self._timer: Timer | None = None
        self._due = 0.0

    def refuse(self, borrower: Borrower, reply: ErrorReply) -> None:
        """Tell a borrower that there is nothing for it."""
        self._pool.counters.database_connections_borrow_requests_timed_out += 1
        borrower.refused(reply)

    def watch(self) -> None:
        """Wait for whoever has waited longest: all have the same limit."""
        waiting, clock = self._pool.ledger.waiting, self._pool.clock
        if not waiting:
            return
        due = next(iter(waiting)).since + self._limit_seconds
        # Whoever comes from another pool may have waited for longer than all who are here.
        if self._timer is None or due < self._due:
            cancel(self._timer)
            self._due = due
            self._timer = clock.callLater(max(due - clock.seconds(), 0), self._expire)

    def change_limit(self, seconds: float) -> None:
        """Nobody waits for longer from now on, those who wait already included."""
        self._limit_seconds = seconds
        cancel(self._timer)
        self._timer = None
        self.watch()

    def stop(self) -> None:
        """Nobody is sent away any more."""
        cancel(self._timer)

    def _expire(self) -> None:
        self._timer = None
        pool, now = self._pool, self._pool.clock.seconds()
        waiting = pool.ledger.waiting
        while waiting:
            waiter = next(iter(waiting))
            if waiter.since + self._limit_seconds > now:
                break
            pool.ledger.withdraw(waiter)
            waits = getattr(waiter.borrower, "served", waiter.borrower)
            self._log.warning(
                "a client waited too long for a database connection",
                client=getattr(waits, "number", None),
                user=waiter.key.user,  # type: ignore[attr-defined]
                seconds=round(now - waiter.since, 3),
                were_ahead=waiter.ahead,
                pool=repr(pool.ledger),
                last_failure=pool.opening.last_failure or None,
            )
            self.refuse(waiter.borrower, errors.borrow_timeout())
        self.watch()
