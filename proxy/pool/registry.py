"""The pools of a proxy, one for each target that it has ever used."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.config.model import Target
from proxy.pool.pool import TargetPool


class Pools:
    """Makes the pool of a target when it is asked for, and finds it again.

    A target that has left keeps its pool for as long as clients have something of it.
    """

    def __init__(self, make: Callable[[Target], TargetPool]) -> None:
        self._make = make
        self._pools: dict[str, TargetPool] = {}
        self._targets: dict[str, Target] = {}
        self._leaving: set[str] = set()

    def __repr__(self) -> str:
        """Which ones there are."""
        return f"<Pools {[*self._pools.values()]!r}>"

    def __iter__(self) -> Iterator[TargetPool]:
        return iter([*self._pools.values()])

    def by_address(self) -> dict[str, TargetPool]:
        """All of them, by the addresses of their targets as the configuration has them."""
        return dict(self._pools)

    def with_targets(self) -> list[tuple[Target, TargetPool]]:
        """All of them, each with the target that it was made for."""
        return [(self._targets[address], pool) for address, pool in self._pools.items()]

    def get(self, target: Target) -> TargetPool:
        """The pool of a target."""
        pool = self._pools.get(target.address)
        if pool is None:
            pool = self._pools[target.address] = self._make(target)
            self._targets[target.address] = target
        self._leaving.discard(target.address)
        return pool

    def forget(self, target: Target) -> None:
        """A target is used no more: what is left of its pool goes when it is free."""
        pool = self._pools.get(target.address)
        if pool is not None:
            self._leaving.add(target.address)
            pool.retire_all()

    def password_changed(self, user: str) -> None:
        """A user's password was changed where it comes from."""
        for pool in self:
            pool.password_changed(user)

    def sweep(self) -> None:
        """Close what is too old or idle for too long; called once a second or so."""
        for address, pool in [*self._pools.items()]:
            pool.sweep()
            if address in self._leaving and not pool.ledger.total and not pool.load:
                # Not stopped: who has no other pool yet waits there, for no longer than is set.
                self._leaving.discard(address)
                del self._pools[address], self._targets[address]
                if pool.share is not None:
                    pool.share.leave()

    def look(self) -> None:
        """See whether files have changed that connections to the targets are made with."""
        for pool in self:
            tls = pool.dialer.connector.tls
            if tls is not None:
                tls.look()

    def close(self) -> None:
        """No new connections; idle ones are closed now, lent ones when they come back."""
        for pool in self:
            pool.close()

    def stop(self) -> None:
        """Cut off everything that is left."""
        for pool in self:
            pool.stop()
            if pool.share is not None:
                pool.share.leave()
