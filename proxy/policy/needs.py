"""What the pools of worker processes say of themselves, and what they are told.

Places are connections that a pool may have open.  What was granted and what was given back are
sums since the pool joined, which only grow: messages that cross each other on their way do no
harm then, and the difference is what the pool may have open by now.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

RESTED_SECONDS: Final = 0.1
"""A connection that was not used for so long is spare where others wait.  One that is idle for
a moment is about to be used again: to take it costs a close and a login, and soon another."""

KEPT_SECONDS: Final = 5.0
"""A pool that has used a connection within this time keeps its last one, where there are enough
for all: who has a statement now and then shall not wait for a login at each of them."""

SMOOTH_SECONDS: Final = 0.2
"""Over what time the need of a pool is averaged: some statements long, and short for people."""


@attrs.frozen(kw_only=True)
class Need:
    """How a pool stands.

    Attributes:
        given: Places that it has given back so far.
        back: How many it knows to be wanted back, of the same count.
        load: Clients that have a connection of it by now, or wait for one.
        peak: The most of them since it said so last.
        spare: Places that it does not use, or has not for `RESTED_SECONDS`.
        is_fresh: Whether it has used a connection within `KEPT_SECONDS`.
        waited: For how long the first of its waiters has waited, in seconds; None for nobody.
        max_connections: The target's own limit, when a login has just told another one.
    """

    given: int = 0
    back: int = 0
    load: int = 0
    peak: int = 0
    spare: int = 0
    is_fresh: bool = False
    waited: float | None = None
    max_connections: int | None = None


@attrs.frozen(kw_only=True)
class Order:
    """What a pool may have.

    Attributes:
        granted: Places that it was granted so far.
        back: It gives places back until it has given so many, as they come free; 0 for none.
        is_watched: It says at short intervals how it stands, for others wait.
        max_connections: The target's own limit; None while nobody knows it.
    """

    granted: int
    back: int
    is_watched: bool
    max_connections: int | None


@attrs.define(eq=False)
class Holder:
    """A pool in the book of those who share.

    Attributes:
        granted: Places that it was granted so far.
        given: Places that it has given back.
        plan: How many it is to have in the end.
        need: What it said last.
        since: When the first of its waiters began to wait; None for nobody.
        average: Its load of late; None while nothing was heard since others began to wait.
        owes_since: When it last gave something back of what it owes; None when it owes nothing.
        stuck_until: Until when it is not asked, as it had nothing that came free.
        turned_at: When it last got a place only because it had waited for long.
    """

    granted: int = 0
    given: int = 0
    plan: int = 0
    need: Need = Need()
    since: float | None = None
    average: float | None = None
    owes_since: float | None = None
    stuck_until: float = -math.inf
    turned_at: float = -math.inf
    _averaged_at: float = -math.inf

    @property
    def share(self) -> int:
        """Connections that it may have open, as far as is known."""
        return self.granted - self.given

    @property
    def owed(self) -> int:
        """Places that it has to give back."""
        return max(self.share - self.plan, 0)

    @property
    def lacks(self) -> int:
        """Places that it is to get when they are free."""
        return max(self.plan - self.share, 0)

    @property
    def want(self) -> int:
        """Places that it could use beside those."""
        return max(self.need.peak - self.plan, 0)

    @property
    def spare(self) -> int:
        """Places that it can do without, and was not asked for yet."""
        known = max(self.need.back - self.need.given, 0)
        return max(min(self.need.spare - max(self.owed - known, 0), self.plan), 0)

    @property
    def usual(self) -> float:
        """Its load of late."""
        return self.need.load if self.average is None else self.average

    def waits_since(self, now: float) -> float:
        """When the first of its waiters began to wait; now, if there is none."""
        return now if self.since is None else self.since

    def hear(self, need: Need, now: float) -> bool:
        """It has said how it stands; whether that may change what others get at once."""
        before, self.need = self.need, need
        if need.given != self.given:
            self.owes_since = now
        is_news = need.given != self.given or need.spare > before.spare
        self.given = need.given
        self.since = None if need.waited is None else now - need.waited
        if self.average is None:
            self.average = float(need.load)
        else:
            part = math.exp((self._averaged_at - now) / SMOOTH_SECONDS)
            self.average = before.load + (self.average - before.load) * part
        self._averaged_at = now
        return is_news or need.peak > before.peak

    def note_debt(self, now: float) -> None:
        """Remember since when it owes something."""
        if not self.owed:
            self.owes_since = None
        elif self.owes_since is None:
            self.owes_since = now
