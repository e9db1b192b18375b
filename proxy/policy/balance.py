"""When clients should change workers, so that no processor core is busy while another rests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

BUSY: Final = 0.3
"""Part of a core that a worker has to use before anybody leaves it: below that its clients wait
for nothing that another one has."""

DIFFERENCE: Final = 0.2
"""Part of a core by which two workers have to differ: what differs less may be chance, and is
not worth the millisecond for which a client that moves is silent."""


@attrs.frozen
class Move:
    """Some of the clients that make work are to go to another worker.

    Attributes:
        giver: Number of the worker that they leave.
        taker: Number of the one that they go to.
        part: How many of them, as a part of all that make work there.
    """

    giver: int
    taker: int
    part: float


def next_move(busy: Mapping[int, float]) -> Move | None:
    """What evens out the two workers that differ most; None where all are even enough.

    Args:
        busy: By number of the worker, the part of a core that it has used of late.
    """
    if not busy:
        return None
    giver, taker = max(busy, key=busy.__getitem__), min(busy, key=busy.__getitem__)
    difference = busy[giver] - busy[taker]
    if busy[giver] < BUSY or difference < DIFFERENCE:
        return None
    return Move(giver, taker, difference / 2 / busy[giver])
