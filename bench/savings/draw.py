"""The picture of the savings: ``python -m bench.savings.draw FIGURES.json PICTURE.svg``.

Pairs of bars, one for each way, without a background, in the colour of the text around and in
others that can be told from a light and from a dark page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import attrs
import click

from bench.report import DIRECT, OURS
from bench.svg import text as _text

WIDTH: Final = 760
"""As wide as the text of the manual."""

_LEFT: Final = 96
_RIGHT: Final = 130
"""Room for the figures behind the bars."""

_TOP: Final = 52
_HEADING: Final = 20
_BAR: Final = 14
_GAP: Final = 4
_SPACE: Final = 14

_GREY: Final = "#777"
_COLOURS: Final = {DIRECT: "#d9552b", OURS: "#3b82c4"}
_OF_PROXY: Final = "#8fb8de"
"""What the proxy itself takes, behind what the server does."""


@attrs.frozen
class Row:
    """One pair of bars.

    Attributes:
        heading: what is compared, with its unit.
        figure: its name among the figures.
        beside: the name of what the proxy itself takes; empty where that is not added.
        digits: digits behind the point.
    """

    heading: str
    figure: str
    beside: str = ""
    digits: int = 0


ROWS: Final = (
    Row("threads of the server", "threads"),
    Row(
        "memory of the server above what it takes without clients, MiB; of the proxy",
        "memory above that without clients, MiB",
        "memory of the proxy, MiB",
    ),
    Row(
        "context switches of the server per statement; of the proxy",
        "context switches per statement",
        "context switches of the proxy per statement",
        2,
    ),
    Row(
        "processor time of the server per statement, µs; of the proxy",
        "processor time of the server per statement, µs",
        "processor time of the proxy per statement, µs",
    ),
)


def medians(told: Mapping[str, Any], mode: str, name: str) -> dict[str, float]:
    """The medians of one figure, by way."""
    row = told["modes"][mode]["figures"].get(name, {})
    return {way: values["median"] for way, values in row.items()}


def picture(told: Mapping[str, Any], mode: str) -> str:
    """The text of the SVG."""
    step = _HEADING + 2 * (_BAR + _GAP) + _SPACE
    height = _TOP + step * len(ROWS)
    heading = f"{told['modes'][mode]['title']}: what they cost the server"
    parts = [
        _opening(height),
        f'<title id="savings-title">{escape(heading)}</title>',
        f'<desc id="savings-desc">{escape(described(told, mode))}</desc>',
        _text(0, 14, heading, 'font-weight="bold" font-size="13"'),
        *_legend(),
    ]
    for number, row in enumerate(ROWS):
        parts += _pair(told, mode, row, _TOP + step * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _opening(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img" color="{_GREY}"'
        ' aria-labelledby="savings-title savings-desc"'
        ' font-family="system-ui, sans-serif" font-size="12">'
    )


def described(told: Mapping[str, Any], mode: str) -> str:
    """The picture in words, for those who do not see it."""
    lines = []
    for row in ROWS:
        found = medians(told, mode, row.figure)
        beside = medians(told, mode, row.beside) if row.beside else {}
        said = [f"{way} {_named(row, found[way], beside.get(way))}" for way in (DIRECT, OURS)]
        lines.append(f"{row.heading}: {', '.join(said)}.")
    return " ".join(lines)


def _named(row: Row, value: float, beside: float | None) -> str:
    text = f"{value:,.{row.digits}f}"
    return text if beside is None else f"{text} + {beside:,.{row.digits}f}"


def _legend() -> Iterator[str]:
    x = 0
    for name, colour in (
        ("the server, clients connected to it", _COLOURS[DIRECT]),
        ("the server, clients behind mysqlproxy", _COLOURS[OURS]),
        ("mysqlproxy itself", _OF_PROXY),
    ):
        yield f'<rect x="{x}" y="24" width="10" height="10" fill="{colour}"/>'
        yield _text(x + 15, 33, name)
        x += 35 + round(6.4 * len(name))


def _pair(told: Mapping[str, Any], mode: str, row: Row, top: int) -> Iterator[str]:
    found = medians(told, mode, row.figure)
    beside = medians(told, mode, row.beside) if row.beside else {}
    most = max(found[way] + beside.get(way, 0.0) for way in found)
    scale = (WIDTH - _LEFT - _RIGHT) / most
    yield _text(0, top + 12, row.heading)
    y = top + _HEADING
    for way in (DIRECT, OURS):
        width = max(found[way] * scale, 1.0)
        more = beside.get(way, 0.0) * scale
        yield _text(_LEFT - 8, y + 11, way, 'text-anchor="end"')
        yield _bar(_LEFT, y, width, _COLOURS[way])
        if more:
            yield _bar(_LEFT + width, y, more, _OF_PROXY)
        yield _text(_LEFT + width + more + 6, y + 11, _named(row, found[way], beside.get(way)))
        y += _BAR + _GAP


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'


def write(told: Mapping[str, Any], path: Path, mode: str = "steady") -> None:
    """Draw it to a file."""
    path.write_text(picture(told, mode), "utf-8")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("figures", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def main(*, figures: Path, target: Path) -> None:
    """Draw figures anew."""
    write(json.loads(figures.read_text("utf-8")), target)


if __name__ == "__main__":
    main(prog_name="python -m bench.savings.draw")
