"""Where clients wait for their turn to begin with TLS.

A handshake is the dearest thing that a client can ask for, and it has several steps.  When
thousands come at once and all begin, all are half done for a long time, and then all are too
late together; who begins when others are done is early or not, but nothing was for nothing.
"""

from __future__ import annotations

import select
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from proxy.net.clock import Clock, Timer, cancel

AT_ONCE: Final = 128
"""Clients between the begin of TLS and the end of their login: a tenth of a second of work, and
as much as a processor can do where the way there and back takes a tenth of a second."""

PATIENCE_SECONDS: Final = 0.5
"""Who takes longer keeps nobody else from beginning: it has a bad line, or wants to be in the
way.  Clients that do nothing but hold places delay others to some 250 a second."""


def has_left(connection: socket.socket | None) -> bool:
    """Whether the other side has closed, though what it had sent before may still be unread.

    A client that waited for too long is gone when its turn comes, and its handshake would take
    the time of those who are there.

    Args:
        connection: plain; None where there is none to look at.
    """
    if connection is None:
        return False
    poller = select.poll()
    poller.register(connection, select.POLLRDHUP)
    return bool(poller.poll(0))


class Entrance:
    """See the module: first come, first served."""

    def __init__(self) -> None:
        self._inside: OrderedDict[object, float] = OrderedDict()
        self._waiting: OrderedDict[object, Callable[[], None]] = OrderedDict()
        self._timer: Timer | None = None
        self._is_letting_in = False

    def __repr__(self) -> str:
        """How many have begun, and how many wait."""
        return f"<Entrance: {len(self._inside)} inside, {len(self._waiting)} waiting>"

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def come(self, guest: object, enter: Callable[[], None], clock: Clock) -> bool:
        """Have somebody begin, now or when it is its turn.

        Args:
            guest: who; `leave` is told when it is done.
            enter: begins.
            clock: tells the time, here and until nobody waits any more.

        Returns:
            Whether it has begun.
        """
        self._waiting[guest] = enter
        self._let_in(clock)
        return guest not in self._waiting

    def leave(self, guest: object, clock: Clock) -> None:
        """It is done, or gone; nothing happens for one that never came."""
        if self._inside.pop(guest, None) is not None:
            self._let_in(clock)
        elif self._waiting.pop(guest, None) is not None and not self._waiting:
            self._watch(clock)

    def _let_in(self, clock: Clock) -> None:
        # Who begins may be done, or gone, in the same call: a loop, and no recursion.
        if self._is_letting_in:
            return
        self._is_letting_in = True
        try:
            now = clock.seconds()
            while self._waiting and self._has_room(now):
                guest, enter = self._waiting.popitem(last=False)
                self._inside[guest] = now
                enter()
        finally:
            self._is_letting_in = False
        self._watch(clock)

    def _has_room(self, now: float) -> bool:
        inside = self._inside
        while inside and now - next(iter(inside.values())) >= PATIENCE_SECONDS:
            inside.popitem(last=False)
        return len(inside) < AT_ONCE

    def _watch(self, clock: Clock) -> None:
        """Look again when the patience with whoever has begun first is at its end."""
        if not self._waiting:
            cancel(self._timer)
            self._timer = None
        elif self._timer is None:
            due = next(iter(self._inside.values())) + PATIENCE_SECONDS
            self._timer = clock.callLater(max(due - clock.seconds(), 0), self._look, clock)

    def _look(self, clock: Clock) -> None:
        self._timer = None
        self._let_in(clock)
