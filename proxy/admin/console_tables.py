"""Tables of the console: how snapshots become columns and rows."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import attrs

from proxy.admin.console_words import Like
from proxy.front.console import Table
from proxy.wire.tables import Kind, TableColumn, Value

MOST_ROWS: Final = 10_000
"""Rows that are given where no LIMIT says otherwise: some 2 MB of clients."""

_PLACES: Final = 6
"""Decimal places of seconds: a statement may take some 100 microseconds."""

_KINDS: Final = {"int": Kind.WHOLE, "bool": Kind.WHOLE, "float": Kind.FRACTION}

Row = Sequence[Value]


@functools.cache
def columns_of(kind: Any) -> tuple[TableColumn, ...]:
    """A column for each field of an attrs class."""
    return tuple(
        TableColumn(field.name, _KINDS.get(str(field.type).partition(" ")[0], Kind.TEXT))
        for field in attrs.fields(kind)
    )


def row_of(snapshot: Any, *before: Value) -> tuple[Value, ...]:
    """The values of an attrs object, behind others."""
    kind: Any = type(snapshot)
    fields = (getattr(snapshot, column.name) for column in columns_of(kind))
    return (*before, *map(_value, fields))


def _value(field: Any) -> Value:
    match field:
        case None | bool() | int() | str():
            return field
        case float():
            return round(field, _PLACES)
        case Mapping():
            return json.dumps(field, ensure_ascii=False)
        case _:
            return ", ".join(map(str, field))


def text_columns(*names: str) -> tuple[TableColumn, ...]:
    """Columns that hold texts."""
    return tuple(TableColumn(name) for name in names)


def chosen(
    rows: Iterable[Row], pattern: Like | None = None, limit: int | None = None
) -> Iterator[Row]:
    """The rows that somebody wants.

    Args:
        rows: All there are.
        pattern: One of the texts of a row has to be like this.
        limit: The most of them.
    """
    if pattern is not None:
        fits = pattern.fits
        rows = (
            row for row in rows if any(isinstance(text, str) and fits(text) for text in row)
        )
    return islice(rows, MOST_ROWS if limit is None else limit)


def flattened(name: str, setting: Any) -> Iterator[tuple[str, Value]]:
    """Key paths and values of settings that are plain JSON."""
    match setting:
        case Mapping() if setting:
            for key, inner in setting.items():
                yield from flattened(f"{name}.{key}" if name else str(key), inner)
        case list() if setting:
            for index, inner in enumerate(setting):
                yield from flattened(f"{name}[{index}]", inner)
        case Mapping() | list():
            yield name, ""
        case bool():
            yield name, "true" if setting else "false"
        case None:
            yield name, None
        case _:
            yield name, str(setting)


def table(columns: Sequence[TableColumn], *rows: Row) -> Table:
    """A table of a few rows."""
    return Table(tuple(columns), rows)
