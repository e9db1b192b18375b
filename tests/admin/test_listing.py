"""Tests of `proxy.admin.listing`."""

from __future__ import annotations

import json

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.admin.listing import STEP_ROWS, listed, seen
from proxy.admin.sight import Seen


def begin(work):
    results = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    return results


@pytest.mark.parametrize(("limit", "left_off"), [(0, 3), (2, 1), (3, 0), (9, 0)])
def test_what_is_left_off_is_counted(limit, left_off):
    """A limit is no reason to believe that there is no more."""
    results = begin(listed("rows", [{"n": n} for n in (1, 2, 3)], limit, Clock()))
    content = json.loads(results[0].body)
    assert content == {
        "rows": [{"n": n} for n in range(1, 4)][:limit],
        "left_off": left_off,
    }


def test_long_lists_are_written_step_by_step():
    """Between two steps the reactor does what else there is; no row is made before its turn."""
    clock, made = Clock(), []
    rows = (made.append(n) or {"n": n} for n in range(2 * STEP_ROWS + 1))
    results = begin(seen("rows", Seen(rows, 2 * STEP_ROWS + 1), clock))
    assert len(made) == STEP_ROWS
    assert results == []
    (turn,) = clock.getDelayedCalls()
    assert turn.getTime() == clock.seconds()
    clock.advance(0)
    assert len(json.loads(results[0].body)["rows"]) == 2 * STEP_ROWS + 1


def test_who_goes_away_ends_it():
    """Nothing is written for nobody."""
    clock = Clock()
    work = Deferred.fromCoroutine(listed("rows", range(1000), 1000, clock))
    work.addErrback(lambda _: None)
    work.cancel()
    assert clock.getDelayedCalls() == []


def test_who_did_not_tell_is_named():
    """Their rows are among those that were left off."""
    results = begin(seen("rows", Seen([{"n": 1}], 3, (2,)), Clock()))
    content = json.loads(results[0].body)
    assert content == {"rows": [{"n": 1}], "left_off": 2, "missing_workers": [2]}
