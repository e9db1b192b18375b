"""Why a session keeps its backend, and until when."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs


class Ends(enum.Enum):
    """What ends a pin."""

    RESET = "reset, change of user or disconnect"
    STATEMENT = "the next statement"
    TRANSACTION = "the end of the next transaction"
    RELEASE = "its own opposite: unlock, release, drop, close, execute"


class PinReason(enum.Enum):
    """What cannot follow a session to another backend; the value is what an operator reads."""

    USER_VARIABLE = "The session set a user variable."
    SESSION_VARIABLE = "SQL changed session settings that the proxy doesn't track."
    TEMPORARY_TABLE = "The session made a temporary table."
    NAMED_LOCK = "The session took a named lock."
    TABLE_LOCK = "The session locked tables."
    READ_LOCK = "The session took the global read lock."
    INSTANCE_LOCK = "The session took an instance or backup lock."
    HANDLER = "The session opened a table by HANDLER."
    TEXT_PREPARE = "The session prepared a statement by SQL PREPARE."
    ROLE = "The session set its active roles."
    NEXT_TRANSACTION = "The session set characteristics of its next transaction only."
    SAVEPOINT = "The session set a savepoint before its transaction began."
    SEQUENCE = "The session drew from a sequence, whose last value it may ask for."
    XA = "The session works on an XA transaction."
    FOUND_ROWS = "A statement counted rows for FOUND_ROWS()."
    DIAGNOSTICS = "The last statement left warnings that the session may read."
    CURSOR = "The session reads from a server-side cursor."
    LONG_DATA = "The session sent long data for a prepared statement."
    ROUTINE = "A stored routine ran, and changed the session in a way that nobody reports."
    UNREPORTED = "The server reports a change of the session that nothing explains."
    UNTRACKED = "The server reports no changes of a session, and the statement made one."
    OPAQUE = "The proxy could not read the statement to its end."


ENDS: Final[Mapping[PinReason, Ends]] = {
    PinReason.TEMPORARY_TABLE: Ends.RELEASE,
    PinReason.NAMED_LOCK: Ends.RELEASE,
    PinReason.TABLE_LOCK: Ends.RELEASE,
    PinReason.READ_LOCK: Ends.RELEASE,
    PinReason.INSTANCE_LOCK: Ends.RELEASE,
    PinReason.HANDLER: Ends.RELEASE,
    PinReason.TEXT_PREPARE: Ends.RELEASE,
    PinReason.CURSOR: Ends.RELEASE,
    PinReason.LONG_DATA: Ends.RELEASE,
    # Both servers say that a transaction is open until XA COMMIT or XA ROLLBACK; MySQL until
    # XA PREPARE, for from there on any session may finish it (xa_detach_on_prepare).
    PinReason.XA: Ends.TRANSACTION,
    PinReason.NEXT_TRANSACTION: Ends.TRANSACTION,
    PinReason.SAVEPOINT: Ends.TRANSACTION,
    PinReason.FOUND_ROWS: Ends.STATEMENT,
    PinReason.DIAGNOSTICS: Ends.STATEMENT,
}
"""What ends each pin; RESET where nothing is said."""


FILTERS: Final[Mapping[str, frozenset[PinReason]]] = {
    # RDS Proxy's: "every SET", of user variables and of system variables.
    "EXCLUDE_VARIABLE_SETS": frozenset((PinReason.USER_VARIABLE, PinReason.SESSION_VARIABLE)),
    "EXCLUDE_USER_VARIABLES": frozenset((PinReason.USER_VARIABLE,)),
    "EXCLUDE_SESSION_VARIABLES": frozenset((PinReason.SESSION_VARIABLE,)),
    "EXCLUDE_ROUTINES": frozenset((PinReason.ROUTINE,)),
    "EXCLUDE_SEQUENCES": frozenset((PinReason.SEQUENCE,)),
    "EXCLUDE_UNREPORTED_CHANGES": frozenset((PinReason.UNREPORTED,)),
    "EXCLUDE_OPAQUE_STATEMENTS": frozenset((PinReason.OPAQUE,)),
}
"""Reasons that each member of `session_pinning_filters` declares harmless, by its name.

No filter has a reason that would hand another client a lock, a cursor, a transaction or its
settings, a role, or a table or statement under a name of its own.
"""


def ignored_reasons(filters: Iterable[str]) -> frozenset[PinReason]:
    """The reasons that do not pin under these filters.

    Args:
        filters: Names of `session_pinning_filters`.
    """
    return frozenset[PinReason]().union(*(FILTERS[name] for name in filters))


SOME_NAME: Final = ""
"""The detail of a thing whose name the text does not tell."""


@attrs.frozen
class Pin:
    """A pin of one session.

    Attributes:
        reason: Why.
        statement: The text that caused it, without its literals.
        detail: Which one, where there can be several: the id of a statement, or the name of a
            table, handler, statement or lock (`SOME_NAME` where it is not known).
        since: When it began, in seconds of the caller's clock.
    """

    reason: PinReason
    statement: str = ""
    detail: int | str = 0
    since: float = 0.0

    def age(self, now: float) -> float:
        """How many seconds it has lasted; `now` is of the clock that `since` is of."""
        return now - self.since


class Pins:
    """The pins of one session; empty means that it may share."""

    __slots__ = ("_pins",)

    def __init__(self) -> None:
        self._pins: dict[tuple[PinReason, int | str], Pin] = {}

    def __bool__(self) -> bool:
        return bool(self._pins)

    def __len__(self) -> int:
        return len(self._pins)

    def __iter__(self) -> Iterator[Pin]:
        """The pins as they are now, in the order in which they came."""
        return iter(tuple(self._pins.values()))

    def __contains__(self, reason: PinReason) -> bool:
        return any(key[0] is reason for key in self._pins)

    def __repr__(self) -> str:
        """The reasons."""
        return f"<Pins {', '.join(sorted({key[0].name for key in self._pins}))}>"

    def has(self, reason: PinReason, detail: int | str) -> bool:
        """Whether there is a pin of this reason for this detail."""
        return (reason, detail) in self._pins

    def oldest(self) -> Pin | None:
        """The pin that has lasted longest; None where there is none."""
        return min(self._pins.values(), key=lambda pin: pin.since, default=None)

    def add(self, pin: Pin) -> bool:
        """Add a pin; whether there was none of this reason before.

        One that is there already goes on: its cause and its beginning stay what they were.
        """
        new = pin.reason not in self
        self._pins.setdefault((pin.reason, pin.detail), pin)
        return new

    def end(self, reason: PinReason, detail: int | str | None = None) -> None:
        """End the pins of this reason, or one of them.

        To end `SOME_NAME` alone does nothing: what was ended may be another one.
        """
        if detail is None:
            self._drop(key for key in self._pins if key[0] is reason)
        elif detail != SOME_NAME:
            self._pins.pop((reason, detail), None)

    def end_all(self, ends: Ends) -> None:
        """End every pin that is ended by this."""
        self._drop(key for key in self._pins if ENDS.get(key[0], Ends.RESET) is ends)

    def clear(self) -> None:
        """The backend was reset: nothing is left of what pinned."""
        self._pins.clear()

    def _drop(self, keys: Iterable[tuple[PinReason, int | str]]) -> None:
        for key in tuple(keys):
            del self._pins[key]
