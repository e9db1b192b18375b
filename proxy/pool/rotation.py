"""Leaving connections behind that were opened with a password of the past."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.errors import ACCESS_DENIED, BackendLostError, BackendRefusedError
from proxy.net.backend import BackendProtocol
from proxy.policy.lease import OUTDATED, Lease, Place
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import PoolKey

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool

TRY_AGAIN_SECONDS = 10.0
"""Pause between two tries of a changed password: a target that restarts or fails over is away
for some tens of seconds, and each try is one more login there."""

TRIES = 30
"""Tries of one changed password, over five minutes or more.  A target that does not take it by
then is no matter of moments, and the next dial that works with it does what a try would."""


@attrs.frozen
class _Worked:
    """The last login of a user that worked: its password, and when it was through."""

    password: str = attrs.field(repr=False)
    at: float


@attrs.define
class _Trial:
    """The newest password of a user has not been seen to work.

    Attributes:
        password: That password.
        due: When it is to be tried, in seconds; infinite while it is.
        left: How many tries there are left.  At 0 it stays, so that none begin anew.
    """

    password: str = attrs.field(repr=False)
    due: float
    left: int = TRIES


class Rotation:
    """Retires connections once their password has been changed and the new one works.

    The target lets them live on; but a password is changed so that what came by the old one
    ends.  Nobody notices: those that are lent are closed when they come back.
    """

    def __init__(self, pool: TargetPool, accounts: Accounts, log: FilteringBoundLogger) -> None:
        self._pool = pool
        self._accounts = accounts
        self._log = log
        self._last: dict[str, _Worked] = {}
        self._trials: dict[str, _Trial] = {}

    def logged_in(self, lease: Lease) -> None:
        """A dial came through, so its password has worked."""
        backend: BackendProtocol = lease.backend
        account = backend.account
        if self._is_behind(account.user, account.password, lease.born):
            # It was dialed for somebody, who may have it once.
            lease.generation = OUTDATED
        else:
            self._note(account.user, account.password)

    def _is_behind(self, user: str, password: str, began: float) -> bool:
        """Whether a login by this password was under way while the newest one worked.

        One that began later was refused with the newest before: then the target was set back,
        and what it takes now is all there is.
        """
        last, newest = self._last.get(user), self._accounts.newest(user)
        if last is None or password == newest or last.password != newest:
            return False
        return began <= last.at

    def _note(self, user: str, password: str) -> None:
        newest = self._accounts.newest(user)
        if newest is None:
            return
        now = self._pool.clock.seconds()
        before = self._last.get(user)
        self._last[user] = _Worked(password, now)
        if password == newest:
            self._trials.pop(user, None)
            if before is None or before.password != password:
                self._retire(user, password)
            return
        trial = self._trials.get(user)
        if trial is None or trial.password != newest:
            self._trials[user] = _Trial(newest, due=now + TRY_AGAIN_SECONDS)

    def _retire(self, user: str, password: str) -> None:
        old = self._leases_of_others(user, password)
        if not old:
            return
        for lease in old:
            lease.generation = OUTDATED
        self._log.info(
            "connections of the previous password are retired", user=user, connections=len(old)
        )
        self._pool.sweep()

    def _leases_of_others(self, user: str, password: str) -> list[Lease]:
        """Leases of a user that have another password and no end in sight."""
        return [
            lease
            for lease in self._pool.ledger.leases()
            if isinstance(lease.key, PoolKey)
            and lease.key.user == user
            and lease.backend
            and lease.generation != OUTDATED
            and lease.place is not Place.RETIRING
            and _password(lease) != password
        ]

    async def changed(self, user: str) -> None:
        """The password was changed where it comes from: try it, beside the book."""
        newest = self._accounts.newest(user)
        if newest is not None:
            trial = _Trial(newest, due=self._pool.clock.seconds())
            self._trials[user] = trial
            await self._try(user, trial)

    def due(self) -> list[str]:
        """Whose newest password is to be tried again by now, with `again`."""
        if not self._trials:
            return []
        now = self._pool.clock.seconds()
        return [user for user, one in self._trials.items() if one.left and one.due <= now]

    async def again(self, user: str) -> None:
        """Try a password once more that has not worked yet."""
        await self._try(user, self._trials[user])

    async def _try(self, user: str, trial: _Trial) -> None:
        newest = self._accounts.newest(user)
        if newest is None or not self._leases_of_others(user, newest):
            # The next dial finds the password by itself.
            self._trials.pop(user, None)
            return
        clock = self._pool.clock
        began = clock.seconds()
        trial.left -= 1
        trial.due = math.inf
        try:
            backend = await self._accounts.log_in(user, 0, self._pool.dialer.connector.connect)
        except BackendLostError as error:
            if isinstance(error, BackendRefusedError) and error.reply.code == ACCESS_DENIED:
                # Wrong passwords lock accounts, and somebody has to mend this anyway.
                trial.left = 0
            self._complain(user, str(error), trial)
        else:
            password = backend.account.password
            backend.quit()
            if not self._is_behind(user, password, began):
                self._note(user, password)
                if password != self._accounts.newest(user):
                    self._complain(user, "the target still takes the one before", trial)
        finally:
            trial.due = clock.seconds() + TRY_AGAIN_SECONDS

    def _complain(self, user: str, why: str, trial: _Trial) -> None:
        self._log.warning(
            "a changed password does not work yet", user=user, why=why, tries_left=trial.left
        )


def _password(lease: Lease) -> str:
    backend: BackendProtocol = lease.backend
    return backend.account.password
