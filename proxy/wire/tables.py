"""Result sets that the proxy makes itself, in the text protocol.

Source: MySQL internals manual, "Text Resultset", "Column Definition"; lengths and decimals of
numbers as both servers send them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import attrs

from proxy.wire.constants import Capability, FieldType
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Ok

Value: TypeAlias = int | float | str | None
"""A value of a row; what is true or false is 1 or 0, and None is NULL."""

_UTF8MB4: Final = 45
"""utf8mb4_general_ci: MySQL and MariaDB both have it."""

_BINARY: Final = 63
"""The collation of what is no text."""

_BINARY_FLAG: Final = 0x80
_TEXT_BYTES: Final = 65_535
"""What is said of how long a text may be; clients that show tables look at the texts."""

_NULL: Final = b"\xfb"
_DEPRECATE_EOF: Final = int(Capability.DEPRECATE_EOF)


class Kind(enum.Enum):
    """What a column holds: (type, collation, length, flags, decimals)."""

    TEXT = (int(FieldType.VAR_STRING), _UTF8MB4, _TEXT_BYTES, 0, 0)
    WHOLE = (int(FieldType.LONGLONG), _BINARY, 20, _BINARY_FLAG, 0)
    FRACTION = (int(FieldType.DOUBLE), _BINARY, 22, _BINARY_FLAG, 31)


@attrs.frozen
class TableColumn:
    """A column of a table."""

    name: str
    kind: Kind = Kind.TEXT

    def encode(self) -> bytes:
        """Its definition (ColumnDefinition41); it stands in no table."""
        name = lenenc_bytes(_bytes(self.name))
        kind, collation, length, flags, decimals = self.kind.value
        return (
            b"\x03def\x00\x00\x00"
            + name
            + name
            + b"\x0c"
            + collation.to_bytes(2, "little")
            + length.to_bytes(4, "little")
            + bytes((kind,))
            + flags.to_bytes(2, "little")
            + bytes((decimals, 0, 0))
        )


def encode_row(values: Iterable[Value]) -> bytes:
    """A row of the text protocol."""
    return b"".join(
        _NULL if value is None else lenenc_bytes(_bytes(_text(value))) for value in values
    )


def encode_table(
    columns: Sequence[TableColumn], rows: Sequence[bytes], capabilities: int, status: int
) -> tuple[bytes, ...]:
    """The payloads of a whole result set.

    Args:
        columns: At least one.
        rows: As `encode_row` makes them, each as long as the columns.
        capabilities: Those of the client: whether EOF packets stand in it.
        status: Of the session.
    """
    head = (lenenc_int(len(columns)), *(column.encode() for column in columns))
    end = encode_end(capabilities, status)
    return (*head, *rows, end) if capabilities & _DEPRECATE_EOF else (*head, end, *rows, end)


def encode_end(capabilities: int, status: int) -> bytes:
    """What stands at the end of a result: EOF, or OK with the same first byte."""
    if capabilities & _DEPRECATE_EOF:
        return Ok(status=status, header=0xFE).encode(capabilities)
    return Eof(status=status).encode()


def _text(value: float | str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else repr(value)


def _bytes(text: str) -> bytes:
    """Names of users may have bytes that are no UTF-8."""
    return text.encode("utf-8", "replace")
