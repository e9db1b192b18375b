"""Why clients have to wait, and since when."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from proxy.net.clock import Clock
from proxy.observe.counters import Counters

PAUSED = "it is paused"


class Waits:
    """Three reasons that come and go by themselves: the plan's, an order's, and a pause.

    Attributes:
        hold: Why clients that need the writer have to wait; empty when they need not.
        order: Why an order keeps those waiting; empty otherwise.
        paused: Whether an operator keeps everybody waiting.
        sought_since: When a writer began to be waited for, the last time, in seconds.
    """

    def __init__(self, clock: Clock, counters: Counters, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._counters = counters
        self._log = log
        self._since = self._held_since = 0.0
        self.sought_since = float("-inf")
        self.hold = self.order = ""
        self.paused = False

    def __repr__(self) -> str:
        """The reason."""
        return f"<Waits: {self.why}>" if self.why else "<Waits for nothing>"

    @property
    def why(self) -> str:
        """The first reason of those that there are, for people; empty where there is none."""
        return self.hold or self.order or (PAUSED if self.paused else "")

    @property
    def for_writer(self) -> bool:
        """Whether those wait that need the writer."""
        return bool(self.hold or self.order)

    @property
    def seconds(self) -> float:
        """For how long there has been one reason or another; 0 while there is none."""
        return self._clock.seconds() - self._since if self.why else 0.0

    def note_hold(self, why: str, writer: str) -> None:
        """The plan has this reason by now; an empty one means that `writer` takes writes."""
        now = self._clock.seconds()
        if why and not self.hold:
            self._begin()
            # That nobody has looked yet is no trouble.
            say = self._log.warning if self._counters.writer_holds else self._log.info
            self._held_since = self.sought_since = now
            self._counters.writer_holds += 1
            say("clients wait for a target that takes writes", why=why)
        elif self.hold and not why:
            seconds = now - self._held_since
            self._counters.writer_hold_seconds += seconds
            self._log.info("clients go on", target=writer, seconds=round(seconds, 3))
        self.hold = why

    def begin_order(self, what: str) -> None:
        """Whoever needs the writer waits, until `end_order`."""
        self._begin()
        self.sought_since = self._clock.seconds()
        self.order = what

    def end_order(self) -> None:
        """What was ordered is done, or was not possible."""
        self.order = ""

    def pause(self, *, on: bool) -> None:
        """Everybody waits, or not any more."""
        if on:
            self._begin()
        self.paused = on

    def _begin(self) -> None:
        if not self.why:
            self._since = self._clock.seconds()
