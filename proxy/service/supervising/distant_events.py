"""Events of workers, kept by the supervisor beside its own.

A line of a worker's log is written by the worker, and kept there; a copy comes to the
supervisor, which keeps it for those who ask what has happened, and does not write it again.
Floods are thinned out before (`proxy.observe.flood`); what comes through in spite of that,
of many kinds at once, is sent up to a limit and only counted beyond it.
"""

from __future__ import annotations

import socket
import threading
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.net.clock import Timer, cancel
from proxy.observe.events import Event, Events
from proxy.service.channel import Message
from proxy.service.link import Link, Linked

EVENTS_PER_SECOND: Final = 200
"""Events that a worker sends in a second: twice the burst of one kind that the flood lets
through, some 60 KB; the supervisor keeps no more than a thousand in all."""

LEFT_OUT: Final = "events of a worker were not kept; its log has them"
"""What the supervisor says of those that were only counted."""


class EventsUp:
    """In a worker: sends its events to the supervisor."""

    def __init__(self, link: Link, events: Events, reactor: Any) -> None:
        """Begin with those that are kept already.

        Args:
            link: To the supervisor.
            events: Those of this process.
            reactor: That of the link; this is called in its thread.
        """
        self._link = link
        self._events = events
        self._reactor = reactor
        self._thread = threading.get_ident()
        self._sent = 0
        self._left_out: dict[str, int] = {}
        self._timer: Timer | None = None
        self._before = events.on_added
        for event in events.after(0):
            self._send(event)
        events.on_added = self._added

    def __repr__(self) -> str:
        """How much of a second's room is taken."""
        return f"<EventsUp {self._sent} of {EVENTS_PER_SECOND}>"

    def stop(self) -> None:
        """Send no more; what was left out is said."""
        self._events.on_added = self._before
        cancel(self._timer)
        self._tell_of_left_out()

    def _added(self, event: Event) -> None:
        if threading.get_ident() == self._thread:
            self._send(event)
        else:
            self._reactor.callFromThread(self._send, event)

    def _send(self, event: Event) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(1.0, self._next_second)
        if self._sent >= EVENTS_PER_SECOND:
            self._left_out[event.level] = self._left_out.get(event.level, 0) + 1
            return
        self._sent += 1
        self._link.tell(
            "event", time=event.time, level=event.level, event=event.event, fields=event.fields
        )

    def _next_second(self) -> None:
        self._sent, self._timer = 0, None
        self._tell_of_left_out()

    def _tell_of_left_out(self) -> None:
        if self._left_out:
            self._link.tell("events_left_out", lines=self._left_out)
            self._left_out = {}


class EventsOfWorkers:
    """In the supervisor: keeps them, each with the worker that it is from."""

    def __init__(self, events: Events, log: FilteringBoundLogger) -> None:
        """Begin.

        Args:
            events: Where they are kept.
            log: Hears of what is missing there.
        """
        self._events = events
        self._log = log

    def __repr__(self) -> str:
        """Where they go."""
        return f"<EventsOfWorkers to {self._events!r}>"

    def join(self, member: Linked) -> None:
        """Hear those of a worker."""
        origin = {"worker": member.number}

        def keep(message: Message, _: list[socket.socket]) -> None:
            # In front, where no limit cuts it off, and whatever the worker calls itself.
            fields = origin | message["fields"] | origin
            self._events.add(message["time"], message["level"], message["event"], fields)

        def count(message: Message, _: list[socket.socket]) -> None:
            lines: dict[str, int] = message["lines"]
            for level, number in lines.items():
                self._events.count(level, number)
            self._log.warning(LEFT_OUT, **origin, lines=sum(lines.values()))

        member.link.on("event", keep)
        member.link.on("events_left_out", count)
