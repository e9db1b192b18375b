"""
Statements that look at what the one before left: SHOW WARNINGS, ROW_COUNT() and their like.

Source: MySQL manual, "SHOW WARNINGS Statement", "SHOW ERRORS Statement", "Information
Functions"; the pages of the same names in MariaDB's.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from proxy.sql.dialect import Dialect
from proxy.sql.lexer import COMMENT, HINTS, LINE_COMMENT, quoting, words

READ_LIMIT_BYTES: Final = 32_768
"""The longest text that is looked through: what asks for a count is short."""


class Item(enum.Enum):
    """A number that a statement may ask for."""

    ROW_COUNT = "ROW_COUNT()"
    FOUND_ROWS = "FOUND_ROWS()"
    CONNECTION_ID = "CONNECTION_ID()"
    WARNING_COUNT = "@@warning_count"
    ERROR_COUNT = "@@error_count"


@attrs.frozen
class Items:
    """A SELECT of one row, some columns of which are such numbers and nothing else.

    Attributes:
        columns: The index of the column, and what it gives.
        size: How many columns there are.
        mixed: Other columns ask for such numbers too, inside of expressions.
    """

    columns: tuple[tuple[int, Item], ...]
    size: int
    mixed: bool = False


@attrs.frozen
class Conditions:
    """SHOW WARNINGS or SHOW ERRORS.

    Attributes:
        errors: SHOW ERRORS.
        count: Only how many, `COUNT(*)`.
        offset: How many to leave out at the beginning.
        limit: How many to tell at most; None for all.
    """

    errors: bool = False
    count: bool = False
    offset: int = 0
    limit: int | None = None


@attrs.frozen
class _Piece:
    """A word in upper case, a sign, or the quote that begins a string or name; and where."""

    text: str
    start: int
    end: int


def _compile(dialect: Dialect) -> re.Pattern[str]:
    string, name = quoting(dialect)
    return re.compile(
        rf"\s++|{COMMENT}|{HINTS}|{LINE_COMMENT}"
        rf"|(?P<piece>{string}|{name}|@@|:=|[\w$\x80-\xff]++|.)",
        re.DOTALL | re.ASCII,
    )


_PATTERNS: Final = {
    (ansi, plain): _compile(Dialect(ansi_quotes=ansi, no_backslash_escapes=plain))
    for ansi in (False, True)
    for plain in (False, True)
}

_CALLED: Final = {
    "ROW_COUNT": Item.ROW_COUNT,
    "FOUND_ROWS": Item.FOUND_ROWS,
    "CONNECTION_ID": Item.CONNECTION_ID,
}
_READ: Final = {
    "WARNING_COUNT": Item.WARNING_COUNT,
    "ERROR_COUNT": Item.ERROR_COUNT,
}
_SCOPES: Final = frozenset(("SESSION", "LOCAL"))
_BEHIND_ITEMS: Final = words(
    """
    EXCEPT FOR FROM GROUP HAVING INTERSECT INTO LIMIT LOCK ORDER PROCEDURE UNION WHERE WINDOW
    """
)
"""Words that end the list of a SELECT's columns; with one of them it may give more rows."""

_BEFORE_ITEMS: Final = words(
    """
    ALL DISTINCT DISTINCTROW HIGH_PRIORITY SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_CACHE
    SQL_CALC_FOUND_ROWS SQL_NO_CACHE SQL_SMALL_RESULT STRAIGHT_JOIN
    """
)


def _pieces(text: bytes, dialect: Dialect) -> list[_Piece]:
    """The pieces of a text without its last semicolon; none of one that is not understood."""
    letters = text.decode("latin-1")
    pattern = _PATTERNS[dialect.ansi_quotes, dialect.no_backslash_escapes]
    found = []
    for match in pattern.finditer(letters):
        piece = match["piece"]
        if piece is None:
            continue
        if piece == "/" and letters[match.end() : match.end() + 1] == "*":
            return []  # a comment that may be executed, or one without an end
        if piece[0] in "'\"`":
            piece = piece[0]
        found.append(_Piece(piece.upper(), match.start(), match.end()))
    while found and found[-1].text == ";":
        found.pop()
    return found


