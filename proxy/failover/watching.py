"""How monitors get to their targets: as which user, and with what patience."""

from __future__ import annotations

import functools
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import CancelledError

from proxy.config.model import Target, TargetGroup
from proxy.credentials.directory import Directory
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.failover.eye import Eye, LogIn, NobodyToLookAsError
from proxy.failover.monitor import Monitor, Pace
from proxy.failover.probes.choice import probe_for
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock
from proxy.policy.observation import Look
from proxy.pool.accounts import Accounts
from proxy.pool.connect import Connector


class Watching:
    """Makes the monitors of one group."""

    def __init__(
        self,
        group: TargetGroup,
        directory: Directory,
        clock: Clock,
        connector: Callable[[Target, float], Connector],
        accounts: Callable[[Target], Accounts],
        log: FilteringBoundLogger,
    ) -> None:
        """Prepare.

        Args:
            group: What is looked at, and how.
            directory: Who is known.
            clock: The time.
            connector: Makes what connects to a target within so many seconds.
            accounts: Makes what logs in to a target.
            log: Where changes and mistakes go.
        """
        self._group = group
        self._directory = directory
        self._clock = clock
        self._connector = connector
        self._accounts = accounts
        self._log = log

    def monitor(
        self, target: Target, on_look: Callable[[Look], None], on_doubt: Callable[[str], None]
    ) -> Monitor:
        """See `Watch`."""
        config, log_in = self._group.failover, self.log_in(target)

        def open_eye(on_loss: Callable[[], None]) -> Eye:
            probe = probe_for(self._group.topology, discovers=config.discover)
            timeout = config.probe_timeout
            is_name = target.place.is_name
            return Eye(log_in, probe, self._clock, timeout, on_loss, is_name=is_name)

        pace = Pace(config.probe_interval, config.doubt_interval, config.probe_timeout)
        return Monitor(self._clock, pace, open_eye, on_look, on_doubt, self._log)

    def log_in(self, target: Target) -> LogIn:
        """See `Watch`."""
        connector = self._connector(target, self._group.failover.probe_timeout)
        return functools.partial(self._log_in, connector, self._accounts(target))

    async def _log_in(self, connector: Connector, accounts: Accounts) -> BackendProtocol:
        is_at_target = False

        async def connect(account: Account) -> BackendProtocol:
            nonlocal is_at_target
            is_at_target = True
            try:
                return await connector.connect(account)
            except BackendRefusedError:
                is_at_target = False  # it has answered: what follows is a matter of passwords
                raise

        try:
            return await accounts.log_in(await self._user(), 0, connect)
        except BackendRefusedError:
            raise
        except (BackendLostError, CancelledError) as error:
            if is_at_target:
                raise
            # A password or a token is not to be had, or long in coming.
            why = str(error) or "the password that is needed to look is long in coming"
            raise NobodyToLookAsError(why) from error

    async def _user(self) -> str:
        """As whom to look."""
        user = self._group.failover.monitor_username
        if user is None:
            # Who is known is not known before every source has been read once.
            await self._directory.find("")
            user = next(iter(self._directory.users()), None)
        if user is None or await self._directory.find(user) is None:
            raise NobodyToLookAsError(
                f"nobody is known to look as ({user or 'no user at all'})"
            )
        return user
