"""How a cost grows with its cause: as which power of it.

A cost that is ``a + b * cause`` counts as linear however large `a` is; so where a cost may grow
linearly, what it is at the first point is taken off.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Sequence
from typing import Final

import attrs

DECADES: Final = 2.0
"""How much of the upper end of a curve is looked at: below it fixed costs hide what grows."""

LEAST_POINTS: Final = 3

TOLERANCE: Final = 0.15
"""How far an exponent may lie above its limit: over two decades that is a factor of two, and
some per cent of noise at three points that are nearer to each other come to as much."""


class Limit(enum.Enum):
    """How fast a cost may grow."""

    FLAT = 0
    """Not with the cause: it is the cost of one thing, of which there may be many."""
    LINEAR = 1


@attrs.frozen
class Growth:
    """What was found.

    Attributes:
        exponent: of the cause; 0 where the cost does not grow at all.
        limit: how large it may be.
        factor: how many times the cost at the first point that at the last one is.
    """

    exponent: float
    limit: Limit
    factor: float

    @property
    def is_sound(self) -> bool:
        """Whether it grows no faster than it may."""
        return self.exponent <= self.limit.value + TOLERANCE


def growth(points: Sequence[tuple[float, float]], limit: Limit, nothing: float) -> Growth:
    """Fit a cost at the upper end of its curve.

    Args:
        points: cause and cost, by cause; a first cause of 0 is the ground that the others
            stand on.
        limit: how fast it may grow.
        nothing: what the cost may differ by without having grown.
    """
    (_, first), (_, last) = points[0], points[-1]
    factor = last / first if first else math.inf
    # What is dear for a single one, and cheaper for some, may be dear again for many.
    least = first if limit is Limit.LINEAR else min(cost for _, cost in points)
    if last - least <= nothing:
        return Growth(0.0, limit, factor)
    ground = first if limit is Limit.LINEAR else 0.0
    grown = [(cause, cost - ground) for cause, cost in points]
    chosen = [(cause, cost) for cause, cost in grown if cause > 0 and cost > nothing]
    upper = [point for point in chosen if point[0] * 10**DECADES >= points[-1][0]]
    if len(upper) < LEAST_POINTS:
        upper = chosen[-LEAST_POINTS:]
    if len(upper) < 2:
        return Growth(0.0, limit, factor)
    causes, costs = zip(*((math.log(x), math.log(y)) for x, y in upper), strict=True)
    slope = statistics.linear_regression(causes, costs).slope
    return Growth(max(slope, 0.0), limit, factor)
