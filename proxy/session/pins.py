"""Why a session keeps its backend, and until when."""

from __future__ import annotations

import enum

import attrs


class Ends(enum.Enum):
    """What ends a pin."""

    RESET = "reset, change of user or disconnect"
    STATEMENT = "the next statement"
    TRANSACTION = "the end of the next transaction"
    RELEASE = "its own opposite: unlock, release, close, execute"


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


ENDS: dict[PinReason, Ends] = {
    PinReason.NAMED_LOCK: Ends.RELEASE,
    PinReason.TABLE_LOCK: Ends.RELEASE,
    PinReason.READ_LOCK: Ends.RELEASE,
    PinReason.INSTANCE_LOCK: Ends.RELEASE,
    PinReason.CURSOR: Ends.RELEASE,
    PinReason.LONG_DATA: Ends.RELEASE,
    PinReason.NEXT_TRANSACTION: Ends.TRANSACTION,
    PinReason.SAVEPOINT: Ends.TRANSACTION,
    PinReason.FOUND_ROWS: Ends.STATEMENT,
    PinReason.DIAGNOSTICS: Ends.STATEMENT,
}
"""What ends each pin; RESET where nothing is said."""


@attrs.frozen
class Pin:
    """A pin of one session.

    Attributes:
        reason: Why.
        statement: The text that caused it, without its literals.
        detail: Which one, where there can be several: a statement id.
    """

    reason: PinReason
    statement: str = ""
    detail: int = 0


class Pins:
    """The pins of one session; empty means that it may share."""

    __slots__ = ("_pins",)

    def __init__(self) -> None:
        self._pins: dict[tuple[PinReason, int], Pin] = {}

    def __bool__(self) -> bool:
        return bool(self._pins)

    def __len__(self) -> int:
        return len(self._pins)

    def __contains__(self, reason: PinReason) -> bool:
        return any(pin.reason is reason for pin in self._pins.values())

    def __repr__(self) -> str:
        """The reasons."""
        return f"<Pins {', '.join(sorted({pin.reason.name for pin in self._pins.values()}))}>"

    def has(self, reason: PinReason, detail: int) -> bool:
        """Whether there is a pin of this reason for this detail."""
        return (reason, detail) in self._pins

    def add(self, pin: Pin) -> bool:
        """Add a pin; whether there was none of this reason before."""
        new = pin.reason not in self
        self._pins[pin.reason, pin.detail] = pin
        return new

    def end(self, reason: PinReason, detail: int | None = None) -> None:
        """End the pins of this reason, or one of them."""
        if detail is not None:
            self._pins.pop((reason, detail), None)
            return
        for key in [key for key in self._pins if key[0] is reason]:
            del self._pins[key]

    def end_all(self, ends: Ends) -> None:
        """End every pin that is ended by this."""
        for key in [key for key in self._pins if ENDS.get(key[0], Ends.RESET) is ends]:
            del self._pins[key]

    def clear(self) -> None:
        """The backend was reset: nothing is left of what pinned."""
        self._pins.clear()
