"""Twisted's epoll reactor with a shorter way for the common event: there is something to read.

Twisted gives each event a logging context of its own, which says whose lines are logged; ours
say that by themselves (structlog).  Between two waits it looks for timers, calls of threads and
the end of the program; ours looks when there is one.  Both cost as much as a small packet's way
through the proxy.  Its time is a clock that nobody sets: timers must neither stand still nor
all be due when the system's is set.  All other events, and all errors, go Twisted's own way.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import epollreactor, main
from twisted.internet.base import DelayedCall
from twisted.logger import Logger

from proxy.net import rounds

_log = Logger()


class Reactor(epollreactor.EPollReactor):
    """See the module.

    Attributes:
        rounds: Events are served as long as it is undisturbed.
    """

    def __init__(self) -> None:
        self.rounds = rounds.Rounds(self)
        super().__init__()

    def mainLoop(self) -> None:
        """Serve events and timers until the reactor is stopped."""
        while self._started:
            try:
                self.rounds.disturbed = False
                self.runUntilCurrent()
                self.rounds.serve(self.timeout() if self.running else 0)
            except Exception:  # noqa: BLE001 - a mistake must not end the program
                _log.failure("Unexpected error in main loop.")

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, `timeout` seconds at most, and serve them."""
        self.rounds.disturbed = True
        self.rounds.serve(timeout)

    doIteration = doPoll  # noqa: N815 - Twisted's name

    def seconds(self) -> float:
        """See `twisted.internet.interfaces.IReactorTime`: a clock that nobody sets."""
        return time.monotonic()

    # What has to be looked at before the next wait

    def callLater(self, *args: Any, **kwargs: Any) -> DelayedCall:
        """See `twisted.internet.interfaces.IReactorTime`."""
        self.rounds.disturbed = True
        return super().callLater(*args, **kwargs)

    def _moveCallLaterSooner(self, *args: Any) -> None:
        self.rounds.disturbed = True
        super()._moveCallLaterSooner(*args)

    def stop(self) -> None:
        """See `twisted.internet.interfaces.IReactorCore`; who is told twice stops once.

        A signal may come while the end has begun already, as that of a service manager does
        that ends all processes of a service.
        """
        self.rounds.disturbed = True
        if not (self._stopped and self._startedBefore):
            super().stop()

    def crash(self) -> None:
        """See `twisted.internet.interfaces.IReactorCore`."""
        self.rounds.disturbed = True
        super().crash()


def install() -> None:
    """Make it the reactor of this process, unless there is one already."""
    if "twisted.internet.reactor" not in sys.modules:
        main.installReactor(Reactor())
