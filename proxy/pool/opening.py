"""Opening the backends of a pool, and trying again when that fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError
from twisted.internet.error import TimeoutError as ConnectTimeoutError

from proxy.config.pool import ConnectionPoolConfig
from proxy.errors import ACCESS_DENIED, BackendLostError, BackendRefusedError
from proxy.net.clock import Timer, cancel
from proxy.policy.lease import Lease
from proxy.policy.observation import Failure
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import PoolKey
from proxy.session.prepared import Holdings

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool

FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 1.0
"""Pause after a failed dial; doubles from the first to the longest while the target is away."""

ROTATION_SECONDS = 10.0
"""How long those who wait go on waiting for a user whose password has just ceased to work: its
new one is on the way, by a secret that takes some seconds to be read."""

REFUSALS = frozenset((1044, ACCESS_DENIED, 1049, 1130, 1251, 1524, 1862, 3118))
"""Errors of a login that another try does not mend: access, schema, host, plugin, account."""

_FULL = frozenset((1040, 1041, 1135, 1203, 1226))
"""Errors of a login to a server that has no connection to spare, for all or for this user."""

_STOPPING = frozenset((1053, 1077, 1079, 3032))
"""Those of one that shuts down, or throws out all who are no administrators."""


def failure_of(error: BackendLostError) -> Failure:
    """What a failed dial shows of the target."""
    if isinstance(error, BackendRefusedError):
        code = error.reply.code
        if code in _FULL:
            return Failure.FULL
        if code in _STOPPING:
            return Failure.STOPPING
        return Failure.DENIED if code in REFUSALS else Failure.ODD
    cause = error.__cause__
    if isinstance(cause, TimeoutError | ConnectTimeoutError) or "no answer" in str(error):
        return Failure.SILENT
    if isinstance(cause, ConnectError | OSError):
        return Failure.REFUSED
    return Failure.LOST


class Opening:
    """Dials for one pool.

    Attributes:
        last_failure: Why the last dial failed; empty when it did not.
        answers: Whether the target answered the last dial, if only by refusing its user.
    """

    def __init__(
        self,
        pool: TargetPool,
        config: ConnectionPoolConfig,
        accounts: Accounts,
        log: FilteringBoundLogger,
    ) -> None:
        self._pool = pool
        self._config = config
        self._accounts = accounts
        self._log = log
        self._failures = 0
        self._failed_at = float("-inf")
        self._retry: Timer | None = None
        self._good_until: dict[str, float] = {}
        self.last_failure = ""
        self.answers = False

    def reconfigure(self, config: ConnectionPoolConfig) -> None:
        """Open connections in this way from now on."""
        self._config = config

    async def dial(self, lease: Lease) -> None:
        """Open a backend for this lease, which has its place in the book already."""
        key = lease.key
        assert isinstance(key, PoolKey)
        self._pool.counters.database_connection_requests += 1
        try:
            backend, facts = await self._accounts.log_in(
                key.user, key.shape, self._pool.dialer.dial
            )
        except (BackendLostError, CancelledError) as error:
            self._failed(lease, error)
            return
        except Exception as error:  # noqa: BLE001 - a mistake must not keep the place of a lease
            self._log.exception("a mistake while opening a connection")
            self._failed(lease, error)
            return
        self._pool.counters.database_connections_setup_succeeded += 1
        self._failures = 0
        self.last_failure, self.answers = "", True
        self._good_until[key.user] = math.inf
        if backend.tls_version:
            self._pool.counters.database_connection_requests_with_tls += 1
        backend.holdings = Holdings(self._config.max_prepared_statements_per_connection)
        self._log.debug(
            "a database connection opened",
            user=key.user,
            database_connection=backend.connection_id,
        )
        self._pool.opened(lease, backend, facts)

    def _failed(self, lease: Lease, error: Exception) -> None:
        self._pool.counters.database_connections_setup_failed += 1
        refused = isinstance(error, BackendRefusedError) and error.reply.code in REFUSALS
        self.answers = refused
        pause = LONGEST_RETRY_SECONDS
        if not refused:
            # Dials that began together fail together, and say the same once.
            self._failures += lease.born >= self._failed_at
            self._failed_at = self._pool.clock.seconds()
            pause = min(FIRST_RETRY_SECONDS * 2 ** min(self._failures, 10), pause)
        pool, ledger = self._pool, self._pool.ledger
        self.last_failure = str(error) or type(error).__name__
        self._log.warning(
            "a database connection could not be opened",
            user=lease.key.user,  # type: ignore[attr-defined]
            why=self.last_failure,
            waiting=len(ledger.waiting),
            retry_in_seconds=pause if ledger.waiting else None,
        )
        # What is wrong with one account keeps nobody else from the target.
        ledger.dial_failed(lease, pool.clock.seconds() + pause, refused=refused)
        if isinstance(error, BackendRefusedError) and self._is_final(lease, error.reply.code):
            for waiter in ledger.withdraw_all(lease.key):
                waiter.borrower.refused(error.reply)
        if self._retry is None:
            self._retry = pool.clock.callLater(pause, self._dial_again)
        if pool.watcher is not None and isinstance(error, BackendLostError):
            pool.watcher.trouble(pool, failure_of(error), self.last_failure)
        pool.settle()

    def _is_final(self, lease: Lease, code: int) -> bool:
        """Whether those who wait for this user wait in vain."""
        key, now = lease.key, self._pool.clock.seconds()
        assert isinstance(key, PoolKey)
        if code == ACCESS_DENIED:
            until = self._good_until.get(key.user, 0.0)
            if until == math.inf:
                until = self._good_until[key.user] = now + ROTATION_SECONDS
            return now >= until
        return code in REFUSALS

    def _dial_again(self) -> None:
        self._retry = None
        self._pool.settle()

    def forgive(self) -> None:
        """The target is known to be there again: dial at once."""
        self._failures = 0
        self._pool.ledger.pauses.until = 0.0

    def stop(self) -> None:
        """Try no more."""
        cancel(self._retry)
