"""The book of one target's backends: where each is, who waits, who gets which.

State is a place: a backend is in exactly one container, and counts are lengths.  `settle` is
the one function that decides; what it decides is true in the book before its caller carries it
out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from proxy.policy.lease import (
    Action,
    Dial,
    Lease,
    Lend,
    Limits,
    Place,
    Reset,
    Retire,
    Waiter,
)
from proxy.policy.pauses import Pauses
from proxy.policy.places import Places
from proxy.policy.shelf import Accepts

_IDLE: Final = Place.IDLE
_LENT: Final = Place.LENT
OLDER: Final = "it belongs to an older generation"


class Ledger(Places):
    """See the module.  Times are arguments, in seconds of one clock that never goes back.

    Attributes:
        limits: How much of everything there may be.
        held: Nothing is lent or dialed, and what lingers is called back: whoever comes waits.
        waiting: Who waits, in the order of `since`.
        waiting_bytes: What their commands take in memory.
        pauses: Until when nothing is dialed.
    """

    def __init__(self, limits: Limits, accepts: Accepts) -> None:
        super().__init__()
        self.limits = limits
        self._accepts = accepts
        self._over = False
        self.held = False
        self.waiting: OrderedDict[Waiter, None] = OrderedDict()
        self.pauses = Pauses()
        self.waiting_bytes = 0
        self._short = 0

    def __repr__(self) -> str:
        """The counts that an operator would ask for."""
        return (
            f"<Ledger {len(self.lent)} lent, {len(self.lingering) + len(self.called)} "
            f"lingering, {self.idle_count} idle, {len(self.dialing)} "
            f"dialing, {len(self.resetting)} resetting, {len(self.retiring)} retiring of "
            f"{self.limits.connections}; {len(self.waiting)} waiting>"
        )

    def change_limits(self, limits: Limits) -> None:
        """Other limits from now on; leases above them are retired as they come free."""
        self.limits = limits
        self._over = self.total > limits.connections

    def take(self, key: Hashable, state: Hashable) -> Lease | None:
        """An idle lease of exactly this state, lent at once; None means: ask and settle.

        Nobody is passed over: whoever waits would have been given that lease before.
        """
        shelf = self._idle.get(key)
        lease = shelf.take(state) if shelf is not None and not self.held else None
        if lease is not None:
            self._lent(lease)
        return lease

    def take_any(self, key: Hashable, state: Hashable) -> Lease | None:
        """The idle lease that is nearest to this state, lent at once."""
        shelf = self._idle.get(key)
        lease = None
        if shelf is not None and not self.held:
            lease = shelf.best(state, self._accepts)
        if lease is not None:
            self._lend(lease)
        return lease

    def take_same(self, lease: Lease, serial: int) -> bool:
        """Lend exactly this lease, if nobody has had it since that serial number."""
        if lease.place is Place.IDLE and lease.serial == serial and not self.held:
            self._lend(lease)
            return True
        return False

    def is_full(self, size: int) -> bool:
        """Whether as many wait as may, or their commands take as much memory as they may."""
        limits = self.limits
        if len(self.waiting) >= limits.waiting:
            return True
        # A single one may always wait, however long its command is.
        return bool(self.waiting) and self.waiting_bytes + size > limits.waiting_bytes

    def ask(self, waiter: Waiter) -> None:
        """Queue a waiter; `settle` serves it."""
        waiter.ahead = len(self.waiting)
        self.waiting[waiter] = None
        self.waiting_bytes += waiter.size

    def merge(self, waiters: list[Waiter]) -> None:
        """Queue waiters that come from elsewhere: all are served in the order of `since`."""
        everybody = sorted([*self.waiting, *waiters], key=lambda waiter: waiter.since)
        self.waiting = OrderedDict.fromkeys(everybody)
        self.waiting_bytes += sum(waiter.size for waiter in waiters)

    def withdraw(self, waiter: Waiter) -> bool:
        """Take a waiter out of the queue; False when it had been served."""
        if waiter in self.waiting:
            self._unqueue(waiter)
            return True
        return False

    def _unqueue(self, waiter: Waiter) -> None:
        del self.waiting[waiter]
        self.waiting_bytes -= waiter.size

    def withdraw_all(self, key: Hashable) -> list[Waiter]:
        """Take out everybody who waits for this key."""
        gone = [waiter for waiter in self.waiting if waiter.key == key]
        for waiter in gone:
            self._unqueue(waiter)
        return gone

    @property
    def has_work(self) -> bool:
        """Whether `settle` could decide anything."""
        if self.held:
            return bool(self._pending or self.lingering)
        return bool(self._pending) or (bool(self.waiting) and not self.is_exhausted)

    @property
    def is_exhausted(self) -> bool:
        """Whether somebody uses every connection, so that all there is to do is to wait."""
        return len(self.lent) >= self.limits.connections

    def dialed(self, lease: Lease, state: Hashable, now: float) -> None:
        """A dial came through: the backend is idle, in this state; retired after a failover."""
        self.dialing.remove(lease)
        self._coming.remove(lease.key)
        self.pauses.end(lease.key)
        # Not what is `_stale` for its age or number: whoever waits would have it dialed again.
        if lease.generation != self.generation:
            self._retire(lease, OLDER)
        else:
            self._put_idle(lease, state, now)

    def dial_failed(self, lease: Lease, not_before: float, *, refused: bool = False) -> None:
        """A dial failed; no other one (`refused`: of its key) starts before that time."""
        self.dialing.remove(lease)
        self._coming.remove(lease.key)
        lease.place = Place.GONE
        self.pauses.begin(lease.key, not_before, refused=refused)

    def pass_on(self, lease: Lease, state: Hashable | None, now: float) -> Waiter | None:
        """The short way of a lease that comes back: straight to whoever has waited longest.

        None when that one needs another kind of backend, or this one a rest or a reset.
        """
        if not self.waiting or state is None or self.held:
            return None
        waiter = next(iter(self.waiting))
        if (
            waiter.key != lease.key
            or not (waiter.state is state or self._accepts(state, waiter.state))
            or self._stale(lease, now)
        ):
            return None
        self._unqueue(waiter)
        lease.state = state
        lease.serial += 1
        return waiter

    def give_back(self, lease: Lease, state: Hashable | None, now: float) -> None:
        """A borrower is done: the lease is idle in `state`; None says that it needs a reset."""
        self.lent.remove(lease)
        lease.state = state
        if why := self._stale(lease, now):
            self._retire(lease, why)
        elif state is None:
            lease.place = Place.RESETTING
            self.resetting.add(lease)
            self._coming.add(lease.key)
            self._pending.append(Reset(lease))
        else:
            self._put_idle(lease, state, now)

    def reset_done(self, lease: Lease, state: Hashable, now: float) -> None:
        """A reset came through: the backend is idle, unless it got stale meanwhile."""
        self.resetting.remove(lease)
        self._coming.remove(lease.key)
        if why := self._stale(lease, now):
            self._retire(lease, why)
        else:
            self._put_idle(lease, state, now)

    def discard(self, lease: Lease, why: str) -> None:
        """Close a backend wherever it is (but dialing), because it cannot be trusted."""
        self._leave(lease)
        self._retire(lease, why)

    def lost(self, lease: Lease) -> None:
        """A backend's connection is gone."""
        self._leave(lease)
        lease.place = Place.GONE

    def sweep(self, now: float) -> None:
        """Retire what is too old, or idle beyond the limit on idle ones; end long lingering."""
        self.pauses.forget(now)
        for lease in [*self.lingering]:
            if now - lease.idle_since >= self.limits.linger or self._stale(lease, now):
                self._call_back(lease, self._pending)
        for lease in [*self.idle_leases()]:
            if why := self._stale(lease, now):
                self.discard(lease, why)
        resting = [
            lease
            for lease in self.idle_leases()
            if now - lease.idle_since >= self.limits.idle_after
        ]
        resting.sort(key=lambda lease: lease.idle_since)
        for lease in resting[: max(len(resting) - self.limits.idle, 0)]:
            self.discard(lease, "idle, and more than max_idle_connections_percent")
        self._clear_shelves()

    def linger(self, lease: Lease, now: float) -> None:
        """See `Places`; what is to be closed, or held, is called back at once."""
        super().linger(lease, now)
        if self.held or lease.generation != self.generation:
            self._call_back(lease, self._pending)

    def call_back(self, lease: Lease) -> None:
        """Have a client give up a lease that lingers with it; `settle` tells it."""
        self._call_back(lease, self._pending)

    def settle(self, now: float) -> list[Action]:
        """Decide who gets what; called after every change.

        First come, first served: a waiter takes an idle lease of its key, else one that is
        being dialed or reset for it, else one that lingers with its client, else a new dial,
        else the place of an idle lease of another key; when none of this is possible, nobody
        behind it gets a connection that it could have had.
        """
        actions, self._pending = self._pending, []
        if self.held:
            for lease in [*self.lingering]:
                self._call_back(lease, actions)
        elif self.waiting:
            self._serve(now, actions)
        return actions

    def _serve(self, now: float, actions: list[Action]) -> None:
        served: list[Waiter] = []
        covered: dict[Hashable, int] = {}
        self._short = 0
        for waiter in self.waiting:
            shelf = self._idle.get(waiter.key)
            lease = shelf.best(waiter.state, self._accepts) if shelf is not None else None
            if lease is not None:
                self._lend(lease)
                served.append(waiter)
                actions.append(Lend(waiter, lease))
                continue
            used = covered.get(waiter.key, 0)
            covered[waiter.key] = used + 1
            if used < self._coming.of(waiter.key):
                continue
            if not self._fetch(waiter.key, now, actions):
                break
        for waiter in served:
            self._unqueue(waiter)

    def _fetch(self, key: Hashable, now: float, actions: list[Action]) -> bool:
        """Have a backend come for somebody; False when nobody behind could get one either."""
        lingering = next((one for one in self.lingering if one.key == key), None)
        if lingering is not None:
            self._call_back(lingering, actions)
            return True
        if now < self.pauses.until and not (self.idle_count or self.lingering):
            return False
        if now < self.pauses.of(key):
            return True
        if self.total < self.limits.connections:
            if len(self.dialing) >= self.limits.dialing:
                return bool(self.idle_count or self.lingering)
            actions.append(Dial(self._start_dial(key, now)))
            return True
        self._short += 1
        return len(self.retiring) + len(self.called) >= self._short or self._make_room(actions)

    def _make_room(self, actions: list[Action]) -> bool:
        """Retire the idle lease that rested longest, or call one back; False for neither.

        It counts until its connection is closed, so a later settle uses its place.
        """
        oldest = min(self.idle_leases(), key=lambda lease: lease.idle_since, default=None)
        if oldest is None:
            lingering = next(iter(self.lingering), None)
            if lingering is not None:
                self._call_back(lingering, actions)
            return lingering is not None
        self._leave(oldest)
        oldest.place = Place.RETIRING
        self.retiring.add(oldest)
        actions.append(Retire(oldest, "its place is needed for another user"))
        return True

    def _stale(self, lease: Lease, now: float) -> str:
        """Why a free lease must not be used again; empty when it may."""
        if lease.generation != self.generation:
            return OLDER
        if now - lease.born >= self.limits.age:
            return "it is older than max_connection_age"
        if self._over:
            # What is being closed already has not to be closed again.
            self._over = self.total - len(self.retiring) >= self.limits.connections
        if self._over:
            return "there are more connections than max_connections"
        return ""
