"""Pictures of curves: ``python -m bench.curves.draw docs/pictures/curves-*.json``.

They are SVG without a background, in the colour of the text around and in two others that
can be told from a light and from a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import attrs
import click

from bench.curves import results
from bench.curves.axes import CPU, MEDIAN, MEMORY, P99, RATE, Measure
from bench.curves.results import Results
from bench.svg import line as _line
from bench.svg import number as _n
from bench.svg import text as _text

WIDTH: Final = 760
"""As wide as the text of the manual."""

_COLUMN: Final = WIDTH / 2
_LEFT: Final = 62.0
_RIGHT: Final = 20.0
_TOP: Final = 40.0
_PLOT: Final = 110.0
_ROW: Final = 190.0
_LEGEND: Final = 24.0

_FIRST: Final = "#3b82c4"
_SECOND: Final = "#d9552b"

_LOGARITHMIC: Final = 20.0
"""From this ratio on between the largest and the smallest value, steps are factors."""

_CHARACTER: Final = 6.2
"""The width of one, rather more than less: fonts differ."""


@attrs.frozen
class Panel:
    """One of the four parts of a picture.

    Attributes:
        title: with its unit.
        lines: what is drawn, in the colours' order.
    """

    title: str
    lines: tuple[Measure, ...]


PANELS: Final = (
    Panel("statements per second", (RATE,)),
    Panel("latency, ms: median and 99th percentile", (MEDIAN, P99)),
    Panel("processor time of a statement, µs", (CPU,)),
    Panel("memory of the proxy, MiB", (MEMORY,)),
)


@attrs.frozen
class Scale:
    """Values along one side of a panel.

    Attributes:
        low: the value at its begin.
        high: that at its end.
        logarithmic: whether steps are factors.
        begins: the pixel of `low`.
        ends: the pixel of `high`.
    """

    low: float
    high: float
    logarithmic: bool
    begins: float
    ends: float

    def at(self, value: float) -> float:
        """The pixel of a value; what lies below the scale is at its begin."""
        value = max(value, self.low)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.begins + share * (self.ends - self.begins)


def upright(values: Sequence[float], begins: float, ends: float) -> Scale:
    """The scale of what was measured: from 0 on, or by factors where it spreads widely."""
    low, high = min(values), max(values)
    if low > 0 and high / low >= _LOGARITHMIC:
        return Scale(
            10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)), True,
            begins, ends,
        )  # fmt: skip
    return Scale(0.0, ceiling(high), False, begins, ends)


def along(places: Sequence[int], begins: float, ends: float) -> Scale:
    """The scale of the axis, by factors; 0 stands a little left of the first number."""
    first = min((place for place in places if place), default=1)
    low = first / 4 if 0 in places else first
    return Scale(low, max(*places, low * 2), True, begins, ends)


def ceiling(value: float) -> float:
    """The next higher number that begins with 1, 1.5, 2, 3, 4, 5, 6 or 8, and zeros."""
    unit = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(unit * one for one in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if unit * one >= value)


def short(value: float) -> str:
    """A number in few letters: 200, 5k, 1.5M, 0.3."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def picture(found: Results) -> str:
    """The text of the SVG."""
    height = _TOP + 2 * _ROW + _LEGEND
    parts = [
        *_head(found, height),
        _text(12, 18, found.title, 'font-weight="bold" font-size="13"'),
    ]
    for number, panel in enumerate(PANELS):
        left = number % 2 * _COLUMN
        top = _TOP + number // 2 * _ROW
        parts += _panel(found, panel, left, top)
    parts += [*_legend(height - 8), "</svg>"]
    return "\n".join(parts) + "\n"


def _head(found: Results, height: float) -> Iterator[str]:
    name = f"curves-{found.key}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {_n(height)}"'
        f' width="{WIDTH}" height="{_n(height)}" role="img" color="#777"'
        f' aria-labelledby="{name}-title {name}-desc"'
        ' font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f'<title id="{name}-title">{escape(found.title)}</title>'
    yield f'<desc id="{name}-desc">{escape(described(found))}</desc>'


def described(found: Results) -> str:
    """The picture in words, for those who do not see it."""
    first, last = found.points[0], found.points[-1]
    told = []
    for measure in (RATE, MEDIAN, P99, CPU, MEMORY):
        ends = first.median(measure), last.median(measure)
        values = [_short(value, measure) for value in ends if value is not None]
        told.append(f"{measure.title}: {' and '.join(values)}")
    return f"At {first.at:,} and at {last.at:,} {found.axis}: {'; '.join(told)}."


def _short(value: float, measure: Measure) -> str:
    return short(value / measure.unit)


def _panel(found: Results, panel: Panel, left: float, top: float) -> Iterator[str]:
    begin, end, base = left + _LEFT, left + _COLUMN - _RIGHT, top + 24 + _PLOT
    lines = [
        [(at, value / measure.unit) for at, value in found.curve(measure)]
        for measure in panel.lines
    ]
    sideways = along([point.at for point in found.points], begin, end)
    scale = upright([value for line in lines for _, value in line], base, top + 24)
    yield _text(begin, top + 12, panel.title)
    for value in _marks(scale):
        y = scale.at(value)
        yield _line((begin, y), (end, y), 'opacity="0.25"')
        yield _text(begin - 6, y + 4, short(value), 'text-anchor="end" font-size="11"')
    yield _line((begin, base), (end, base))
    free = -math.inf
    for point in found.points:
        x, name = sideways.at(point.at), short(point.at)
        yield _line((x, base), (x, base + 4))
        half = _CHARACTER * len(name) / 2
        if x - half > free:
            yield _text(x, base + 17, name, 'text-anchor="middle" font-size="11"')
            free = x + half + 4
    yield _text((begin + end) / 2, base + 32, found.axis, 'text-anchor="middle" font-size="11"')
    for line, colour in zip(lines, (_FIRST, _SECOND), strict=False):
        dots = [(sideways.at(at), scale.at(value)) for at, value in line]
        path = "L".join(f"{_n(x)} {_n(y)}" for x, y in dots)
        yield f'<path d="M{path}" stroke="{colour}" stroke-width="2" fill="none"/>'
        for x, y in dots:
            yield f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3" fill="{colour}"/>'


def _marks(scale: Scale) -> Iterator[float]:
    """The values that a side is labelled with."""
    if not scale.logarithmic:
        yield from (scale.low, scale.high / 2, scale.high)
        return
    decades = round(math.log10(scale.high / scale.low))
    step = -(-decades // 4)
    for decade in range(0, decades + 1, step):
        yield scale.low * 10.0**decade


def _legend(y: float) -> Iterator[str]:
    x = 12.0
    for name, colour in (("median, or the only line", _FIRST), ("99th percentile", _SECOND)):
        yield f'<circle cx="{_n(x + 4)}" cy="{_n(y - 4)}" r="4" fill="{colour}"/>'
        yield _text(x + 14, y, name)
        x += 40 + _CHARACTER * len(name)


def write(found: Results, data: Path) -> Path:
    """Draw it beside the file with its data."""
    path = data.with_suffix(".svg")
    path.write_text(picture(found), "utf-8")
    return path


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def main(*, paths: Sequence[Path]) -> None:
    """Draw curves anew, each beside its data."""
    for path in paths:
        write(results.read(path), path)


if __name__ == "__main__":
    main(prog_name="python -m bench.curves.draw")
