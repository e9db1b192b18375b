"""The time that transactions have to end after their target was left."""

from __future__ import annotations

from proxy.failover.ground import AnyPool
from proxy.net.clock import Clock, Timer, cancel


class Graces:
    """Cuts off what is left of pools; each has one time at most that runs."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._running: dict[AnyPool, Timer] = {}

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Graces for {len(self._running)} pools>"

    def change(self, seconds: float) -> None:
        """Times that begin from now on are this long."""
        self._seconds = seconds

    def grant(self, pool: AnyPool, why: str) -> None:
        """What is lent of an older generation has this long to end, then it is cut off.

        A time that runs begins anew: else who came between two switches would have less.
        """
        cancel(self._running.pop(pool, None))
        self._running[pool] = self._clock.callLater(self._seconds, self._over, pool, why)

    def _over(self, pool: AnyPool, why: str) -> None:
        del self._running[pool]
        pool.cut_off(why)

    def stop(self) -> None:
        """Let everything be as it is."""
        for timer in self._running.values():
            cancel(timer)
        self._running.clear()
