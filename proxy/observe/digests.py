"""Which statements run how often, and how long: a table of their digests, of bounded size."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable

import attrs

from proxy.sql.dialect import Dialect
from proxy.sql.digest import digest

DIGESTS = 2000
"""Digests that are kept: some 1.5 MB when all are as long as they may be.  Applications that
have more of them make their texts up, and the first 2000 say so."""

LEAVING = 10
"""When there is no room, one in so many leaves at once: who is new has time to be used more
often than the least used ones."""


@attrs.define(eq=False)
class Digest:
    """Statements that differ in their literals only.

    Attributes:
        text: With `?` for each literal.
        count: How many ran, about: fast ones are counted by sample.
        errors: Those that failed, about.
        seconds: Until their answers had gone out, added up, about.
        longest: The slowest that was seen, in seconds.
        last_seen: When one was last seen, by the clock of the table.
    """

    text: str
    count: int = 0
    errors: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    last_seen: float = 0.0


class Digests:
    """The table; those that are used least leave it when it is full."""

    def __init__(
        self, limit: int = DIGESTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._digests: dict[str, Digest] = {}

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Digests {len(self)} of {self._limit}>"

    def __len__(self) -> int:
        return len(self._digests)

    def note(
        self,
        text: bytes,
        dialect: Dialect,
        seconds: float,
        failed: bool,  # noqa: FBT001 - as it is counted
        weight: int = 1,
    ) -> None:
        """A statement has run.

        Args:
            text: It.
            dialect: How to read it.
            seconds: How long it took.
            failed: Whether it was answered by an error.
            weight: For how many it counts.
        """
        name = digest(text, dialect)
        found = self._digests.get(name)
        if found is None:
            if len(self._digests) >= self._limit:
                self._make_room()
            found = self._digests[name] = Digest(name)
        found.count += weight
        found.errors += weight * failed
        found.seconds += weight * seconds
        found.longest = max(found.longest, seconds)
        found.last_seen = self._clock()

    def _make_room(self) -> None:
        """Those leave that ran least often, of these the ones that ran longest ago."""
        leaving = heapq.nsmallest(
            max(self._limit // LEAVING, 1),
            self._digests.values(),
            key=lambda one: (one.count, one.last_seen),
        )
        for one in leaving:
            del self._digests[one.text]

    def top(self, most: int) -> list[Digest]:
        """Those that took most time in all, the most first; copies."""
        found = heapq.nlargest(most, self._digests.values(), key=lambda one: one.seconds)
        return [attrs.evolve(one) for one in found]

    def age(self, one: Digest) -> float:
        """Seconds since the last statement of a digest was seen."""
        return max(self._clock() - one.last_seen, 0.0)

    def clear(self) -> None:
        """Begin anew."""
        self._digests.clear()
