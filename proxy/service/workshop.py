"""Makes what is needed for each target, by the configuration that is in force when it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from structlog.typing import FilteringBoundLogger

from proxy.config.model import Target
from proxy.credentials.directory import Directory
from proxy.credentials.secrets_source import SecretsSource
from proxy.failover.sharing import NOBODY
from proxy.failover.watching import Watching
from proxy.pool.accounts import Accounts
from proxy.pool.connect import Connector
from proxy.pool.dial import Dialer
from proxy.pool.own_writes import OwnWrites
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.service.materials import Materials, Means

Attach: TypeAlias = Callable[..., None]
"""Has a pool share its target's connections with those of other workers; called with the pool
and `target`, an address."""


class Workshop:
    """Makes pools and monitors.

    Attributes:
        means: By what means.
        materials: Of what; others after a change of the configuration.
        directory: All users; the same for as long as the proxy lives.
    """

    def __init__(self, materials: Materials, means: Means) -> None:
        self.means = means
        self.materials = materials
        self.directory = Directory(materials.sources, takes_all=materials.takes_all)
        self._attach: Attach | None = None

    def __repr__(self) -> str:
        """Of what."""
        return f"<Workshop with {self.materials!r}>"

    @property
    def _log(self) -> FilteringBoundLogger:
        return self.means.log

    def accounts(self, target: Target) -> Accounts:
        """What logs in to a target."""
        return Accounts(self.directory, self.materials.token_giver(target))

    def connector(self, target: Target, timeout: float | None = None) -> Connector:
        """What connects to a target."""
        return self.materials.connector(target, timeout)

    def pool(self, target: Target) -> TargetPool:
        """The pool of a target."""
        group = self.materials.config.target_group
        pool = TargetPool(
            self.means.reactor,
            Dialer(
                self.connector(target),
                group.connection_pool_config.init_query,
                reports_commits=group.failover.read_your_writes,
            ),
            group.connection_pool_config,
            self.accounts(target),
            self._log,
        )
        self._share_out(target, pool)
        return pool

    def share(self, pools: Pools, attach: Attach) -> None:
        """Have these pools share, and all that are made from now on."""
        self._attach = attach
        for target, pool in pools.with_targets():
            self._share_out(target, pool)

    def _share_out(self, target: Target, pool: TargetPool) -> None:
        # Where nobody connects there is nothing to share.
        if self._attach is not None and target.address != NOBODY.address:
            self._attach(pool, target=target.address)

    def watching(self) -> Watching:
        """What makes monitors."""
        return Watching(
            self.materials.config.target_group,
            self.directory,
            self.means.reactor,
            self.connector,
            self.accounts,
            self._log,
        )

    def own_writes(self, writers: Route) -> OwnWrites | None:
        """What lets sessions read what they wrote; None where that is not wanted."""
        failover = self.materials.config.target_group.failover
        if not failover.read_your_writes:
            return None
        timeout, clock = failover.read_your_writes_timeout, self.means.reactor
        elsewhere = self.means.elsewhere() if self.means.elsewhere is not None else None
        return OwnWrites(writers, timeout, clock, self._log, elsewhere)

    # Passwords, and files

    def start(self) -> None:
        """Begin to read passwords."""
        self.means.files.start()
        for source in self.materials.living:
            source.start()

    def stop(self) -> None:
        """Read them no more."""
        for source in self.materials.living:
            source.stop()
        self.means.files.stop()

    def secret_ages(self) -> list[float]:
        """How many seconds ago secrets were read that are read here."""
        return [
            source.oldest_success_age
            for source in self.materials.living
            if isinstance(source, SecretsSource)
        ]

    def look_at_files(self, targets: Iterable[Target]) -> None:
        """See whether files have changed that monitors connect to these targets with."""
        for target in targets:
            tls = self.materials.backend_tls(target)
            if tls is not None:
                tls.look()
