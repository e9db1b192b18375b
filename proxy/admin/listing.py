"""Long lists, written in small steps: between two of them everybody else is served."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from twisted.internet.defer import Deferred

from proxy.admin.call import Written
from proxy.admin.json_form import json_text
from proxy.admin.sight import Seen
from proxy.net.clock import Clock, cancel

STEP_ROWS: Final = 100
"""Rows that are written at once: some 3 ms, about what a full turn of the reactor takes."""


async def listed(name: str, rows: Sequence[Any], limit: int, clock: Clock) -> Written:
    """A list of which all rows are there, as an answer.

    Args:
        name: Of the list.
        rows: All there are.
        limit: How many are wanted.
        clock: Gives the others their turns.
    """
    return await _listed(name, Seen(rows[:limit], len(rows)), clock, {})


async def seen(name: str, found: Seen[Any], clock: Clock) -> Written:
    """A list that was looked for, as an answer; each row is made when its turn has come.

    Args:
        name: Of the list.
        found: No more than is wanted.
        clock: Gives the others their turns.
    """
    return await _listed(name, found, clock, {"missing_workers": found.missing})


async def _listed(name: str, found: Seen[Any], clock: Clock, more: dict[str, Any]) -> Written:
    pieces: list[str] = []
    rows = iter(found.rows)
    while step := [json_text(row) for row in islice(rows, STEP_ROWS)]:
        pieces += step
        if len(step) < STEP_ROWS:
            break
        await others(clock)
    left_off = max(found.total - len(pieces), 0)
    rest = json_text({"left_off": left_off, **more})
    text = f"{{{json_text(name)}: [{', '.join(pieces)}], {rest[1:]}\n"
    return Written(HTTPStatus.OK, text.encode())


async def others(clock: Clock) -> None:
    """Let everybody else be served."""
    turn: Deferred[None] = Deferred()
    timer = clock.callLater(0, turn.callback, None)
    try:
        await turn
    finally:
        cancel(timer)
