"""From which pools the clients of a role are served, and who is served by which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
        for clients in self._served.values():
            clients.pop(served, None)

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
        left = [pool for pool in self._served if pool not in shares]
        for pool in left:
            for served in self._served.pop(pool):
                self._put(served, self._emptiest())
        self._disperse(left)

    def balance(self) -> None:
        """Move clients from pools that have more than their share to those that have less.

        Those go that came last, and none whose going would only turn the difference round.
        """
        clients, whole = sum(map(len, self._served.values())), sum(self.shares.values())
        surplus = {
            pool: len(self._served[pool]) - clients * share / whole
            for pool, share in self.shares.items()
        }
        givers: dict[TargetPool, None] = {}
        for _ in range(MOVED_AT_ONCE):
            richest = max(surplus, key=surplus.__getitem__)
            poorest = min(surplus, key=surplus.__getitem__)
            if surplus[richest] - surplus[poorest] <= 1:
                break
            served, _ = self._served[richest].popitem()
            self._put(served, poorest)
            surplus[richest] -= 1
            surplus[poorest] += 1
            givers[richest] = None
        self._disperse(givers)

    def _put(self, served: Served, pool: TargetPool) -> None:
        served.pool = pool
        self._served[pool][served] = None

    @staticmethod
    def _disperse(pools: Collection[TargetPool]) -> None:
        """Let those wait elsewhere who were moved; this comes last.

        Who is lent something then may be the cause of the next change.
        """
        receivers = dict.fromkeys(one for pool in pools for one in pool.disperse())
        for pool in receivers:
            pool.attend()
        for pool in pools:
            pool.settle()

    def _emptiest(self) -> TargetPool:
        """The pool with the fewest clients for its share.

        Not the one with the fewest leases out: that stays the same while many are moved.
        """
        return min(self.shares, key=lambda pool: len(self._served[pool]) / self.shares[pool])

    def _least_busy(self) -> TargetPool:
        """The pool with the fewest leases out for its share, then with the fewest clients."""
        if len(self.shares) == 1:
            return self.pool

        def load(pool: TargetPool) -> tuple[float, float]:
            share = self.shares[pool] * pool.allowance.whole.connections
            return pool.load / share, len(self._served[pool]) / share

        return min(self.shares, key=load)
