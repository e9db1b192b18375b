"""The innermost loop of the reactor: wait for events, serve them, wait again."""

from __future__ import annotations

import select
import time
from typing import Any, Final

from twisted.python import log

_READABLE: Final = select.EPOLLIN

_AT_ONCE: Final = 256
"""Events that are served before the reactor asks for more: those that come meanwhile stay in
order behind them, whatever the number of connections is."""


class Rounds:
    """Serves events for a reactor.

    Attributes:
        disturbed: Something else has to be looked at before the next wait: a new timer, or the
            end of the program.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.disturbed = False

    def serve(self, timeout: float | None) -> None:
        """Wait for events and serve them, again and again until disturbed.

        Args:
            timeout: Seconds until the next timer; None while there is none.
        """
        reactor = self._reactor
        poll: Any = reactor._poller.poll  # noqa: SLF001 - it is of one piece with the reactor
        selectables: dict[int, Any] = reactor._selectables  # noqa: SLF001 - likewise
        due = 0.0 if timeout is None else time.monotonic() + timeout
        left = -1.0 if timeout is None else timeout
        while True:
            try:
                ready: list[tuple[int, int]] = poll(left, _AT_ONCE)
            except InterruptedError:
                return
            for fd, event in ready:
                self._serve(selectables, fd, event)
            # What a thread wants is in the queue before it wakes the reactor.
            if self.disturbed or reactor.threadCallQueue:
                return
            if timeout is not None:
                left = due - time.monotonic()
                if left <= 0:
                    return

    def _serve(self, selectables: dict[int, Any], fd: int, event: int) -> None:
        selectable = selectables.get(fd)
        if selectable is None:
            return  # closed by what was served before it
        if event != _READABLE:
            reactor = self._reactor
            log.callWithLogger(selectable, reactor._doReadOrWrite, selectable, fd, event)  # noqa: SLF001 - likewise
            return
        why: object = None
        try:
            why = selectable.doRead()
        except Exception as error:  # noqa: BLE001 - a mistake costs its connection only
            why = error
            log.err()
        if why is not None:
            self._reactor._disconnectSelectable(selectable, why, isRead=True)  # noqa: SLF001 - likewise
