"""The book of one target's backends: where each is, who waits, who gets which.

State is a place: a backend is in exactly one container, and counts are lengths.  `settle` is
the one function that decides; what it decides is true in the book before its caller carries it
out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Final

from proxy.policy.coming import Coming
from proxy.policy.lease import (
    Action,
    CallBack,
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
from proxy.policy.shelf import Accepts, Shelf

_IDLE: Final = Place.IDLE
_LENT: Final = Place.LENT
OLDER: Final = "it belongs to an older generation"


class Ledger:
    """See the module.  Times are arguments, in seconds of one clock that never goes back."""

    def __init__(self, limits: Limits, accepts: Accepts) -> None:
        self.limits = limits
        self._accepts = accepts
        self._over = False
        self.generation = 0
        self.dialing: set[Lease] = set()
        self.lent: set[Lease] = set()
        self.lingering: dict[Lease, None] = {}
        self.called: set[Lease] = set()
        self.resetting: set[Lease] = set()
        self.retiring: set[Lease] = set()
        self.waiting: OrderedDict[Waiter, None] = OrderedDict()
        self.pauses = Pauses()
        self._idle: dict[Hashable, Shelf] = {}
        self._pending: list[Action] = []
        self._coming = Coming()

    def __repr__(self) -> str:
        """The counts that an operator would ask for."""
        return (
            f"<Ledger {len(self.lent)} lent, {len(self.lingering) + len(self.called)} "
            f"lingering, {self.idle_count} idle, {len(self.dialing)} "
            f"dialing, {len(self.resetting)} resetting, {len(self.retiring)} retiring of "
            f"{self.limits.connections}; {len(self.waiting)} waiting>"
        )

    @property
    def idle_count(self) -> int:
        """Backends that nobody uses."""
        return sum(len(shelf.leases) for shelf in self._idle.values())

    @property
    def borrowed(self) -> int:
        """Backends that clients have, busy or not."""
        return len(self.lent) + len(self.lingering) + len(self.called)

    @property
    def total(self) -> int:
        """Backends that count in the limit: all that the server may see."""
        return (
            self.borrowed
            + self.idle_count
            + len(self.dialing)
            + len(self.resetting)
            + len(self.retiring)
        )

    def change_limits(self, limits: Limits) -> None:
        """Other limits from now on; leases above them are retired as they come free."""
        self.limits = limits
        self._over = self.total > limits.connections

    def idle_leases(self) -> Iterator[Lease]:
        """All idle leases, each key's oldest first."""
        for shelf in self._idle.values():
            yield from shelf.leases

    def leases(self) -> Iterator[Lease]:
        """Every lease in the book."""
        yield from self.lent
        yield from self.lingering
        yield from self.called
        yield from self.idle_leases()
        yield from self.dialing
        yield from self.resetting
        yield from self.retiring

    def take(self, key: Hashable, state: Hashable) -> Lease | None:
        """An idle lease of exactly this state, lent at once; None means: ask and settle.

        Nobody is passed over: whoever waits would have been given that lease before.
        """
        shelf = self._idle.get(key)
        lease = shelf.take(state) if shelf is not None else None
        if lease is not None:
            self._lent(lease)
        return lease

    def take_any(self, key: Hashable, state: Hashable) -> Lease | None:
        """The idle lease that is nearest to this state, lent at once."""
        shelf = self._idle.get(key)
        lease = shelf.best(state, self._accepts) if shelf is not None else None
        if lease is not None:
            self._lend(lease)
        return lease

    def take_same(self, lease: Lease, serial: int) -> bool:
        """Lend exactly this lease, if nobody has had it since that serial number."""
        if lease.place is Place.IDLE and lease.serial == serial:
            self._lend(lease)
            return True
        return False

    def _lend(self, lease: Lease) -> None:
        self._idle[lease.key].remove(lease)
        self._lent(lease)

    def _lent(self, lease: Lease) -> None:
        lease.place = _LENT
        lease.serial += 1
        self.lent.add(lease)

    def is_full(self) -> bool:
        """Whether as many wait as may."""
        return len(self.waiting) >= self.limits.waiting

    def ask(self, waiter: Waiter) -> None:
        """Queue a waiter; `settle` serves it."""
        waiter.ahead = len(self.waiting)
        self.waiting[waiter] = None

    def withdraw(self, waiter: Waiter) -> bool:
        """Take a waiter out of the queue; False when it had been served."""
        if waiter in self.waiting:
            del self.waiting[waiter]
            return True
        return False

    def withdraw_all(self, key: Hashable) -> list[Waiter]:
        """Take out everybody who waits for this key."""
        gone = [waiter for waiter in self.waiting if waiter.key == key]
        for waiter in gone:
            del self.waiting[waiter]
        return gone

    @property
    def has_work(self) -> bool:
        """Whether `settle` could decide anything."""
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
        if not self.waiting or state is None:
            return None
        waiter = next(iter(self.waiting))
        if (
            waiter.key != lease.key
            or not (waiter.state is state or self._accepts(state, waiter.state))
            or self._stale(lease, now)
        ):
            return None
        del self.waiting[waiter]
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

    def linger(self, lease: Lease, now: float) -> None:
        """Its client keeps a lease that it does not need, until somebody else does."""
        self.lent.remove(lease)
        lease.place = Place.LINGERING
        lease.idle_since = now
        self.lingering[lease] = None

    def resume(self, lease: Lease) -> None:
        """The client works with its lease again, or could not give it up."""
        if lease.place is Place.LINGERING:
            del self.lingering[lease]
        else:
            self.called.remove(lease)
            self._coming.remove(lease.key)
        lease.place = Place.LENT
        self.lent.add(lease)

    def _call_back(self, lease: Lease, actions: list[Action]) -> None:
        del self.lingering[lease]
        lease.place = Place.CALLED
        self.called.add(lease)
        self._coming.add(lease.key)
        actions.append(CallBack(lease))

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

    def settle(self, now: float) -> list[Action]:
        """Decide who gets what; called after every change.

        First come, first served: a waiter takes an idle lease of its key, else one that is
        being dialed or reset for it, else one that lingers with its client, else a new dial,
        else the place of an idle lease of another key; when none of this is possible, nobody
        behind it gets a connection that it could have had.
        """
        actions, self._pending = self._pending, []
        if self.waiting:
            self._serve(now, actions)
        return actions

    def _serve(self, now: float, actions: list[Action]) -> None:
        served: list[Waiter] = []
        covered: dict[Hashable, int] = {}
        short = 0
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
            lingering = next((one for one in self.lingering if one.key == waiter.key), None)
            if lingering is not None:
                self._call_back(lingering, actions)
                continue
            if now < self.pauses.until and not (self.idle_count or self.lingering):
                break
            if now < self.pauses.of(waiter.key):
                continue
            if self.total < self.limits.connections:
                actions.append(Dial(self._start_dial(waiter.key, now)))
                continue
            short += 1
            coming = len(self.retiring) + len(self.called)
            if coming < short and not self._make_room(actions):
                break
        for waiter in served:
            del self.waiting[waiter]

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

    def _start_dial(self, key: Hashable, now: float) -> Lease:
        lease = Lease(key=key, born=now, generation=self.generation)
        self.dialing.add(lease)
        self._coming.add(key)
        return lease

    def _stale(self, lease: Lease, now: float) -> str:
        """Why a free lease must not be used again; empty when it may."""
        if lease.generation != self.generation:
            return OLDER
        if now - lease.born >= self.limits.age:
            return "it is older than max_connection_age"
        self._over = self._over and self.total >= self.limits.connections
        if self._over:
            return "there are more connections than max_connections"
        return ""

    def _retire(self, lease: Lease, why: str) -> None:
        lease.place = Place.RETIRING
        self.retiring.add(lease)
        self._pending.append(Retire(lease, why))

    def _put_idle(self, lease: Lease, state: Hashable, now: float) -> None:
        lease.state = state
        lease.place = _IDLE
        lease.idle_since = now
        shelf = self._idle.get(lease.key)
        if shelf is None:
            shelf = self._idle[lease.key] = Shelf()
        shelf.put(lease)

    def _leave(self, lease: Lease) -> None:
        """Take a lease out of its container."""
        assert lease.place is not Place.GONE
        match lease.place:
            case Place.IDLE:
                self._idle[lease.key].remove(lease)
            case Place.LENT:
                self.lent.remove(lease)
            case Place.LINGERING:
                del self.lingering[lease]
            case Place.CALLED:
                self.called.remove(lease)
                self._coming.remove(lease.key)
            case Place.RESETTING:
                self.resetting.remove(lease)
                self._coming.remove(lease.key)
            case Place.RETIRING:
                self.retiring.remove(lease)
            case _:
                self.dialing.remove(lease)
                self._coming.remove(lease.key)
