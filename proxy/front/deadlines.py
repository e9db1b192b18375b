"""One timer for everybody: clients that may have been silent for too long, second by second."""

from __future__ import annotations

from typing import Protocol

from proxy.net.clock import Clock, Timer, cancel

TICK_SECONDS = 1.0
"""How exact a deadline is: silence is measured in minutes, and a login in several seconds."""


class Watched(Protocol):
    """Somebody with a deadline."""

    bucket: int

    def due(self) -> float:
        """When the deadline is, as things stand."""

    def expire(self) -> None:
        """The deadline has passed."""


class Deadlines:
    """Looks at each client only when its deadline could have come, not at every command.

    A tick at which no deadline comes costs the same, whoever is there: it looks for the bucket
    of its second, and not through those of all clients that came over some hours.

    Attributes:
        now: The time of the last tick; good enough to mark activity with.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[int, set[Watched]] = {}
        self._timer: Timer | None = None
        self.now = clock.seconds()
        self._passed = int(self.now / TICK_SECONDS)

    def __repr__(self) -> str:
        """How many are watched."""
        return f"<Deadlines of {sum(map(len, self._buckets.values()))}>"

    def start(self) -> None:
        """Tick from now on."""
        self._timer = self._clock.callLater(TICK_SECONDS, self._tick)

    def stop(self) -> None:
        """Tick no more."""
        cancel(self._timer)

    def watch(self, watched: Watched) -> None:
        """Look at it when its deadline comes; again after a change to an earlier one."""
        self.forget(watched)
        number = max(int(watched.due() / TICK_SECONDS), self._passed) + 1
        watched.bucket = number
        self._buckets.setdefault(number, set()).add(watched)

    def forget(self, watched: Watched) -> None:
        """It is gone."""
        bucket = self._buckets.get(watched.bucket)
        if bucket is not None:
            bucket.discard(watched)
            if not bucket:
                del self._buckets[watched.bucket]

    def _tick(self) -> None:
        self.start()
        self.now = now = self._clock.seconds()
        first, self._passed = self._passed + 1, int(now / TICK_SECONDS)
        for number in range(first, self._passed + 1):
            for watched in self._buckets.pop(number, ()):
                if watched.due() <= now:
                    watched.expire()
                else:
                    self.watch(watched)
