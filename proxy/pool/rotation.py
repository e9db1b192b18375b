"""Leaving connections behind that were opened with a password of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.policy.lease import OUTDATED, Lease
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import PoolKey

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool


class Rotation:
    """Retires connections once their password has been changed and the new one works.

    The target lets them live on; but a password is changed so that what came by the old one
    ends.  Nobody notices: those that are lent are closed when they come back.
    """

    def __init__(self, pool: TargetPool, accounts: Accounts, log: FilteringBoundLogger) -> None:
        self._pool = pool
        self._accounts = accounts
        self._log = log
        self._in_use: dict[str, str] = {}

    def logged_in(self, backend: BackendProtocol) -> None:
        """A login has worked with this password."""
        user, password = backend.account.user, backend.account.password
        if self._accounts.newest(user) != password:
            return
        before = self._in_use.get(user)
        self._in_use[user] = password
        if before is not None and before != password:
            self._retire(user, password)

    def _retire(self, user: str, password: str) -> None:
        old = [lease for lease in self._leases(user) if _password(lease) != password]
        for lease in old:
            lease.generation = OUTDATED
        self._log.info(
            "connections of the previous password are retired", user=user, connections=len(old)
        )
        self._pool.sweep()

    def _leases(self, user: str) -> list[Lease]:
        return [
            lease
            for lease in self._pool.ledger.leases()
            if isinstance(lease.key, PoolKey) and lease.key.user == user and lease.backend
        ]

    async def changed(self, user: str) -> None:
        """The password was changed where it comes from: try it, beside the book."""
        if user not in self._in_use or not self._leases(user):
            return
        if self._accounts.newest(user) in (None, self._in_use[user]):
            return
        connect = self._pool.dialer.connector.connect
        try:
            backend = await self._accounts.log_in(user, 0, connect)
        except BackendLostError as error:
            self._log.warning("a changed password does not work yet", user=user, why=str(error))
            return
        self.logged_in(backend)
        backend.quit()


def _password(lease: Lease) -> str:
    backend: BackendProtocol = lease.backend
    return backend.account.password
