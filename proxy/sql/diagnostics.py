"""GET DIAGNOSTICS: which items of the diagnostics area it puts into which user variables.

Source: MySQL manual, "GET DIAGNOSTICS Statement"; MariaDB's page of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

from proxy.sql.dialect import Dialect
from proxy.sql.lexer import lex

OF_STATEMENT: Final = frozenset(("NUMBER", "ROW_COUNT"))

_GET: Final = re.compile(r"GET (?:CURRENT )?DIAGNOSTICS ")
_PLAIN_NAME: Final = re.compile(r"@[a-z0-9_$.]+", re.ASCII)


@attrs.frozen
class Wanted:
    """What a GET DIAGNOSTICS asks for.

    Attributes:
        condition: Which condition, from 1 on; 0 for items of the statement.
        items: User variables with their `@`, each with the item that it gets.
    """

    condition: int
    items: tuple[tuple[str, str], ...]


def read_diagnostics(text: bytes, dialect: Dialect) -> Wanted | None:
    """What a text asks for; None for all but a GET DIAGNOSTICS with plain names and numbers."""
    lexed = lex(text, dialect)
    if lexed.trouble or lexed.without is not None:
        return None
    tokens = [*lexed.tokens]
    while tokens and tokens[-1] == ";":
        tokens.pop()
    head = _GET.match(" ".join(tokens[:4]) + " ")
    if head is None:
        return None
    tokens = tokens[head.group().count(" ") :]
    condition = 0
    if tokens[:1] == ["CONDITION"]:
        if len(tokens) < 2 or not tokens[1].isdigit():
            return None
        condition = int(tokens[1])
        tokens = tokens[2:]
    items = []
    while tokens:
        target, equals, item, comma = (*tokens[:4], "", "", "")[:4]
        known = condition or item in OF_STATEMENT
        if not (known and equals == "=" and _PLAIN_NAME.fullmatch(target)):
            return None
        if comma not in ("", ",") or (comma and len(tokens) < 5):
            return None
        items.append((target, item))
        tokens = tokens[4:]
    return Wanted(condition, tuple(items)) if items else None


def assigned(wanted: Wanted, values: Mapping[str, int | bytes]) -> bytes | None:
    """A SET that gives the variables what GET DIAGNOSTICS would; None when a value is missing.

    Args:
        wanted: Which variables, and which items.
        values: Items by name; texts in UTF-8 of three bytes at the most for each character.
    """
    parts = []
    for target, item in wanted.items:
        value = values.get(item)
        if value is None:
            return None
        if isinstance(value, bytes):
            # The servers give utf8mb3, of which MySQL warns when a statement names it.
            written = b"CONCAT(LEFT(VERSION(), 0), _utf8mb4 x'%s')" % value.hex().encode()
        else:
            sign = b"SIGNED" if item == "ROW_COUNT" else b"UNSIGNED"
            written = b"CAST(%d AS %s)" % (value, sign)
        parts.append(target.encode() + b" = " + written)
    return b"SET " + b", ".join(parts)
