"""A gate that lets few through in a second, whoever they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from proxy.net.clock import Clock, Timer, cancel

MOST_LOOKS = 5
"""In a second, over all secrets of a proxy: whoever tries names and passwords must not make it
read hundreds of secrets again and again, which costs money and uses up what AWS allows the
account.  After a rotation of a few secrets everybody is served within a second."""

_SECOND = 1.0


class Gate:
    """Lets those through that come, `MOST_LOOKS` in any second; the others wait in a queue."""

    def __init__(self, clock: Clock, most: int = MOST_LOOKS) -> None:
        self._clock = clock
        self._passed: deque[float] = deque(maxlen=most)
        self._queue: dict[Callable[[], None], None] = {}
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """How many wait."""
        return f"<Gate: {len(self._queue)} wait>"

    def enter(self, go: Callable[[], None]) -> None:
        """Call it when its turn comes, maybe at once; who waits already keeps its place."""
        self._queue.setdefault(go, None)
        self._open()

    def leave(self, go: Callable[[], None]) -> None:
        """It need not be called any more."""
        self._queue.pop(go, None)
        if not self._queue:
            cancel(self._timer)

    def _open(self) -> None:
        cancel(self._timer)
        while self._queue:
            wait = self._wait()
            if wait > 0:
                self._timer = self._clock.callLater(wait, self._open)
                return
            go = next(iter(self._queue))
            del self._queue[go]
            self._passed.append(self._clock.seconds())
            go()

    def _wait(self) -> float:
        """Seconds until the next one may go through."""
        if len(self._passed) < (self._passed.maxlen or 0):
            return 0.0
        return self._passed[0] + _SECOND - self._clock.seconds()
