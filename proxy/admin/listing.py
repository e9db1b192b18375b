"""Long lists, written in small steps: between two of them everybody else is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred

from proxy.admin.call import Written
from proxy.admin.json_form import json_text
from proxy.net.clock import Clock, cancel

STEP_ROWS: Final = 100
"""Rows that are written at once: some 3 ms, about what a full turn of the reactor takes."""

Row = TypeVar("Row")


async def listed(
    name: str,
    rows: Sequence[Row],
    limit: int,
    clock: Clock,
    shape: Callable[[Row], Any],
    total: int = 0,
) -> Written:
    """A list as an answer.

    Args:
        name: Of the list.
        rows: All there are, or those of them that are worth it.
        limit: How many are wanted.
        clock: Gives the others their turns.
        shape: Makes what is sent of a row; is called when its turn has come.
        total: How many there are, where that is more.
    """
    wanted, pieces = rows[:limit], []
    for begin in range(0, len(wanted), STEP_ROWS):
        if begin:
            await _others(clock)
        pieces += [json_text(shape(row)) for row in wanted[begin : begin + STEP_ROWS]]
    left_off = max(total, len(rows)) - len(wanted)
    text = f'{{{json_text(name)}: [{", ".join(pieces)}], "left_off": {left_off}}}\n'
    return Written(HTTPStatus.OK, text.encode())


async def _others(clock: Clock) -> None:
    turn: Deferred[None] = Deferred()
    timer = clock.callLater(0, turn.callback, None)
    try:
        await turn
    finally:
        cancel(timer)
