"""How long things took, as a histogram of plain integers.

Adding to it is two additions and no allocation: it stands on the way of every statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_STEPS: Final = 8
"""Buckets for each doubling: whatever is read from a bucket is exact to some 6 %."""

_LONGEST: Final = (1 << 32) - 1
"""Microseconds, 71 minutes: no statement that is longer needs to be told from another one."""

BUCKETS: Final = 240
"""All of them: one for each microsecond below 8, then eight for each doubling up to 71 minutes;
2 KB a histogram."""

_SHOWN: Final = range(6, 27)
"""Powers of two, in microseconds, that are the bounds of what is shown to Prometheus: from 64
microseconds to 67 seconds, 21 series for a histogram.  Each is a bound here as well."""


def _place(micros: int) -> int:
    """The bucket of so many microseconds."""
    if micros < 2 * _STEPS:
        return micros
    high, shift = micros >> 4, 0
    if high >= 1 << 16:
        high >>= 16
        shift = 16
    if high >= 1 << 8:
        high >>= 8
        shift += 8
    if high >= 1 << 4:
        high >>= 4
        shift += 4
    if high >= 1 << 2:
        high >>= 2
        shift += 2
    if high >= 1 << 1:
        shift += 1
    shift += 1
    return shift * _STEPS + (micros >> shift)


def _lower(bucket: int) -> int:
    """The least microseconds that belong to a bucket."""
    if bucket < 2 * _STEPS:
        return bucket
    shift = bucket // _STEPS - 1
    return (bucket - shift * _STEPS) << shift


class Histogram:
    """How often things took how long.

    Attributes:
        micros: All of it added up, in microseconds.
        none: How often it was no time worth a look at the clock.
    """

    __slots__ = ("_counts", "micros", "none")

    def __init__(self) -> None:
        self._counts: list[int] = [0] * BUCKETS
        self.micros = self.none = 0

    def __repr__(self) -> str:
        """How many, and how long in the middle."""
        return f"<Histogram of {self.count}, median {self.quantile(0.5):.6f} s>"

    def add(self, seconds: float) -> None:
        """Something took that long; less than nothing is nothing."""
        micros = int(seconds * 1e6)
        if micros < 0:
            micros = 0
        elif micros > _LONGEST:
            micros = _LONGEST
        self.micros += micros
        self._counts[_place(micros)] += 1

    def add_none(self) -> None:
        """Something took no time worth a look at the clock."""
        self.none += 1

    @property
    def count(self) -> int:
        """How many there are."""
        return self.none + sum(self._counts)

    @property
    def seconds(self) -> float:
        """All of it added up."""
        return self.micros / 1e6

    @property
    def mean(self) -> float:
        """Their mean in seconds; 0 where there are none."""
        count = self.count
        return self.micros / count / 1e6 if count else 0.0

    def copy(self) -> Histogram:
        """How it stands now."""
        other = Histogram()
        other.merge(self)
        return other

    def merge(self, other: Histogram) -> None:
        """Add all of another one."""
        self.micros += other.micros
        self.none += other.none
        self._counts = [
            one + more for one, more in zip(self._counts, other._counts, strict=True)
        ]

    def minus(self, earlier: Histogram) -> Histogram:
        """What has been added since an earlier copy."""
        other = Histogram()
        other.micros = self.micros - earlier.micros
        other.none = self.none - earlier.none
        other._counts = [
            one - less for one, less in zip(self._counts, earlier._counts, strict=True)
        ]
        return other

    def packed(self) -> list[int]:
        """All of it as few numbers: for another process, see `unpacked`."""
        packed = [self.micros, self.none]
        for bucket, count in enumerate(self._counts):
            if count:
                packed += (bucket, count)
        return packed

    @classmethod
    def unpacked(cls, packed: Sequence[int]) -> Histogram:
        """What `packed` was made of."""
        other = cls()
        other.micros, other.none, *counts = packed
        for bucket, count in zip(counts[::2], counts[1::2], strict=True):
            other._counts[bucket] = count
        return other

    def quantile(self, share: float) -> float:
        """Seconds that this share of them (0 to 1) took at most; 0 where there are none."""
        wanted = share * self.count
        passed = self.none
        if wanted <= passed:
            return 0.0
        for bucket, count in enumerate(self._counts):
            if count and passed + count >= wanted:
                low, high = _lower(bucket), _lower(bucket + 1)
                within = (wanted - passed) / count
                # A microsecond is the least that is told apart: what took none took none.
                return (low if high - low == 1 else low + (high - low) * within) / 1e6
            passed += count
        return _LONGEST / 1e6

    def cumulative(self) -> list[tuple[str, float]]:
        """What Prometheus wants: bounds in seconds, as text, and how many took less."""
        shown: list[tuple[str, float]] = []
        passed, at = self.none, 0
        for power in _SHOWN:
            end = _place(1 << power)
            passed += sum(self._counts[at:end])
            at = end
            shown.append((repr((1 << power) / 1e6), passed))
        shown.append(("+Inf", passed + sum(self._counts[at:])))
        return shown
