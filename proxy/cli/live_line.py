"""A line that tells how the proxy does, and lives."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

import attrs
from twisted.internet.task import LoopingCall

from proxy.front.proxy import Proxy

TERMINAL_SECONDS = 0.2
"""How often it is written anew on a terminal: a hold of half a second is seen."""

LINE_SECONDS = 1.0
"""How often there is another line elsewhere; and the time whose statements make up the rate."""

_ERASE = "\r\x1b[K"


@attrs.frozen(kw_only=True)
class Sight:
    """How the proxy does.

    Attributes:
        rate: Statements per second.
        errors: That clients have heard; None where nobody counts them.
        writer: The address of the target that takes the writes.
        held: Whether clients have to wait for the writer.
        clients: Who is connected.
        connections: Those to the writer.
        limit: How many of them there may be.
        waiting: Clients that wait for one.
    """

    rate: float
    errors: int | None
    writer: str
    held: bool
    clients: int
    connections: int
    limit: int
    waiting: int

    def __str__(self) -> str:
        parts = [f"{self.rate:.0f} statements/s"]
        if self.errors is not None:
            parts.append(f"{self.errors} errors")
        parts += [
            f"writer {self.writer}{' HELD' if self.held else ''}",
            f"{self.clients} clients on {self.connections} of {self.limit} connections",
            f"{self.waiting} waiting",
        ]
        return " | ".join(parts)


class LiveLine:
    """Writes it, in place on a terminal, and sentences above it.

    Between two writings the cursor stands at its beginning, so that what others write there
    takes its place.
    """

    def __init__(
        self,
        proxy: Proxy,
        reactor: Any,
        errors: Callable[[], int] | None = None,
        out: TextIO | None = None,
    ) -> None:
        """Write nothing yet.

        Args:
            proxy: How that does.
            reactor: Its time.
            errors: How many errors clients have heard; None where nobody knows.
            out: Where to; None is standard output.
        """
        self._proxy = proxy
        self._clock = reactor
        self._errors = errors
        self._out = sys.stdout if out is None else out
        self._in_place = self._out.isatty()
        self._interval = TERMINAL_SECONDS if self._in_place else LINE_SECONDS
        self._counts: deque[tuple[float, int]] = deque()
        self._calling: Any = LoopingCall(self._write_line)
        self._calling.clock = reactor

    def start(self) -> None:
        """Write it now and then, until `stop`."""
        self._count()
        self._calling.start(self._interval, now=False)

    def say(self, text: str) -> None:
        """Say something that stays."""
        self._write(f"{_ERASE if self._in_place else ''}{text}\n")

    def stop(self) -> None:
        """Write it no more; what comes next begins a line of its own."""
        if self._calling.running:
            self._calling.stop()
            if self._in_place:
                self._write(_ERASE)

    def sight(self) -> Sight:
        """How the proxy does now."""
        pool = self._proxy.pool
        ledger = pool.ledger
        return Sight(
            rate=self._count(),
            errors=None if self._errors is None else self._errors(),
            writer=pool.place,
            held=ledger.held,
            clients=self._proxy.count,
            connections=ledger.total,
            limit=ledger.limits.connections,
            waiting=len(ledger.waiting),
        )

    def _count(self) -> float:
        """Statements per second since the first look of the last second or so."""
        counts, now = self._counts, self._clock.seconds()
        counts.append((now, self._proxy.counters.query_requests))
        while len(counts) > 2 and now - counts[1][0] >= LINE_SECONDS:
            counts.popleft()
        (began, before), (ended, after) = counts[0], counts[-1]
        return (after - before) / (ended - began) if ended > began else 0.0

    def _write_line(self) -> None:
        line = str(self.sight())
        if self._in_place:
            room = shutil.get_terminal_size().columns - 1
            self._write(f"{_ERASE}{line[:room]}\r")
        else:
            self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
