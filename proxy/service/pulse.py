"""How much a process that serves clients has to do, second by second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from proxy.net.clock import Clock
from proxy.observe.figures import Figures, figures

BEAT_SECONDS: Final = 1.0
"""How often somebody has to call `beat`."""

KEPT_BEATS: Final = 60
"""A minute: who looks now and then sees that somebody had to wait."""


class Pulse:
    """See the module.

    Args:
        clock: By which it is called each second.
        requests: Gives how many commands clients have sent by now.

    Attributes:
        figures: What the process took at the last beat.
        statements: That clients sent in the second before it.
        cpu: Processor time that the process used in that second, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        requests: Callable[[], int],
        look: Callable[[], Figures] = figures,
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._look = look
        self._at = clock.seconds()
        self._counted = requests()
        self._late: deque[float] = deque(maxlen=KEPT_BEATS)
        self.figures = look()
        self.statements = 0
        self.cpu = 0.0

    def __repr__(self) -> str:
        """How busy it is."""
        return f"<Pulse {self.statements} statements, {self.cpu:.2f} s of a processor>"

    @property
    def delay(self) -> float:
        """How late a beat came at most in the last minute."""
        return max(self._late, default=0.0)

    def beat(self) -> None:
        """A second has passed."""
        now, seen, counted = self._clock.seconds(), self._look(), self._requests()
        passed = now - self._at
        if passed > 0:
            # What has ended meanwhile takes its counts with it.
            self.statements = round(max(counted - self._counted, 0) / passed)
            self.cpu = (seen.cpu_seconds - self.figures.cpu_seconds) / passed
        self._late.append(max(passed - BEAT_SECONDS, 0.0))
        self._at, self._counted, self.figures = now, counted, seen
