"""What has happened lately: lines of the log that an operator may care about, for a while."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

KEPT = 1000
"""Events that are kept: the hours before a failover, in some 500 KB."""


@attrs.frozen(kw_only=True)
class Event:
    """A line of the log.

    Attributes:
        number: Counts up in this process.
        time: ISO 8601 in UTC.
        level: info, warning or error.
        event: What happened.
        fields: What it is about.
    """

    number: int
    time: str
    level: str
    event: str
    fields: Mapping[str, Any]


class Events:
    """The last of them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: collections.deque[Event] = collections.deque(maxlen=kept)
        self.last = 0

    def add(self, time: str, level: str, event: str, fields: Mapping[str, Any]) -> None:
        """Keep a line, and forget the oldest one where there is no room."""
        self.last += 1
        self._events.append(
            Event(number=self.last, time=time, level=level, event=event, fields=fields)
        )

    def after(self, number: int) -> Iterator[Event]:
        """What came after the event of this number; 0 is for all that is kept."""
        return (event for event in tuple(self._events) if event.number > number)
