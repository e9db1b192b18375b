"""What was measured along one curve, as values that a file can keep."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
from cattrs import structure, unstructure

from bench.curves.axes import MEASURES, Curve, Measure
from bench.curves.growth import Growth, growth

LEAST_SHARE: Final = 0.95
"""What idle clients must leave of the throughput of busy ones."""


@attrs.frozen
class Sample:
    """One look at one point.

    Attributes:
        number: of the round, from 0.
        rate: statements per second.
        median_ms: half of them took no longer.
        p99_ms: 99 of 100 took no longer.
        cpu_seconds: the proxy's processor time for one.
        memory_bytes: the proxy's after the load; where it is looked at while nothing happens,
            before.
        still_share: of a core, while nothing happens; None where that is not looked at.
        login_seconds: processor time of one idle client's login and first statement; None
            where there is none.
    """

    number: int
    rate: float
    median_ms: float
    p99_ms: float
    cpu_seconds: float
    memory_bytes: float
    still_share: float | None = None
    login_seconds: float | None = None


@attrs.frozen
class Place:
    """A point of the curve.

    Attributes:
        at: where on the axis.
        samples: one for each round.
    """

    at: int
    samples: tuple[Sample, ...]

    def median(self, measure: Measure) -> float | None:
        """The median of the rounds; None where it was not measured."""
        found = [getattr(sample, measure.key) for sample in self.samples]
        values = [value for value in found if value is not None]
        return statistics.median(values) if values else None


@attrs.frozen
class Verdict:
    """How one cost grows.

    Attributes:
        measure: its key.
        exponent: of the cause.
        limit: "flat" or "linear".
        factor: the cost at the last point, in those at the first one.
        sound: whether it grows no faster than it may.
    """

    measure: str
    exponent: float
    limit: str
    factor: float
    sound: bool

    @classmethod
    def of(cls, measure: Measure, found: Growth) -> Verdict:
        """The same as a value that a file can keep."""
        limit = found.limit.name.lower()
        return cls(measure.key, found.exponent, limit, found.factor, found.is_sound)

    def __str__(self) -> str:
        """As a line for people."""
        title = next(one.title for one in MEASURES if one.key == self.measure)
        name = title.rpartition(",")[0] or title
        judged = "sound" if self.sound else "GROWS TOO FAST"
        return (
            f"{name}: {self.factor:.2f} times from end to end, exponent {self.exponent:.2f} "
            f"where {self.limit} is allowed: {judged}"
        )


@attrs.frozen
class Shares:
    """What idle clients leave of the throughput of busy ones.

    Attributes:
        median: of the rounds, each compared with itself.
        least: of the rounds.
        most: likewise.
        sound: whether the median is what it must be.
    """

    median: float
    least: float
    most: float
    sound: bool

    @classmethod
    def of(cls, found: Sequence[float]) -> Shares:
        """Those of all rounds."""
        middle = statistics.median(found)
        return cls(middle, min(found), max(found), middle >= LEAST_SHARE)


@attrs.frozen
class Results:
    """One curve.

    Attributes:
        key: as in `Curve`.
        title: likewise.
        axis: likewise.
        ends: likewise.
        facts: machine, versions, form, and how long and how often.
        points: from left to right; those that could not be measured are missing.
        verdicts: on its costs.
        shares: for idle clients, measured in turns with none of them.
        beside: the same, measured at the same time: whatever else the machine does disturbs
            both alike.
        failures: what went wrong, by point.
    """

    key: str
    title: str
    axis: str
    ends: str
    facts: dict[str, str]
    points: tuple[Place, ...]
    verdicts: tuple[Verdict, ...]
    shares: Shares | None = None
    beside: Shares | None = None
    failures: dict[str, str] = attrs.field(factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing grows faster than it may, and all was measured."""
        shares = [one.sound for one in (self.shares, self.beside) if one is not None]
        return all(shares) and not self.failures and all(one.sound for one in self.verdicts)

    def curve(self, measure: Measure) -> list[tuple[int, float]]:
        """Place and median, where it was measured."""
        found = [(point.at, point.median(measure)) for point in self.points]
        return [(at, value) for at, value in found if value is not None]


def judged(
    curve: Curve,
    facts: dict[str, str],
    points: Sequence[Place],
    failures: dict[str, str],
    beside: Sequence[float] = (),
) -> Results:
    """Fit what was measured.

    Args:
        curve: what was to be measured.
        facts: see `Results`.
        points: likewise.
        failures: likewise.
        beside: throughput at the last point, in that of the first two at the same time.
    """
    found = Results(curve.key, curve.title, curve.axis, curve.ends, facts, tuple(points), ())
    verdicts = [
        Verdict.of(measure, growth(line, limit, measure.nothing))
        for measure, limit in curve.limits
        if len(line := found.curve(measure)) > 1
    ]
    return attrs.evolve(
        found,
        verdicts=tuple(verdicts),
        shares=Shares.of(_in_turns(points)) if curve.looks_still and len(points) > 1 else None,
        beside=Shares.of(beside) if beside else None,
        failures=failures,
    )


def _in_turns(points: Sequence[Place]) -> list[float]:
    alone = {sample.number: sample.rate for sample in points[0].samples}
    return [
        sample.rate / alone[sample.number]
        for sample in points[-1].samples
        if sample.number in alone
    ]


def write(results: Results, folder: Path) -> Path:
    """Keep it in a folder, under the name of its curve."""
    path = folder / f"curves-{results.key}.json"
    path.write_text(json.dumps(unstructure(results), indent=1) + "\n", "utf-8")
    return path


def read(path: Path) -> Results:
    """What `write` has kept.

    Raises:
        OSError: there is no such file.
    """
    return structure(json.loads(path.read_text("utf-8")), Results)