def _find(pieces: list[_Piece]) -> Iterator[tuple[int, int, Item]]:
    """Where such a number is asked for: index of the first piece, of the last, and which."""
    for index, piece in enumerate(pieces):
        if piece.text in _CALLED and _run(pieces, index + 1) == "()":
            if index == 0 or pieces[index - 1].text not in (".", "@", "@@"):
                yield index, index + 2, _CALLED[piece.text]
        elif piece.text == "@@" and index + 1 < len(pieces):
            at = index + 1
            if pieces[at].text in _SCOPES and _run(pieces, at + 1, 1) == ".":
                at += 2
            if at < len(pieces) and pieces[at].text in _READ:
                yield index, at, _READ[pieces[at].text]


def _run(pieces: list[_Piece], index: int, size: int = 2) -> str:
    return "".join(piece.text for piece in pieces[index : index + size])


def read_leftovers(text: bytes, dialect: Dialect) -> Items | Conditions | None:
    """What a statement asks for, if it is one of these and nothing else."""
    if len(text) > READ_LIMIT_BYTES:
        return None
    pieces = _pieces(text, dialect)
    match pieces[0].text if pieces else "":
        case "SELECT":
            return _items(pieces)
        case "SHOW":
            return _conditions(pieces)
        case _:
            return None


def _items(pieces: list[_Piece]) -> Items | None:
    start = 1
    while start < len(pieces) and pieces[start].text in _BEFORE_ITEMS:
        start += 1
    columns = _columns(pieces, start)
    if columns is None:
        return None
    found = {first: (last, item) for first, last, item in _find(pieces)}
    items = []
    for index, (first, behind) in enumerate(columns):
        last, item = found.get(first, (-1, None))
        if item is not None and _is_alias(pieces, last + 1, behind):
            items.append((index, item))
    return Items(tuple(items), len(columns), mixed=len(items) < len(found))


def _columns(pieces: list[_Piece], start: int) -> list[tuple[int, int]] | None:
    """The columns of a SELECT that gives one row: first piece, and one past the last."""
    columns = []
    depth, first = 0, start
    for index in range(start, len(pieces)):
        match pieces[index].text:
            case "(":
                depth += 1
            case ")":
                depth -= 1
            case "," if depth == 0:
                columns.append((first, index))
                first = index + 1
            case ";" | "*" if depth == 0 and index == first:
                return None
            case word if depth == 0 and word in _BEHIND_ITEMS:
                return None
            case ";":
                return None
    columns.append((first, len(pieces)))
    return columns


def _is_alias(pieces: list[_Piece], start: int, end: int) -> bool:
    """Whether there is nothing between two pieces but a name for the column."""
    words = [piece.text for piece in pieces[start:end]]
    if words[:1] == ["AS"]:
        return len(words) == 2
    return len(words) < 2 and all(word[0].isalnum() or word[0] in "_'\"`$" for word in words)


_SHOWN: Final = re.compile(
    r"SHOW (?:(?P<count>COUNT \( \* \)) )?(?P<what>WARNINGS|ERRORS)"
    r"(?: LIMIT (?P<first>\d{1,18})(?: , (?P<second>\d{1,18})| OFFSET (?P<skip>\d{1,18}))?)?"
)


def _conditions(pieces: list[_Piece]) -> Conditions | None:
    found = _SHOWN.fullmatch(" ".join(piece.text for piece in pieces))
    if found is None or (found["count"] and found["first"]):
        return None
    offset, limit = found["skip"], found["first"]
    if found["second"] is not None:
        offset, limit = found["first"], found["second"]
    return Conditions(
        errors=found["what"] == "ERRORS",
        count=found["count"] is not None,
        offset=int(offset or 0),
        limit=None if limit is None else int(limit),
    )


def with_numbers(text: bytes, dialect: Dialect, numbers: Mapping[Item, int]) -> bytes | None:
    """The text with these numbers in the place of what asks for them.

    None when nothing is found to replace, so that the statement asks in some other way.
    """
    if len(text) > READ_LIMIT_BYTES:
        return None
    pieces = _pieces(text, dialect)
    parts = []
    done = 0
    for first, last, item in _find(pieces):
        if item in numbers:
            parts += [text[done : pieces[first].start], b"(%d)" % numbers[item]]
            done = pieces[last].end
    return b"".join((*parts, text[done:])) if parts else None
