"""What one pool may have of the connections that several processes share.

Where somebody has to wait the pool says so; what it is granted it dials, and what others need
more it gives back, each place when its connection is closed.  See `proxy.policy.shares`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.lease import Lease
from proxy.policy.needs import KEPT_SECONDS, RESTED_SECONDS, Need, Order

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool

SAY_SECONDS: Final = 0.05
"""While somebody waits, here or elsewhere: a place that comes to rest is noticed within half as
much again, and a hundred pools that all wait cost the one who shares out 2,000 messages a
second."""

_WHY: Final = "its place is needed by another process"


class Office(Protocol):
    """Who shares out, as seen from here."""

    def join(self, share: Share) -> int:
        """A number for a new pool, by which it hears its orders."""

    def say(self, share: Share, need: Need) -> None:
        """Tell how a pool stands."""

    def leave(self, share: Share) -> None:
        """A pool has nothing any more, and wants nothing."""


class Share:
    """One pool's.

    Attributes:
        proxy: The name of the pool's proxy.
        target: The address of its target, as the configuration has it.
        number: By which it is known to those who share; 0 while it has left.
    """

    def __init__(
        self, pool: TargetPool, proxy: str, target: str, clock: Clock, office: Office
    ) -> None:
        self.proxy = proxy
        self.target = target
        self._pool = pool
        self._clock = clock
        self._office = office
        self._timer: Timer | None = None
        self._is_due = False
        self._is_leaving = False
        self._has_news = False
        pool.share = self
        pool.allowance.on_learned = self._learned
        self.number = 0
        self._join()

    def __repr__(self) -> str:
        """What it may have, and what it owes."""
        return f"<Share {self._kept} of {self._pool.place}, {self._debt} owed>"

    def _join(self) -> None:
        self._granted = self._given = self._back = self._kept = self._peak = 0
        self._is_watched = False
        self._told = Need()
        self._pool.allowance.cap(0)
        self.number = self._office.join(self)
        self._office.say(self, self._told)  # who shares out may know the target already

    @property
    def _debt(self) -> int:
        return max(self._back - self._given, 0)

    @property
    def _load(self) -> int:
        ledger = self._pool.ledger
        return len(ledger.lent) + len(ledger.called) + len(ledger.waiting)

    # What the pool tells

    def short(self) -> None:
        """Somebody has to wait."""
        load = self._load
        self._peak = max(self._peak, load)
        if load > self._kept and (load > self._told.peak or self._timer is None):
            self._soon()

    def settled(self) -> None:
        """Something may have come free that is owed."""
        debt, ledger = self._debt, self._pool.ledger
        self._kept = self._granted - self._given - debt
        free = self._kept + debt - ledger.total
        if debt and free > 0:
            self._given += min(debt, free)
            self._say()
        self._fit()
        if self._is_leaving and not ledger.total and not self._load:
            self._go()

    def leave(self) -> None:
        """Nobody will need the pool any more: give back everything when it is closed."""
        self._is_leaving = True
        if self.number:
            self.settled()

    def _learned(self) -> None:
        self._has_news = True
        self._soon()

    # What it is told

    def hear(self, order: Order) -> None:
        """It may have so much from now on."""
        self._granted, self._back = order.granted, order.back
        if order.max_connections is not None and not self._has_news:
            self._pool.allowance.learn(order.max_connections)
        if order.is_watched and not self._is_watched:
            self._soon()
        self._is_watched = order.is_watched
        self.settled()
        self._pool.settle()
        self.short()

    # What follows from it

    def _fit(self) -> None:
        """Have the book go by what there is, and close what is too much."""
        pool, debt = self._pool, self._debt
        pool.allowance.cap(self._kept)
        pool.owing = self if debt or self._is_leaving else None
        ledger = pool.ledger
        excess = debt - len(ledger.retiring)
        if excess <= 0:
            return
        resting = sorted(ledger.idle_leases(), key=_idle_since)[:excess]
        for lease in resting:
            ledger.discard(lease, _WHY)
        left = excess - len(resting) - len(ledger.called)
        lingering = [*ledger.lingering][: max(left, 0)]
        for lease in lingering:
            ledger.call_back(lease)
        if resting or lingering:  # else it would come back to here for ever
            pool.settle()

    def _go(self) -> None:
        cancel(self._timer)
        self._timer, self._is_due = None, False
        self._pool.owing = None
        self._office.leave(self)
        self.number = self._granted = self._given = self._back = self._kept = 0
        self._pool.allowance.cap(0)

    def _soon(self) -> None:
        """Say it once this turn of the reactor is over, in which more may happen."""
        if not self.number:
            self._join()
        if not self._is_due:
            self._is_due = True
            cancel(self._timer)
            self._timer = self._clock.callLater(0, self._look)

    def _look(self) -> None:
        self._is_due = False
        self._timer = None
        self._say()
        if self._is_watched or self._pool.ledger.waiting or self._told.peak > self._kept:
            self._timer = self._clock.callLater(SAY_SECONDS, self._look)

    def _say(self) -> None:
        need = self._need()
        self._peak, self._has_news = need.load, False
        if need != self._told or need.waited is not None:  # which counts from now on
            self._told = need
            self._office.say(self, need)

    def _need(self) -> Need:
        pool, ledger = self._pool, self._pool.ledger
        now, load = self._clock.seconds(), self._load
        free = [lease.idle_since for lease in (*ledger.idle_leases(), *ledger.lingering)]
        rested = sum(since <= now - RESTED_SECONDS for since in free)
        unused = self._kept - ledger.total + len(ledger.retiring)
        first = next(iter(ledger.waiting), None)
        news = pool.allowance.max_connections if self._has_news else None
        return Need(
            given=self._given,
            back=self._back,
            load=load,
            peak=max(self._peak, load),
            spare=max(min(self._kept - load, unused + rested), 0),
            is_fresh=bool(load) or any(since > now - KEPT_SECONDS for since in free),
            waited=None if first is None else max(now - first.since, 0.0),
            max_connections=news,
        )


def _idle_since(lease: Lease) -> float:
    return lease.idle_since
