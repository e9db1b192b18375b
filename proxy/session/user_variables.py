"""User variables: read from one backend with their types, written to another.

MySQL manual, "User-Defined Variables": a value is an integer, a decimal, a floating-point
number, a string with a collation, or NULL of one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from proxy.wire.constants import UNSIGNED, FieldType
from proxy.wire.responses import Column

UserVariables = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, sorted, and for each what a SET says of it."""

LIMIT_BYTES: Final = 65_536
"""What the user variables of one session may take; with more it keeps its backend."""

_COLUMNS_EACH: Final = 3

_DECIMALS: Final = frozenset((FieldType.DECIMAL, FieldType.NEWDECIMAL))
_FLOATS: Final = frozenset((FieldType.FLOAT, FieldType.DOUBLE))


def quoted(name: bytes) -> bytes:
    """The variable as a statement names it."""
    return b"@`" + name.replace(b"`", b"``") + b"`"


def reading(names: Iterable[bytes]) -> list[bytes]:
    """Select items that tell all of these variables: three for each.

    The bytes of a string are read as binary, so that the charset of results does not matter.
    """
    items = []
    for name in names:
        word = quoted(name)
        items += [word, b"CAST(%s AS BINARY)" % word, b"CAST(COLLATION(%s) AS BINARY)" % word]
    return items


def assignments(
    names: Sequence[bytes], columns: Sequence[Column], row: Sequence[bytes | None]
) -> dict[bytes, bytes]:
    """What a SET says to give each variable its value again, from the answer to `reading`.

    Those that were never set are left out.
    """
    found = {}
    for index, name in enumerate(names):
        at = index * _COLUMNS_EACH
        if row[at] is None and _is_unset(columns[at]):
            continue
        found[name] = assignment(name, columns[at], row[at + 1], row[at + 2] or b"binary")
    return found


def _is_unset(column: Column) -> bool:
    """Whether a NULL is that of a variable never set, by its column: measured on both servers.

    MySQL gives it as VARCHAR, MariaDB with one byte more than a LONGBLOB can have.
    """
    return column.type == FieldType.VAR_STRING or column.length == 1 << 24


def assignment(name: bytes, column: Column, value: bytes | None, collation: bytes) -> bytes:
    """What gives a variable this value, type and collation, whatever it had before.

    Args:
        name: The variable.
        column: Of a result with the variable itself.
        value: Its value as bytes, None for NULL.
        collation: The name of its collation, `binary` for numbers and bytes.
    """
    word = quoted(name)
    if column.type == FieldType.LONGLONG:
        number = b"NULL" if value is None else value
        if column.flags & UNSIGNED:
            return b"%s = CAST(%s AS UNSIGNED)" % (word, number)
        return b"%s = CAST(%s AS SIGNED)" % (word, number)
    if column.type in _DECIMALS:
        if value is None:
            return word + b" = CAST(NULL AS DECIMAL)"
        return word + b" = " + (value if b"." in value else value + b".")
    if column.type in _FLOATS:
        if value is None:
            return word + b" = (NULL + 0e0)"
        return word + b" = " + (value if b"e" in value else value + b"e0")
    if collation == b"binary":
        written = b"x'%s'" % (value or b"").hex().encode()
    else:
        charset = collation.partition(b"_")[0]
        hexadecimal = (value or b"").hex().encode()
        written = b"_%s x'%s' COLLATE %s" % (charset, hexadecimal, collation)
    if value is None:
        # A NULL leaves a variable the type and collation that it had, so it gets these first.
        return b"%s = %s, %s = NULL" % (word, written, word)
    return word + b" = " + written


def size(variables: UserVariables) -> int:
    """Bytes that a session's variables take."""
    return sum(len(name) + len(value) for name, value in variables)
