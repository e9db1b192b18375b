"""Pictures of timelines: ``python -m bench.failover.draw docs/pictures/*.json``.

They are SVG without a background, in the colour of the text around and in two others that
can be told from a light and from a dark page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import attrs
import click

from bench.failover.timeline import Lane, Moment, Timeline, read
from bench.svg import line as _line
from bench.svg import number as _n
from bench.svg import text as _text

WIDTH: Final = 760
"""As wide as the text of the manual."""

_LEFT: Final = 48
_RIGHT: Final = 12
_LABEL: Final = 16
_LANE: Final = 60
_HEADING: Final = 26
_AXIS: Final = 24
_LEGEND: Final = 26

_CHARACTER: Final = 6.4
"""The width of one, rather more than less: fonts differ."""

_GREY: Final = "#777"
_ANSWERS: Final = "#3b82c4"
_ERRORS: Final = "#d9552b"

_BEFORE_SECONDS: Final = 0.4
_AFTER_SECONDS: Final = 0.8
_STEPS: Final = 60
"""Finer than that, chance is all that is seen."""

_LEAST_HEIGHT: Final = 2.0
"""In pixels: a single error is seen, too."""


@attrs.frozen
class Window:
    """Which part of a timeline is drawn.

    Attributes:
        step: how many buckets are one step of the picture.
        seconds: the length of a step.
        first: the first bucket.
        steps: how many steps.
        begins: the first step's begin, in seconds from the fault on.
    """

    step: int
    seconds: float
    first: int
    steps: int
    begins: float

    @property
    def ends(self) -> float:
        """The end of the last step, in seconds from the fault on."""
        return self.begins + self.steps * self.seconds

    def x(self, at: float) -> float:
        """Where a moment is."""
        share = (at - self.begins) / (self.ends - self.begins)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def rates(self, buckets: Sequence[int]) -> list[float]:
        """Step by step, how many there were per second."""
        starts = range(self.first, self.first + self.steps * self.step, self.step)
        return [sum(buckets[place : place + self.step]) / self.seconds for place in starts]


def window(timeline: Timeline) -> Window:
    """From a little before the fault until a little after all went on.

    A step begins at the moment of the fault.
    """
    bucket = timeline.bucket_seconds
    last = max((moment.at for moment in timeline.moments), default=0.0)
    until = last + _AFTER_SECONDS
    while True:
        step = max(math.ceil((until + _BEFORE_SECONDS) / _STEPS / bucket), 1)
        seconds = step * bucket
        fault = round(-timeline.begins / bucket)
        before = min(math.ceil(_BEFORE_SECONDS / seconds), fault // step)
        after = math.ceil(min(until, timeline.ends) / seconds - 1e-9)
        after = min(after, round(timeline.ends / bucket) // step)
        found = Window(step, seconds, fault - before * step, before + after, -before * seconds)
        # Names stand to the right of their moments, and have to have room there.
        room = all(found.x(one.at) + _width(one) < WIDTH for one in timeline.moments)
        if room or until >= timeline.ends:
            return found
        until += 0.1


def _width(moment: Moment) -> float:
    return 4 + _CHARACTER * len(_named(moment))


def _named(moment: Moment) -> str:
    return f"{moment.name} {moment.at:+.2f} s" if moment.at else moment.name


def rows(places: Sequence[tuple[float, float]]) -> list[int]:
    """On which row each name stands, counted from the lowest one.

    A name stands above all that begin below it, so that no line to a moment crosses a name.

    Args:
        places: where each begins and how wide it is, from left to right.
    """
    found: list[int] = []
    for number, (x, width) in reversed([*enumerate(places)]):
        later = places[number + 1 :]
        below = [
            row for row, (other, _) in zip(found, later, strict=True) if other < x + width + 8
        ]
        found.insert(0, max(below, default=-1) + 1)
    return found


def ceiling(value: float) -> float:
    """The next higher number that begins with 1, 2, 3, 4, 5, 6 or 8, and zeros."""
    unit = 10.0 ** math.floor(math.log10(max(value, 1)))
    return next(unit * digit for digit in (1, 2, 3, 4, 5, 6, 8, 10) if unit * digit >= value)


def picture(timeline: Timeline) -> str:
    """The text of the SVG."""
    shown = window(timeline)
    moments = [one for one in timeline.moments if shown.begins <= one.at <= shown.ends]
    names = rows([(shown.x(one.at), _width(one)) for one in moments])
    top = 28 + _LABEL * (max(names, default=0) + 1)
    bottom = top + (_HEADING + _LANE) * len(timeline.lanes)
    bases = [top + (_HEADING + _LANE) * (number + 1) for number in range(len(timeline.lanes))]
    parts = [
        *_head(timeline, bottom + _AXIS + _LEGEND),
        *_held(timeline, shown, top, bottom),
        *_axis(shown, bottom),
    ]
    for lane, base in zip(timeline.lanes, bases, strict=True):
        parts += _lane(lane, shown, base)
    for moment, row in zip(moments, names, strict=True):
        y = top - 6 - _LABEL * row
        parts += _moment(moment, shown.x(moment.at), y, [(y - 10, top), *_strips(bases)])
    parts += [*_legend(bottom + _AXIS + 14, with_held=timeline.held is not None), "</svg>"]
    return "\n".join(parts) + "\n"


def _strips(bases: Iterable[float]) -> Iterator[tuple[float, float]]:
    """The heights at which lanes are drawn, without their headings."""
    return ((base - _LANE + 4, base) for base in bases)


def _head(timeline: Timeline, height: float) -> Iterator[str]:
    name = re.sub(r"\W+", "-", timeline.title.lower())
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {_n(height)}"'
        f' width="{WIDTH}" height="{_n(height)}" role="img" color="{_GREY}"'
        f' aria-labelledby="{name}-title {name}-desc"'
        ' font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f'<title id="{name}-title">{escape(timeline.title)}</title>'
    yield f'<desc id="{name}-desc">{escape(described(timeline))}</desc>'
    yield _text(_LEFT, 14, timeline.title, 'font-weight="bold" font-size="13"')


def described(timeline: Timeline) -> str:
    """The picture in words, for those who do not see it."""
    fault = round(-timeline.begins / timeline.bucket_seconds)
    lines = []
    for lane in timeline.lanes:
        before = sum(lane.answers[:fault]) / -timeline.begins
        heading = f"{lane.clients} clients {lane.kind}: {before:.0f} answers per second before"
        lines.append(f"{heading}; {_heard(lane)}.")
    moments = "; ".join(_named(moment) for moment in timeline.moments)
    if timeline.held:
        since, until = timeline.held
        lines.append(f"Clients were held from {since:+.2f} s to {until:+.2f} s.")
    return " ".join([*lines, f"Moments: {moments}."])


def _heard(lane: Lane) -> str:
    told = []
    for trouble, count in sorted(lane.heard.items()):
        number, _, state = trouble.partition("/")
        often = "once" if count == 1 else f"{count} times"
        told.append(f"{number} ({state}) {often}" if state else f"{number} {often}")
    return f"errors: {', '.join(told)}" if told else "no error"


def _held(timeline: Timeline, shown: Window, top: float, bottom: float) -> Iterator[str]:
    if timeline.held is None:
        return
    left, right = (shown.x(min(max(at, shown.begins), shown.ends)) for at in timeline.held)
    yield _rectangle((left, top), (right - left, bottom - top), "currentColor", 0.15)


def _axis(shown: Window, bottom: float) -> Iterator[str]:
    span = shown.ends - shown.begins
    step = next((one for one in (0.1, 0.2, 0.5, 1.0, 2.0) if span / one <= 12), 5.0)
    digits = 0 if step >= 1 else 1
    for number in range(math.ceil(shown.begins / step), math.floor(shown.ends / step) + 1):
        x = shown.x(number * step)
        yield _line((x, bottom), (x, bottom + 4))
        name = f"{number * step:+.{digits}f} s" if number else "0"
        if _LEFT <= x <= WIDTH - 24:
            yield _text(x, bottom + 17, name, 'text-anchor="middle"')


def _lane(lane: Lane, shown: Window, base: float) -> Iterator[str]:
    right = WIDTH - _RIGHT
    good, bad = shown.rates(lane.answers), shown.rates(lane.errors)
    most = ceiling(max(map(sum, zip(good, bad, strict=True)), default=0))
    scale = (_LANE - 4) / most
    heading = f"{lane.kind}, {lane.clients} clients: "
    colour = f'fill="{_ERRORS}"' if lane.heard else ""
    spans = f"{escape(heading)}<tspan {colour}>{escape(_heard(lane))}</tspan>"
    yield _line((_LEFT, base - most * scale), (right, base - most * scale), 'opacity="0.3"')
    yield f'<text x="{_LEFT}" y="{_n(base - _LANE - 2)}" fill="currentColor">{spans}</text>'
    tops = [base - rate * scale for rate in good]
    path = "".join(f"V{_n(y)}H{_n(_edge(shown, place + 1))}" for place, y in enumerate(tops))
    yield f'<path d="M{_LEFT} {_n(base)}{path}V{_n(base)}Z" fill="{_ANSWERS}"/>'
    for place, rate in enumerate(bad):
        if rate:
            height = max(rate * scale, _LEAST_HEIGHT)
            left = _edge(shown, place)
            width = _edge(shown, place + 1) - left
            yield _rectangle((left, tops[place] - height), (width, height), _ERRORS)
    yield _line((_LEFT, base), (right, base))
    for value in (0, most):
        y = base - value * scale + 4
        yield _text(_LEFT - 6, y, f"{value:,.0f}", 'text-anchor="end" font-size="11"')


def _edge(shown: Window, step: int) -> float:
    return shown.x(shown.begins + step * shown.seconds)


def _moment(
    moment: Moment, x: float, y: float, strips: Iterable[tuple[float, float]]
) -> Iterator[str]:
    style = 'stroke-width="1.5"' if not moment.at else 'stroke-dasharray="3 2"'
    for above, below in strips:
        yield _line((x, above), (x, below), style)
    yield _text(x + 4, y, _named(moment))


def _legend(y: float, *, with_held: bool) -> Iterator[str]:
    entries = [
        ("answers per second", _ANSWERS, 1.0),
        ("errors per second", _ERRORS, 1.0),
        ("the proxy holds clients", "currentColor", 0.3),
    ]
    x: float = _LEFT
    for name, colour, opacity in entries[: 3 if with_held else 2]:
        yield _rectangle((x, y - 9), (10, 10), colour, opacity)
        yield _text(x + 15, y, name)
        x += 35 + _CHARACTER * len(name)


def _rectangle(
    corner: tuple[float, float], size: tuple[float, float], colour: str, opacity: float = 1.0
) -> str:
    x, y = corner
    width, height = size
    style = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
        f' fill="{colour}"{style}/>'
    )


def write(timeline: Timeline, path: Path) -> None:
    """Draw it to a file."""
    path.write_text(picture(timeline), "utf-8")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def main(*, paths: Sequence[Path]) -> None:
    """Draw timelines anew, each beside its JSON file."""
    for path in paths:
        write(read(path), path.with_suffix(".svg"))


if __name__ == "__main__":
    main(prog_name="python -m bench.failover.draw")
