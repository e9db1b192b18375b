"""Twisted's epoll reactor with a shorter way for the common event: there is something to read.

Twisted gives each event a logging context of its own, which says whose lines are logged; ours
say that by themselves (structlog), and a context costs as much as a small packet's whole way
through the proxy.  All other events, and all errors, go Twisted's own way.
"""

from __future__ import annotations

import select
import sys
from typing import Any, cast

from twisted.internet import epollreactor, main
from twisted.python import log

_READABLE = select.EPOLLIN


class Reactor(epollreactor.EPollReactor):
    """See the module."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, `timeout` seconds at most, and serve them."""
        selectables = cast("dict[int, Any]", self._selectables)
        try:
            ready = self._poller.poll(-1 if timeout is None else timeout, len(selectables))
        except InterruptedError:
            return
        for fd, event in ready:
            selectable = selectables.get(fd)
            if selectable is None:
                continue  # closed by what was served before it
            if event == _READABLE:
                try:
                    why = selectable.doRead()
                except Exception as error:  # noqa: BLE001 - a mistake costs its connection only
                    why = error
                    log.err()
                if why is not None:
                    self._disconnectSelectable(selectable, why, isRead=True)
            else:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)

    doIteration = doPoll  # noqa: N815 - Twisted's name


def install() -> None:
    """Make it the reactor of this process, unless there is one already."""
    if "twisted.internet.reactor" not in sys.modules:
        main.installReactor(Reactor())
