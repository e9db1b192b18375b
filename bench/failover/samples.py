"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

import attrs
import click

_GAP: Final = "  "


@attrs.define
class Measure:
    """The samples of one measure.

    Attributes:
        title: what is done.
        figures: by the name of a figure and then by column, one value for each run; None where
            it never came.
        errors: how often each error was heard, by column, kind of client and error.
        notes: what should not have been, how often, and the first example of it.
    """

    title: str
    figures: dict[str, dict[str, list[float | None]]] = attrs.field(
        factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    errors: dict[str, dict[str, Counter[str]]] = attrs.field(
        factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    notes: dict[str, tuple[int, str]] = attrs.field(factory=dict)

    def note(self, what: str, example: str = "") -> None:
        """Keep something for the end, and say it now when it is the first of its kind."""
        count, first = self.notes.get(what, (0, example))
        self.notes[what] = count + 1, first
        if not count:
            click.echo(f"  {what}{' - ' if example else ''}{example}", err=True)

    def hear(self, column: str, kind: str, errors: Counter[str]) -> None:
        """Count errors."""
        self.errors[column][kind].update(errors)

    def add(self, figure: str, column: str, value: float | None) -> None:
        """Take in a sample; the unit is part of the figure's name."""
        self.figures[figure][column].append(value)

    def columns(self) -> list[str]:
        """The columns in the order in which they came."""
        return list(dict.fromkeys(name for row in self.figures.values() for name in row))

    def table(self) -> str:
        """A row for each figure: the median, and the range in parentheses."""
        columns = self.columns()
        body = [[self.title, *columns]]
        for figure, row in self.figures.items():
            body.append([f"  {figure}", *(_cell(row.get(name, ())) for name in columns)])
        widths = [max(len(row[place]) for row in body) for place in range(len(columns) + 1)]
        return "\n".join(
            _GAP.join(
                [row[0].ljust(widths[0])]
                + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            ).rstrip()
            for row in body
        )

    def remarks(self) -> list[str]:
        """The notes, one line each."""
        return [
            f"{count} x {what}{' - for example ' if example else ''}{example}"
            for what, (count, example) in self.notes.items()
        ]

    def as_json(self) -> dict[str, Any]:
        """All samples, with medians."""
        return {
            "title": self.title,
            "figures": {
                figure: {
                    name: {"median": median(values), "samples": values}
                    for name, values in row.items()
                }
                for figure, row in self.figures.items()
            },
            "errors": self.errors,
            "notes": self.remarks(),
        }


def median(values: Sequence[float | None]) -> float | None:
    """The median of what there is; None where most never came."""
    found = sorted(float("inf") if one is None else one for one in values)
    if not found:
        return None
    middle = statistics.median(found)
    return None if middle == float("inf") else middle


def _cell(values: Sequence[float | None]) -> str:
    if not values:
        return "-"
    middle = median(values)
    text = "never" if middle is None else _number(middle)
    if len(values) == 1 or len(set(values)) == 1:
        return text
    known = [one for one in values if one is not None]
    most = "never" if len(known) < len(values) else _number(max(known))
    return f"{text} ({_number(min(known))} to {most})" if known else text


def _number(value: float) -> str:
    return f"{value:,.0f}"
