"""Closing the backends of a pool, and what is to be done when one is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.net.backend import BackendProtocol
from proxy.net.clock import Timer, cancel
from proxy.policy.lease import OUTDATED, Lease, Place
from proxy.policy.observation import Failure
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import PoolKey
from proxy.pool.stop import Drain, Killer

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool

RETIRE_LIMIT_SECONDS: Final = 5.0
"""How long a retired backend may take to close after COM_QUIT before it is cut off."""

_LENT: Final = Place.LENT
_LINGERING: Final = Place.LINGERING
_CALLED: Final = Place.CALLED


def is_with_client(lease: Lease) -> bool:
    """Whether a client keeps it that does not need it."""
    return lease.place is _LINGERING or lease.place is _CALLED


class Closing:
    """Ends the connections of one pool, gently where that is possible."""

    def __init__(
        self,
        pool: TargetPool,
        accounts: Accounts,
        log: FilteringBoundLogger,
    ) -> None:
        self._pool = pool
        self._log = log
        self._killer = Killer(pool.dialer.connector, accounts, log)
        self._limits_of_retiring: dict[Lease, Timer] = {}
        self._cutting = False

    def retire(self, lease: Lease, why: str) -> None:
        """Close a backend that nobody has."""
        backend: BackendProtocol = lease.backend
        self._log.debug(
            "a database connection is closed",
            database_connection=backend.connection_id,
            why=why,
        )
        if backend.owes_answer:
            backend.abort()
        else:
            backend.quit()
            limit = self._pool.clock.callLater(RETIRE_LIMIT_SECONDS, backend.abort)
            self._limits_of_retiring[lease] = limit

    def lost(self, lease: Lease, why: str, busy: bool) -> None:  # noqa: FBT001 - see `on_loss`
        """A backend's connection is gone."""
        self._pool.counters.database_connections_closed += 1
        cancel(self._limits_of_retiring.pop(lease, None))
        held = lease.place is _LENT or is_with_client(lease)
        unexpected = held or lease.place is Place.IDLE
        if unexpected:
            self._pool.counters.database_connections_lost += 1
            self._log.info(
                "a database connection was lost",
                database_connection=lease.backend.connection_id,
                user=lease.key.user,  # type: ignore[attr-defined]
                client=getattr(lease.holder, "number", None) if held else None,
                place=lease.place.value,
                why=why,
            )
        if lease.place is not Place.GONE:
            self._pool.ledger.lost(lease)
        watcher = self._pool.watcher
        # Before anybody borrows again: what is left may be as dead, and not yet known to be.
        if unexpected and watcher is not None and not self._is_ours(lease):
            watcher.trouble(self._pool, Failure.LOST, why)
        if held and not busy and lease.holder is not None:
            lease.holder.lease_lost(why)
        self._pool.settle()

    def _is_ours(self, lease: Lease) -> bool:
        """Whether we ended it ourselves."""
        return self._cutting or lease.generation == OUTDATED

    def abandon(self, lease: Lease) -> None:
        """The borrower left, maybe in the middle of an answer."""
        if not lease.backend.owes_answer:
            self._pool.give_back(lease, None)
            return
        drain = Drain(self._pool.clock, lease, self._drained)
        lease.backend.replace_taker(drain)

    def _drained(self, lease: Lease, *, whole: bool) -> None:
        """What an abandoned lease owed has been read, or was too much."""
        if whole:
            self._pool.give_back(lease, None)
        else:
            self.kill(lease, query=False)
            lease.backend.abort()

    def kill(self, lease: Lease, *, query: bool) -> Deferred[None]:
        """Stop what a backend does: its statement, or the whole connection.

        The KILL may arrive when the statement has ended by itself, so the backend is not lent
        again: it would hit the statement of somebody else.
        """
        lease.generation = OUTDATED
        key = lease.key
        assert isinstance(key, PoolKey)
        return self._killer.kill(key.user, lease.backend.connection_id, query=query)

    def cut_off(self, why: str) -> None:
        """Close what is left of older generations: who has it hears what that means for it."""
        ledger = self._pool.ledger
        # First, so that who loses a backend is not lent the next one that is to be lost.
        for lease in [*ledger.idle_leases()]:
            if lease.generation != ledger.generation:
                ledger.discard(lease, why)
        self._pool.settle()
        self._cutting = True
        try:
            for lease in [*ledger.leases()]:
                if lease.backend is not None and lease.generation != ledger.generation:
                    lease.backend.lose(why)
        finally:
            self._cutting = False
