"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

DIRECT: Final = "direct"
OURS: Final = "mysqlproxy"
OURS_AS_PYTHON: Final = "as Python"

_GAP = "  "


@attrs.frozen
class Sample:
    """One measurement.

    Attributes:
        value: in the unit of the work.
        cpu_seconds: the proxy's processor time for one operation; None for the direct way.
        p99_ms: the latency that 99 of 100 operations keep below, where it is measured.
        errors: operations that failed and were repeated.
        number: of the round it was taken in, from 0.
    """

    value: float
    cpu_seconds: float | None = None
    p99_ms: float | None = None
    errors: int = 0
    number: int = 0


@attrs.frozen
class Line:
    """A work, as far as the report knows it.

    Attributes:
        key: short name.
        title: what is done, with its unit.
        more_is_better: a rate, rather than a time or a size.
        digits: digits behind the point.
        shows_p99: whether the latency is of interest.
        than: the key of a work that does the same at a higher price; each peer is compared
            with itself there, by its figure and by its processor time.
    """

    key: str
    title: str
    more_is_better: bool = True
    digits: int = 0
    shows_p99: bool = False
    than: str = ""


Samples = Mapping[str, Mapping[str, Sequence[Sample]]]
"""Work's key, then peer's name, then one sample for each round."""


def ratio(
    ours: Sequence[Sample], theirs: Sequence[Sample], attribute: str = "value"
) -> float | None:
    """The median of the ratios within each round; None where there is none.

    Rounds are compared with themselves, so that a machine that slows down in the middle
    changes both sides.
    """
    other = {sample.number: value for sample in theirs if (value := getattr(sample, attribute))}
    ratios = [
        value / other[sample.number]
        for sample in ours
        if sample.number in other and (value := getattr(sample, attribute)) is not None
    ]
    return statistics.median(ratios) if ratios else None


def median(samples: Sequence[Sample], attribute: str) -> float | None:
    """The median of an attribute over the samples that have it."""
    values = [value for sample in samples if (value := getattr(sample, attribute)) is not None]
    return statistics.median(values) if values else None


def duration(seconds: float) -> str:
    """Processor time in the unit that suits it."""
    if seconds < 0.01:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s"


def rows(
    line: Line,
    peers: Sequence[str],
    samples: Mapping[str, Sequence[Sample]],
    dearer: Mapping[str, Sequence[Sample]],
) -> list[list[str]]:
    """The rows of one work: figures, ranges, processor time, latency, ratios.

    Args:
        line: the work.
        peers: the columns.
        samples: by peer.
        dearer: those of the work that it is compared with, if there is one.
    """
    figures, ranges = [line.title], ["  least to most"]
    cpu, p99, ours = ["  cpu per operation"], ["  p99, ms"], [f"  {OURS} ÷ it"]
    gains, savings = [f"  it ÷ {line.than}"], [f"  cpu of it ÷ {line.than}"]
    direct = samples.get(DIRECT, ())
    for peer in peers:
        taken = samples.get(peer, ())
        figures.append(_figure(line, peer, taken, direct))
        ranges.append(_range(line, taken))
        used, late = median(taken, "cpu_seconds"), median(taken, "p99_ms")
        cpu.append("" if used is None else duration(used))
        p99.append("" if late is None else f"{late:.2f}")
        compared = None if peer == OURS else ratio(samples.get(OURS, ()), taken)
        ours.append(_ratio(compared))
        before = dearer.get(peer, ())
        gains.append(_ratio(ratio(taken, before)))
        savings.append(_ratio(ratio(taken, before, "cpu_seconds")))
    extra = [row for row in (ranges, cpu, ours, gains, savings) if any(row[1:])]
    if line.shows_p99:
        extra.append(p99)
    return [figures, *extra]


def _ratio(compared: float | None) -> str:
    return "" if compared is None else f"{compared:.2f}"


def _figure(line: Line, peer: str, taken: Sequence[Sample], direct: Sequence[Sample]) -> str:
    middle = median(taken, "value")
    if middle is None:
        return "-"
    text = f"{middle:,.{line.digits}f}"
    compared = None if peer == DIRECT else ratio(taken, direct)
    return text if compared is None else f"{text} ({compared:.2f})"


def _range(line: Line, taken: Sequence[Sample]) -> str:
    if len(taken) < 2:
        return ""
    values = [sample.value for sample in taken]
    return f"{min(values):,.{line.digits}f} to {max(values):,.{line.digits}f}"


def table(lines: Sequence[Line], peers: Sequence[str], samples: Samples) -> str:
    """All works that were measured; in parentheses the ratio to the direct way."""
    body = [["", *peers]]
    for line in lines:
        if line.key in samples:
            dearer = samples.get(line.than, {})
            body += rows(line, peers, samples[line.key], dearer)
    widths = [max(len(row[column]) for row in body) for column in range(len(peers) + 1)]
    return "\n".join(
        _GAP.join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in body
    )


def as_json(lines: Sequence[Line], peers: Sequence[str], samples: Samples) -> dict[str, Any]:
    """The same as plain values, every sample included."""
    works = {}
    for line in lines:
        taken = samples.get(line.key)
        if taken is None:
            continue
        works[line.key] = {
            "title": line.title,
            "more_is_better": line.more_is_better,
            "peers": {
                peer: _summary(taken[peer], taken.get(DIRECT, ()), taken.get(OURS, ()))
                | _savings(taken[peer], samples.get(line.than, {}).get(peer, ()))
                for peer in peers
                if taken.get(peer)
            },
        }
    return works


def _summary(
    taken: Sequence[Sample], direct: Sequence[Sample], ours: Sequence[Sample]
) -> dict[str, Any]:
    values = [sample.value for sample in taken]
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
        "ratio_to_direct": ratio(taken, direct),
        "ours_to_it": ratio(ours, taken),
        "cpu_seconds_per_operation": median(taken, "cpu_seconds"),
        "p99_ms": median(taken, "p99_ms"),
        "samples": [attrs.asdict(sample) for sample in taken],
    }


def _savings(taken: Sequence[Sample], dearer: Sequence[Sample]) -> dict[str, float | None]:
    """How it compares with the work that does the same at a higher price, if there is one."""
    if not dearer:
        return {}
    return {
        "ratio_to_dearer_work": ratio(taken, dearer),
        "cpu_ratio_to_dearer_work": ratio(taken, dearer, "cpu_seconds"),
    }
