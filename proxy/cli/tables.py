"""Tables that fit the terminal: what matters least is left out rather than wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from proxy.cli.spelling import plain

GAP = 2
"""Between two columns."""

_NARROWEST = 8
"""Of a column on a terminal that is too narrow for all that matters."""

NOTE_INDENT = 6
"""Of the sentence below a row."""

Row: TypeAlias = Mapping[str, Any]
"""An object of the admin API."""

_STYLES = {
    "AVAILABLE": "green",
    "UNAVAILABLE": "bold red",
    "REGISTERING": "yellow",
    "DRAINING": "yellow",
    "HELD": "bold red",
    "serving": "green",
    "starting": "yellow",
    "silent": "bold yellow",
    "replaced": "bold red",
    "waiting": "bold yellow",
    "running": "green",
    "transaction": "cyan",
    "error": "bold red",
    "critical": "bold red",
    "warning": "yellow",
}
"""Words that are coloured wherever they are a whole cell."""


@attrs.frozen
class Column:
    """One column.

    Attributes:
        head: Its head.
        cell: The text of a row.
        rank: 0 is never left out; of the others the highest goes first.
        right: Whether it is a number.
        least: How narrow it may become before others are left out; None is as wide as its
            longest cell.
        fold: Whether long cells go on below; else they are cut.
    """

    head: str
    cell: Callable[[Row], str]
    rank: int = 0
    right: bool = False
    least: int | None = None
    fold: bool = False


def key(name: str) -> Callable[[Row], str]:
    """A cell with this field of the row; a dash where it is empty."""

    def cell(row: Row) -> str:
        value = row.get(name)
        return "-" if value is None or value == "" else str(value)

    return cell


@attrs.frozen
class Fitting:
    """A table that leaves out what there is no room for.

    Attributes:
        columns: All that there could be.
        rows: The rows.
        note: A line below a row; empty where there is none.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    note: Callable[[Row], str] | None = None

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [[plain(one.cell(row)) for one in self.columns] for row in self.rows]
        chosen = _chosen(self.columns, cells, options.max_width)
        part: list[list[str]] = []
        notes: list[str] = []
        for row, texts in zip(self.rows, cells, strict=True):
            part.append([texts[place] for place, _ in chosen])
            notes.append(plain(self.note(row)) if self.note else "")
        yield from self._lines(chosen, part, notes)

    def _lines(
        self,
        chosen: Sequence[tuple[int, int]],
        cells: Sequence[Sequence[str]],
        notes: Sequence[str],
    ) -> Iterator[RenderableType]:
        """The table, broken where a row has a note, with the same widths in all pieces."""
        table = self._table(chosen, heads=True)
        for texts, note in zip(cells, notes, strict=True):
            table.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in texts))
            if note:
                yield table
                yield Padding(Text(note, style="yellow"), (0, 0, 0, NOTE_INDENT))
                table = self._table(chosen, heads=False)
        if table.row_count or not cells:
            yield table

    def _table(self, chosen: Sequence[tuple[int, int]], *, heads: bool) -> Table:
        table = Table(
            box=None,
            padding=(0, GAP, 0, 0),
            pad_edge=False,
            show_header=heads,
            header_style="bold",
        )
        for place, width in chosen:
            column = self.columns[place]
            align: Literal["left", "right"] = "right" if column.right else "left"
            flow: Literal["fold", "ellipsis"] = "fold" if column.fold else "ellipsis"
            table.add_column(
                column.head,
                justify=align,
                width=width,
                no_wrap=not column.fold,
                overflow=flow,
            )
        return table


def _chosen(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], room: int
) -> list[tuple[int, int]]:
    """Which columns there is room for, by their places, and how wide each is."""
    natural = [
        max(cell_len(text) for text in (column.head, *(row[place] for row in cells)))
        for place, column in enumerate(columns)
    ]
    least = [
        width if column.least is None else min(width, max(column.least, len(column.head)))
        for column, width in zip(columns, natural, strict=True)
    ]
    kept = [*range(len(columns))]
    while sum(least[place] + GAP for place in kept) - GAP > room:
        optional = [place for place in kept if columns[place].rank]
        if not optional:
            break
        kept.remove(max(optional, key=lambda place: columns[place].rank))
    spare = room - sum(least[place] + GAP for place in kept) + GAP
    widths = []
    for place in kept:
        # What is still too much is taken from those that may be narrow.
        narrowest = least[place] if columns[place].least is None else _NARROWEST
        more = max(min(natural[place] - least[place], spare), min(narrowest - least[place], 0))
        spare -= more
        widths.append((place, least[place] + more))
    return widths
