"""Warnings and errors that a session remembers: those that SHOW WARNINGS told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from proxy.vocabulary import ServerKind
from proxy.wire.primitives import Malformed, lenenc_bytes
from proxy.wire.responses import parse_text_row

SQLSTATES: Final[Mapping[int, str]] = {
    1048: "23000",
    1050: "42S01",
    1051: "42S02",
    1054: "42S22",
    1062: "23000",
    1064: "42000",
    1091: "42000",
    1146: "42S02",
    1264: "22003",
    1265: "01000",
    1292: "22007",
    1365: "22012",
    1406: "22001",
    1441: "22008",
    **dict.fromkeys(
        (1003, 1007, 1008, 1260, 1287, 1300, 1301, 1364, 1366, 1411, 1681), "HY000"
    ),
}
"""SQLSTATEs of usual conditions, which SHOW WARNINGS does not tell (measured)."""

_EMPTY: Final = (
    "CATALOG_NAME",
    "COLUMN_NAME",
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_NAME",
    "CONSTRAINT_SCHEMA",
    "CURSOR_NAME",
    "SCHEMA_NAME",
    "TABLE_NAME",
)
"""Items that only SIGNAL fills."""


@attrs.frozen
class Conditions:
    """Warnings, notes and errors, as SHOW WARNINGS told them.

    Attributes:
        head: Payloads of the column count and of the column definitions.
        rows: Payloads of the rows.
    """

    head: tuple[bytes, ...] = attrs.field(repr=False)
    rows: tuple[bytes, ...] = attrs.field(repr=False)

    @property
    def errors(self) -> tuple[bytes, ...]:
        """The rows that SHOW ERRORS would tell: the first column says which."""
        return tuple(row for row in self.rows if row.startswith(b"\x05Error"))

    def items(self, number: int, kind: ServerKind, last_error: str) -> dict[str, int | bytes]:
        """What GET DIAGNOSTICS gives of a condition, as far as it is known.

        Args:
            number: Which one, from 1 on.
            kind: Whose.
            last_error: The SQLSTATE of the ERR packet that the statement ended in, if it did.
        """
        if not 0 < number <= len(self.rows):
            return {}
        row = parse_text_row(self.rows[number - 1])
        if isinstance(row, Malformed) or len(row) != 3:
            return {}
        level, code, message = (value or b"" for value in row)
        found: dict[str, int | bytes] = {"MYSQL_ERRNO": int(code)}
        if message.isascii():  # else its charset is that of the session's results
            found["MESSAGE_TEXT"] = message
        is_last = level == b"Error" and number == len(self.rows)
        state = (last_error if is_last else "") or SQLSTATES.get(int(code), "")
        if state:
            found["RETURNED_SQLSTATE"] = state.encode()
            origin = b"" if kind is ServerKind.MARIADB else b"ISO 9075"
            found["CLASS_ORIGIN"] = found["SUBCLASS_ORIGIN"] = origin
            if state != "45000":
                found.update(dict.fromkeys(_EMPTY, b""))
        return found


def binary_row(row: bytes) -> bytes:
    """A row of SHOW WARNINGS in the binary protocol: level, code (INT), message.

    Layout: 00, NULL bitmap (1), level (length-encoded), code (4), message (length-encoded).
    """
    values = parse_text_row(row)
    assert not isinstance(values, Malformed)
    level, code, message = (value or b"" for value in values)
    number = int(code).to_bytes(4, "little")
    return b"\x00\x00" + lenenc_bytes(level) + number + lenenc_bytes(message)
