"""The proxy with a clock that leaps ten minutes ahead at each SIGUSR1.

At SIGRTMIN it logs its metrics.  It is run as a program, in the place of
``python -m proxy``.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

from twisted.python.runtime import seconds

from proxy.cli import main
from proxy.net.reactor import Reactor
from proxy.observe.log import get_logger
from proxy.observe.metrics import ProxyCollector

LEAP_SECONDS = 600.0
"""Longer than a secret is used without a look, and shorter than any client may be idle."""


class Leaps:
    """A clock ahead of this machine's."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._time = time.time

    def leap(self, *_: object) -> None:
        """Go ahead: what is due until then happens within a second, at the next timer."""
        self._ahead += LEAP_SECONDS

    def time(self) -> float:
        """POSIX seconds."""
        return self._time() + self._ahead

    def seconds(self) -> float:
        """Seconds of the reactor's timers."""
        return seconds() + self._ahead


def tell(collectors: list[ProxyCollector]) -> None:
    """Log all metrics."""
    for collector in collectors:
        samples = [sample for metric in collector.collect() for sample in metric.samples]
        get_logger().info("metrics", **{sample.name: sample.value for sample in samples})


def note_collectors() -> list[ProxyCollector]:
    """A list that gets every collector that is given a proxy to watch."""
    collectors: list[ProxyCollector] = []
    watch = ProxyCollector.watch

    def watch_noted(collector: ProxyCollector, *arguments: Any) -> None:
        collectors.append(collector)
        watch(collector, *arguments)

    ProxyCollector.watch = watch_noted
    return collectors


if __name__ == "__main__":
    leaps, collectors = Leaps(), note_collectors()
    time.time = leaps.time
    Reactor.seconds = staticmethod(leaps.seconds)
    signal.signal(signal.SIGUSR1, leaps.leap)
    signal.signal(signal.SIGRTMIN, lambda *_: tell(collectors))
    sys.exit(main())
