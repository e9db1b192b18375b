"""Placeholder."""

from __future__ import annotations
import enum
import attrs


class Item(enum.Enum):
    ROW_COUNT = 1
    FOUND_ROWS = 2
    CONNECTION_ID = 3
    WARNING_COUNT = 4
    ERROR_COUNT = 5


@attrs.frozen
class Items:
    columns: tuple[tuple[int, Item], ...]


@attrs.frozen
class Conditions:
    errors: bool = False
    count: bool = False
    offset: int = 0
    limit: int | None = None


def read_leftovers(text, dialect):
    t = text.strip().lower()
    simple = {
        b"select row_count()": Item.ROW_COUNT,
        b"select found_rows()": Item.FOUND_ROWS,
        b"select connection_id()": Item.CONNECTION_ID,
        b"select @@warning_count": Item.WARNING_COUNT,
    }
    if t in simple:
        return Items(((0, simple[t]),))
    if t == b"show warnings":
        return Conditions()
    if t == b"show errors":
        return Conditions(errors=True)
    if t.startswith(b"show count(*)"):
        return Conditions(errors=b"errors" in t, count=True)
    return None
