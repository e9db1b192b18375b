"""Stopping what nobody waits for."""

from __future__ import annotations

from typing import Protocol

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, DeferredSemaphore

from proxy.errors import BackendLostError
from proxy.net.clock import Clock, cancel
from proxy.policy.lease import Lease
from proxy.pool.accounts import Accounts
from proxy.pool.connect import Connector
from proxy.wire.commands import query as encode_query

DRAIN_SECONDS = 0.1
DRAIN_BYTES = 1 << 20
"""How much of an answer that nobody wants is read, to keep its backend: more costs more than a
new connection does."""

KILLS_AT_ONCE = 2
"""Connections beside the limit that stop statements."""


class Drained(Protocol):
    """Told once about the end of a drain."""

    def __call__(self, lease: Lease, *, whole: bool) -> None:
        """`whole`: the answer was read to its end; else it is longer than worth reading."""


class Drain:
    """Takes the rest of an answer that nobody wants; gives up when it is long in coming."""

    def __init__(self, reactor: Clock, lease: Lease, done: Drained) -> None:
        self._lease = lease
        self._done = done
        self._bytes = 0
        self._limit = reactor.callLater(DRAIN_SECONDS, self._finish, False)

    def answer_arrived(self, data: bytes) -> None:
        """More that nobody wants."""
        exchange = self._lease.backend.exchange
        self._bytes += len(data)
        if exchange.ended:
            self._finish(whole=True)
        elif exchange.wants_file or self._bytes > DRAIN_BYTES:
            self._finish(whole=False)

    def backend_lost(self, why: str) -> None:  # noqa: ARG002 - the pool has heard why
        """Then there is nothing left to drain."""
        cancel(self._limit)

    def _finish(self, whole: bool) -> None:  # noqa: FBT001 - a timer calls it too
        cancel(self._limit)
        self._done(self._lease, whole=whole)


class Killer:
    """Runs KILL on connections of its own.

    They are beside the pool's limit, few and closed at once: a pool that is busy with long
    statements must not keep one of them from being stopped.
    """

    def __init__(
        self, connector: Connector, accounts: Accounts, log: FilteringBoundLogger
    ) -> None:
        self._connector = connector
        self._accounts = accounts
        self._places = DeferredSemaphore(KILLS_AT_ONCE)
        self._log = log

    def kill(self, user: str, connection_id: int, *, query: bool) -> Deferred[None]:
        """Stop a statement (`query`) or a whole connection of this user's."""
        return Deferred.fromCoroutine(self._kill(user, connection_id, query=query))

    async def _kill(self, user: str, connection_id: int, *, query: bool) -> None:
        await self._places.acquire()
        try:
            control = await self._accounts.log_in(user, 0, self._connector.connect)
            text = b"KILL %s %d" % (b"QUERY" if query else b"CONNECTION", connection_id)
            try:
                await self._connector.limit(control.ask(encode_query(text)))
            finally:
                control.quit()
        except BackendLostError as error:
            self._log.warning("a statement could not be stopped", why=str(error))
        finally:
            self._places.release()
