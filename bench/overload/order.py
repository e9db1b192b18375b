"""Whether those who wait are served in the order in which they came."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import attrs


@attrs.frozen
class Overtaking:
    """How far the order of service is from that of coming.

    Attributes:
        served: how many were.
        overtaken: of these, before whom somebody was served that came later by more than is
            forgiven.
        worst_seconds: by how much later, at most, somebody came that was served before.
        worst_places: how many of those that were forgiven nothing went before one, at most.
    """

    served: int
    overtaken: int
    worst_seconds: float
    worst_places: int

    @property
    def share(self) -> float:
        """What part of all was overtaken."""
        return self.overtaken / max(self.served, 1)


def overtaking(stories: Sequence[tuple[float, str]], forgiven_seconds: float) -> Overtaking:
    """Compare the orders.

    Args:
        stories: when each one came, and something that sorts as the moment of its service.
        forgiven_seconds: came so shortly after each other are those whose order nobody knows:
            commands that a process reads in one turn.
    """
    by_service = sorted(stories, key=lambda story: story[1])
    came: list[float] = []
    overtaken, worst, places = 0, 0.0, 0
    for at, _ in by_service:
        # All of these were served before, and came later.
        before = len(came) - bisect.bisect_right(came, at + forgiven_seconds)
        if came:
            worst = max(worst, came[-1] - at)
        if before:
            overtaken += 1
            places = max(places, before)
        bisect.insort(came, at)
    return Overtaking(len(by_service), overtaken, worst, places)
