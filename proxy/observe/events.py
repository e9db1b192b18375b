"""What has happened lately: lines of the log that an operator may care about, for a while.

They are what dashboards, the admin API and the command line show, so that all in them is plain
JSON of a bounded size, and nothing in them can move the cursor of a terminal.
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

KEPT: Final = 1000
"""Events that are kept: the hours before a failover, in some 500 KB."""

KEPT_OF_A_KIND: Final = 200
"""Events of one level and text that are kept: a failover is still there behind a thousand
logins that were refused."""

TEXT_LIMIT: Final = 500
"""Characters of a text: a sentence or two, or a statement's digest."""

ITEMS_LIMIT: Final = 50
"""Fields of an event, and items of a list or a mapping in it: the targets of a large group."""

DEPTH_LIMIT: Final = 4
"""Lists and mappings inside each other; the proxy's own lines have two at most."""

_LARGEST: Final = 2**53
"""Larger numbers are no longer exact in JavaScript, and become texts."""

# C0, DEL, C1, line and paragraph separators, and what turns the direction of a text around.
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


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


Kind = tuple[str, str]


class Events:
    """The last of them; threads add to them, and so do handlers of signals, in between.

    Attributes:
        last: The number of the last one.
        by_level: How many there were, by level.
        on_added: Called with each one, in a thread that logs, mostly its own; may not fail.
    """

    def __init__(self, kept: int = KEPT, kept_of_a_kind: int = KEPT_OF_A_KIND) -> None:
        """Begin without any.

        Args:
            kept: How many there are at most.
            kept_of_a_kind: How many of one level and text.
        """
        self._kept = kept
        self._kept_of_a_kind = kept_of_a_kind
        self._events: dict[int, Event] = {}  # in their order
        self._kinds: dict[Kind, collections.deque[int]] = {}
        self._changes: collections.deque[Callable[[], Event | None]] = collections.deque()
        self._changing = threading.Lock()
        self.last = 0
        self.by_level = {"info": 0, "warning": 0, "error": 0}
        self.on_added: Callable[[Event], None] = _tell_nobody

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Events: {len(self._events)} up to {self.last}>"

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._events)

    def add(self, time: str, level: str, event: str, fields: Mapping[str, Any]) -> None:
        """Keep a line; without room for it the oldest of the most frequent kind gives way."""
        line = (time, level, plain_text(event), plain_fields(fields))
        self._change(functools.partial(self._keep, *line))

    def count(self, level: str, lines: int = 1) -> None:
        """There were so many more, whether they are kept or not."""
        self._change(functools.partial(self._count, level, lines))

    def _change(self, change: Callable[[], Event | None]) -> None:
        """Change what is kept; in the midst of another change whoever is at that does both."""
        self._changes.append(change)
        added: list[Event] = []
        # Nobody waits here: what logs in the midst of a change may be its own thread.
        while self._changes and self._changing.acquire(blocking=False):
            try:
                while self._changes:
                    event = self._changes.popleft()()
                    if event is not None:
                        added.append(event)
            finally:
                self._changing.release()
        for event in added:
            self.on_added(event)

    def _keep(self, time: str, level: str, text: str, fields: Mapping[str, Any]) -> Event:
        self.last += 1
        self._count(level, 1)
        added = Event(number=self.last, time=time, level=level, event=text, fields=fields)
        self._events[self.last] = added
        kind = (level, text)
        numbers = self._kinds.setdefault(kind, collections.deque())
        numbers.append(self.last)
        if len(numbers) > self._kept_of_a_kind:
            self._forget(kind)
        elif len(self._events) > self._kept:
            # Of equally frequent ones, that whose first event is the oldest.
            self._forget(
                max(self._kinds, key=lambda one: (len(self._kinds[one]), -self._kinds[one][0]))
            )
        return added

    def _count(self, level: str, lines: int) -> None:
        self.by_level[level] = self.by_level.get(level, 0) + lines

    def _forget(self, kind: Kind) -> None:
        numbers = self._kinds[kind]
        del self._events[numbers.popleft()]
        if not numbers:
            del self._kinds[kind]

    def after(self, number: int) -> Iterator[Event]:
        """What came after the event of this number; 0 is for all that is kept."""
        kept = self._events.copy()  # at one stroke, whoever adds to them
        return (event for event in kept.values() if event.number > number)


def _tell_nobody(_: Event) -> None:
    """Nobody wants to know."""


def plain_text(text: str) -> str:
    """A text without control characters, cut to `TEXT_LIMIT`."""
    cut = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
    return _CONTROL.sub("?", cut)


def plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an event as plain JSON."""
    return {
        plain_text(str(name)): plain(value)
        for name, value in itertools.islice(fields.items(), ITEMS_LIMIT)
    }


def plain(value: object, depth: int = DEPTH_LIMIT) -> Any:
    """Make a value plain JSON: what has no place there becomes a text."""
    match value:
        case None | bool():
            return value
        case int() if abs(value) <= _LARGEST:
            return int(value)
        case float() if value - value == 0:  # neither infinite nor no number
            return float(value)
        case str():
            return plain_text(value)
        case bytes():
            return plain_text(value[: TEXT_LIMIT + 1].decode("utf-8", "replace"))
        case Mapping() if depth:
            return {
                plain_text(str(name)): plain(inner, depth - 1)
                for name, inner in itertools.islice(value.items(), ITEMS_LIMIT)
            }
        case list() | tuple() | set() | frozenset() if depth:
            return [plain(inner, depth - 1) for inner in itertools.islice(value, ITEMS_LIMIT)]
    return plain_text(_told(value))


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what cannot say itself must not stop who logs it
        return f"<{type(value).__name__}>"
