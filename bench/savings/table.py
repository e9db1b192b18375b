"""The savings as a table in reST: ``python -m bench.savings.table FIGURES.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import click

from bench.report import DIRECT, OURS
from bench.savings.work import MODES


@attrs.frozen
class Line:
    """One line of the table.

    Attributes:
        heading: what it is, with its unit.
        figure: its name among the figures.
        digits: digits behind the point.
        beside: the figure of the proxy to be added; empty for none.
    """

    heading: str
    figure: str
    digits: int = 0
    beside: str = ""


_CPU: Final = "processor time of the server per statement, µs"
_CPU_OF_PROXY: Final = "processor time of the proxy per statement, µs"

LINES: Final = (
    Line("connections to the server", "Threads_connected"),
    Line("its threads", "threads"),
    Line("most of them that run at once", "Threads_running, most"),
    Line("its memory, MiB", "memory, MiB"),
    Line("of that for clients, MiB", "memory above that without clients, MiB"),
    Line(
        "the same, with the proxy's memory, MiB",
        "memory above that without clients, MiB",
        beside="memory of the proxy, MiB",
    ),
    Line("its context switches per second", "context switches per second"),
    Line("its context switches per statement", "context switches per statement", 2),
    Line("its processor time per statement, µs", _CPU),
    Line("the same, with the proxy's, µs", _CPU, beside=_CPU_OF_PROXY),
    Line("statements per second", "statements per second"),
    Line("latency, median, ms", "latency, median, ms", 1),
    Line("latency, 99 of 100, ms", "latency, p99, ms", 1),
)


def samples(told: Mapping[str, Any], mode: str, name: str, way: str) -> list[float]:
    """One value for each round; none where it was not measured."""
    row = told["modes"][mode]["figures"].get(name, {})
    return list(row.get(way, {"samples": ()})["samples"])


def cells(told: Mapping[str, Any], mode: str, line: Line) -> list[str]:
    """Directly, through the proxy, and the median of the ratios within each round."""
    direct = samples(told, mode, line.figure, DIRECT)
    ours = samples(told, mode, line.figure, OURS)
    if line.beside:
        more = samples(told, mode, line.beside, OURS)
        ours = [one + other for one, other in zip(ours, more, strict=True)]
    ratios = [one / other for one, other in zip(ours, direct, strict=True) if other]
    return [
        f"{statistics.median(direct):,.{line.digits}f}",
        f"{statistics.median(ours):,.{line.digits}f}",
        f"{statistics.median(ratios):.2f}" if ratios else "",
    ]


def table(told: Mapping[str, Any], mode: str) -> str:
    """The lines of a list-table."""
    body = [[told["modes"][mode]["title"], "direct", "mysqlproxy", "ratio"]]
    body += [[line.heading, *cells(told, mode, line)] for line in LINES]
    text = [".. list-table::", "   :header-rows: 1", "   :widths: 49 17 17 17", ""]
    for row in body:
        text += [f"   {'*' if cell is row[0] else ' '} - {cell}".rstrip() for cell in row]
    return "\n".join(text) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("figures", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(*, figures: Path) -> None:
    """Print figures as tables."""
    told = json.loads(figures.read_text("utf-8"))
    for mode in MODES:
        click.echo(table(told, mode))


if __name__ == "__main__":
    main(prog_name="python -m bench.savings.table")
