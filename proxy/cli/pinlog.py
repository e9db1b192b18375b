"""The pins that a log of the proxy tells of, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import attrs

from proxy.session.advice import reason_called

PINNED = "The client session was pinned to the database connection."
"""The message of the line: RDS Proxy's sentence."""

UNKNOWN = "(unknown)"
"""For a line without a reason or a statement."""


@attrs.frozen
class Cause:
    """What pinned.

    Attributes:
        reason: Name of the `PinReason`, or the words of the line where they are none of ours.
        statement: The digest that the line gives.
    """

    reason: str
    statement: str


@attrs.define
class PinLog:
    """What was found in a log.

    Attributes:
        times: How often each cause pinned.
        lines: JSON lines that were read.
        others: Lines that were no JSON.
        first: Time of the first pin, as the line has it; empty where there is none.
        last: Time of the last.
    """

    times: Counter[Cause] = attrs.field(factory=Counter)
    lines: int = 0
    others: int = 0
    first: str = ""
    last: str = ""

    @property
    def pins(self) -> int:
        """All pins together."""
        return self.times.total()

    def by_reason(self) -> list[tuple[str, int]]:
        """How often each reason pinned, most frequent first."""
        found: Counter[str] = Counter()
        for cause, times in self.times.items():
            found[cause.reason] += times
        return found.most_common()

    def only(self, reason: str) -> PinLog:
        """The same with the pins of one reason."""
        kept = {cause: times for cause, times in self.times.items() if cause.reason == reason}
        return attrs.evolve(self, times=Counter(kept))


def read_log(lines: Iterable[str]) -> PinLog:
    """Count the pins in a log with `format: json`.

    A line may have a beginning that is not ours, as the journal and container logs add it.

    Args:
        lines: Of the log; they are not kept.
    """
    log = PinLog()
    for line in lines:
        fields = _fields(line)
        if fields is None:
            log.others += bool(line.strip())
            continue
        log.lines += 1
        if fields.get("message") != PINNED:
            continue
        log.times[_cause(fields)] += 1
        if when := _text(fields.get("timestamp"), ""):
            log.first = log.first or when
            log.last = when
    return log


def _fields(line: str) -> dict[str, Any] | None:
    begin = line.find("{")
    if begin < 0:
        return None
    try:
        found = json.loads(line[begin:])
    # Deeply nested brackets exhaust the parser's stack.
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _cause(fields: dict[str, Any]) -> Cause:
    words = _text(fields.get("reason"), UNKNOWN)
    reason = reason_called(words)
    return Cause(reason.name if reason else words, _text(fields.get("statement"), UNKNOWN))


def _text(value: object, otherwise: str) -> str:
    """A text that can be shown on a terminal."""
    if not isinstance(value, str) or not value.strip():
        return otherwise
    return "".join(letter if letter.isprintable() else "?" for letter in value)
