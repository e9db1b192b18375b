"""From which pools the clients of a role are served, and who is served by which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from proxy.pool.borrower import Served
from proxy.pool.pool import TargetPool

if TYPE_CHECKING:
    from proxy.pool.own_writes import OwnWrites

MOVED_AT_ONCE = 100
"""Clients that change to another reader in one look at the balance, each second or so."""


class Route:
    """Where the clients of a role borrow: all from the writer, or spread over readers.

    A client stays with its pool for as long as that serves, so that it does not see a reader
    that is behind the one before; what it has borrowed goes back to where it came from.

    Attributes:
        pool: The pool that serves, or the first of several; the last one while none does.
        shares: What each pool that serves gets of the clients, 1 for a full share.
        own_writes: Who knows which reader has what a user has written; None for nobody.
        takes_writes: Whether its clients may write, and a pool that takes no writes is wrong.
    """

    def __init__(self, pool: TargetPool) -> None:
        self.pool = pool
        self.shares: dict[TargetPool, float] = {pool: 1.0}
        self.takes_writes = True
        self.own_writes: OwnWrites | None = None
        self._served: dict[TargetPool, dict[Served, None]] = {pool: {}}

    def __repr__(self) -> str:
        """How many clients each pool has."""
        places = ", ".join(
            f"{len(served)} by {pool.place}" for pool, served in self._served.items()
        )
        return f"<Route: {places}>"

    @property
    def pools(self) -> tuple[TargetPool, ...]:
        """Which serve by now."""
        return tuple(self.shares)

    def served_by(self, pool: TargetPool) -> int:
        """How many clients a pool has."""
        return len(self._served.get(pool, ()))

    def attach(self, served: Served) -> TargetPool:
        """Somebody new: the pool for it."""
        pool = self._least_busy()
        self._served[pool][served] = None
        return pool

    def detach(self, served: Served) -> None:
        """It is gone."""
        self._served[served.pool].pop(served, None)

    def serve_by(self, shares: Mapping[TargetPool, float]) -> None:
        """From now on these pools serve: whoever another one has is moved, and waits there.

        Where there is none all stays as it is: it is for the caller to hold who waits.
        """
        if not shares:
            return
        self.shares = dict(shares)
        self.pool = next(iter(shares))
        for pool in shares:
            self._served.setdefault(pool, {})
        for pool in [*self._served]:
            if pool not in shares:
                self._move(pool, self._served.pop(pool))

    def balance(self) -> None:
        """Move clients from pools that have more than their share to those that have less."""
        if len(self.shares) < 2:
            return
        clients = sum(map(len, self._served.values()))
        whole = sum(self.shares.values())
        goals = {pool: clients * share / whole for pool, share in self.shares.items()}
        left = MOVED_AT_ONCE
        for pool, goal in goals.items():
            surplus = min(int(len(self._served[pool]) - goal), left)
            if surplus > 0:
                left -= surplus
                moved = [*self._served[pool]][-surplus:]
                for served in moved:
                    del self._served[pool][served]
                poorest = min(goals, key=lambda one: len(self._served[one]) - goals[one])
                for served in moved:
                    served.pool = poorest
                    self._served[poorest][served] = None
                pool.disperse()

    def _move(self, pool: TargetPool, clients: dict[Served, None]) -> None:
        for served in clients:
            other = self._least_busy()
            served.pool = other
            self._served[other][served] = None
        pool.disperse()

    def _least_busy(self) -> TargetPool:
        """The pool with the fewest leases out for its share, then with the fewest clients."""
        if len(self.shares) == 1:
            return self.pool

        def load(pool: TargetPool) -> tuple[float, float]:
            share = self.shares[pool] * pool.ledger.limits.connections
            return pool.load / share, len(self._served[pool]) / share

        return min(self.shares, key=load)
