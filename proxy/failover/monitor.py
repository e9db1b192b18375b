"""The habit of looking at one target: now and then, and quickly while something is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure as Mistake

from proxy.failover.eye import Eye
from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.observation import Look

T = TypeVar("T")

SLOW_PART = 0.25
"""The part of its time that a look may take before one wonders, and looks a second time over
another connection: a lost packet is sent again after 0.2 s."""


@attrs.frozen
class Pace:
    """How often is looked; times in seconds.

    Attributes:
        interval: Between the beginnings of two looks while all is well.
        doubt_interval: The same while something is in doubt, and the least ever.
        timeout: How long a look may take.
    """

    interval: float
    doubt_interval: float
    timeout: float


class Monitor:
    """Looks at a target by two eyes: the second one when the first does not come back.

    Attributes:
        is_hasty: Whether something is in doubt.
    """

    def __init__(
        self,
        clock: Clock,
        pace: Pace,
        open_eye: Callable[[Callable[[], None]], Eye],
        on_look: Callable[[Look], None],
        on_doubt: Callable[[str], None],
        log: FilteringBoundLogger,
    ) -> None:
        """Prepare to look.

        Args:
            clock: The time.
            pace: How often.
            open_eye: Makes an eye; gets what is to be called when its connection is lost.
            on_look: Gets each look.
            on_doubt: Is told when one is long in coming, or a connection was lost.
            log: Where mistakes go.
        """
        self._clock = clock
        self._pace = pace
        self._on_look = on_look
        self._on_doubt = on_doubt
        self._log = log
        self._eyes = (open_eye(self._lost), open_eye(self._lost))
        self._began = -pace.interval
        self._timer: Timer | None = None
        self._stopped = True
        self.is_hasty = False

    def __repr__(self) -> str:
        """How it looks."""
        return f"<Monitor {'hasty' if self.is_hasty else 'calm'} {self._eyes[0]!r}>"

    def start(self) -> None:
        """Look from now on, at once for the first time."""
        self._stopped = False
        self._schedule(0.0)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        cancel(self._timer)
        for eye in self._eyes:
            eye.shut()

    def look_soon(self) -> None:
        """Look as soon as the pace allows it."""
        self._schedule(self._pace.doubt_interval)

    def hurry(self, *, hasty: bool) -> None:
        """Look quickly from now on, or not any more."""
        if hasty is not self.is_hasty:
            self.is_hasty = hasty
            if not hasty:
                self._eyes[1].shut()
            self._schedule(self._interval)

    @property
    def _interval(self) -> float:
        return self._pace.doubt_interval if self.is_hasty else self._pace.interval

    def _schedule(self, gap: float) -> None:
        """Look when so much time has gone since the last look began."""
        if self._stopped:
            return
        cancel(self._timer)
        delay = max(self._began + gap - self._clock.seconds(), 0.0)
        self._timer = self._clock.callLater(delay, self._tick)

    def _tick(self) -> None:
        eye = next((one for one in self._eyes if not one.is_looking), None)
        self._began = self._clock.seconds()
        self._schedule(self._interval)
        if eye is None or (eye is self._eyes[1] and not self.is_hasty):
            return
        slow = self._clock.callLater(self._pace.timeout * SLOW_PART, self._slow)
        looking = Deferred.fromCoroutine(eye.look())
        looking.addBoth(_passed, slow)
        looking.addCallback(self._looked, eye)
        looking.addErrback(self._mistaken)

    def _looked(self, look: Look | None, eye: Eye) -> None:
        if look is None or self._stopped:
            return
        for other in self._eyes:
            # One that has looked for longer has a connection that leads nowhere.  Not one that
            # began later: at a slow server each look would cost the other eye its connection.
            if look.seen is not None and other.is_looking and other.began < eye.began:
                other.shut()
        self._on_look(look)

    def _mistaken(self, mistake: Mistake) -> None:
        self._log.error("a mistake in a monitor", exception=mistake.getTraceback())

    def _slow(self) -> None:
        self._on_doubt("it is long in answering")

    def _lost(self) -> None:
        """The connection of an eye was closed by the other side."""
        if not self._stopped:
            self._on_doubt("the monitor's connection was lost")
            self.look_soon()


def _passed(result: T, timer: Timer) -> T:
    cancel(timer)
    return result
