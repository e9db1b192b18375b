"""Where each backend of a target is: every one is in exactly one container."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from proxy.policy.coming import Coming
from proxy.policy.lease import Action, CallBack, Lease, Place, Retire
from proxy.policy.shelf import Shelf

_IDLE: Final = Place.IDLE
_LENT: Final = Place.LENT


class Places:
    """The containers, and the moves between them that need no decision.

    Attributes:
        generation: Of what is dialed from now on; older leases are retired when free.
        idle_count: Backends that nobody uses.  Kept beside the shelves, of which there is one
            for each user and kind of client: they are not walked through for each statement.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.idle_count = 0
        self.dialing: set[Lease] = set()
        self.lent: set[Lease] = set()
        self.lingering: dict[Lease, None] = {}
        self.called: set[Lease] = set()
        self.resetting: set[Lease] = set()
        self.retiring: set[Lease] = set()
        self._idle: dict[Hashable, Shelf] = {}
        self._pending: list[Action] = []
        self._coming = Coming()

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

    def _lend(self, lease: Lease) -> None:
        self._idle[lease.key].remove(lease)
        self._lent(lease)

    def _lent(self, lease: Lease) -> None:
        """A lease was taken from its shelf, for somebody."""
        self.idle_count -= 1
        lease.place = _LENT
        lease.serial += 1
        self.lent.add(lease)

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

    def _start_dial(self, key: Hashable, now: float) -> Lease:
        lease = Lease(key=key, born=now, generation=self.generation)
        self.dialing.add(lease)
        self._coming.add(key)
        return lease

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
        self.idle_count += 1

    def _clear_shelves(self) -> None:
        """Forget the kinds of which no backend is idle: users come and go."""
        self._idle = {key: shelf for key, shelf in self._idle.items() if shelf.leases}

    def _leave(self, lease: Lease) -> None:
        """Take a lease out of its container."""
        assert lease.place is not Place.GONE
        match lease.place:
            case Place.IDLE:
                self._idle[lease.key].remove(lease)
                self.idle_count -= 1
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
