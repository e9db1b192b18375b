"""What stands in a ledger: leases, waiters, limits, and the orders that come out of it."""

from __future__ import annotations

import enum
from collections.abc import Hashable
from typing import Any

import attrs

OUTDATED = -1
"""A generation older than any: a lease of it is closed when it comes back."""


class Place(enum.Enum):
    """Where a backend is."""

    DIALING = "dialing"
    IDLE = "idle"
    LENT = "lent"
    LINGERING = "lingering with a client that needs it no more"
    CALLED = "called back from there"
    RESETTING = "resetting"
    RETIRING = "retiring"
    GONE = "gone"


class Lease:
    """One backend in the book.

    Attributes:
        key: What makes backends alike for good (user, wire shape).
        born: When it was dialed, in seconds.
        generation: The ledger's when it was dialed; an older one is retired when free.
        state: The session state that it is in; None while that is not known.
        place: Which container it is in.
        idle_since: When it was last given back.
        serial: How often it was lent.
        backend: The connection itself, put there by the pool.
        holder: Who had it last, for news of its loss; None for nobody who wants to know.
        pool: Whose it is, put there by the pool.
    """

    __slots__ = (
        "backend",
        "born",
        "generation",
        "holder",
        "idle_since",
        "key",
        "place",
        "pool",
        "serial",
        "state",
    )

    def __init__(self, key: Hashable, born: float, generation: int = 0) -> None:
        self.key = key
        self.born = born
        self.generation = generation
        self.state: Hashable | None = None
        self.place = Place.DIALING
        self.idle_since = 0.0
        self.serial = 0
        self.backend: Any = None
        self.holder: Any = None
        self.pool: Any = None

    def __repr__(self) -> str:
        """Which kind, and where."""
        return f"<Lease of {self.key!r} {self.place.value}>"


class Waiter:
    """Someone who needs a backend; served in order of arrival.

    Attributes:
        key: Which kind.
        state: The session state that it shall be brought to.
        since: When it began to wait.
        borrower: Who is told, see `pool.borrower`.
        ahead: How many waited before it when it came.
        size: Bytes of the command that waits with it.
    """

    __slots__ = ("ahead", "borrower", "key", "since", "size", "state")

    def __init__(
        self,
        key: Hashable,
        state: Hashable,
        since: float,
        borrower: Any = None,
        size: int = 0,
    ) -> None:
        self.key = key
        self.state = state
        self.since = since
        self.borrower = borrower
        self.ahead = 0
        self.size = size

    def __repr__(self) -> str:
        """Which kind it waits for, and since when."""
        return f"<Waiter for {self.key!r} since {self.since}>"


@attrs.frozen
class Lend:
    """Hand this lease to this waiter."""

    waiter: Waiter
    lease: Lease


@attrs.frozen
class Dial:
    """Open a connection for this lease."""

    lease: Lease


@attrs.frozen
class Reset:
    """Bring this backend back to a known state."""

    lease: Lease


@attrs.frozen
class Retire:
    """Close this backend; `why` is for the log."""

    lease: Lease
    why: str


@attrs.frozen
class CallBack:
    """Ask the client with whom this lease lingers for it."""

    lease: Lease


Action = Lend | Dial | Reset | Retire | CallBack


@attrs.frozen
class Limits:
    """What a target's pool may use; times in seconds.

    Attributes:
        connections: Backends at the same time, dialed and dialing.
        idle: Backends that may stay idle for longer than `idle_after`.
        idle_after: From when on a backend counts as idle (RDS Proxy: five minutes).
        age: A backend older than this is closed once it is free.
        waiting: Waiters at the same time.
        waiting_bytes: What the commands of all waiters may take in memory.
        linger: How long a client may keep a lease that it does not need.
        dialing: Dials at the same time: a server that has just become the writer is to answer
            those that are through, not to be busy with logins alone (a core does some 4,000
            a second).
    """

    connections: int
    idle: int
    idle_after: float = 300.0
    age: float = 86400.0
    waiting: int = 100_000
    waiting_bytes: int = 1 << 28
    linger: float = 1.0
    dialing: int = 32
