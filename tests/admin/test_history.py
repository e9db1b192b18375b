"""Tests of `proxy.admin.history`."""

from __future__ import annotations

import json

import pytest
from twisted.internet.task import Clock

from proxy.admin.history import KEPT_SECONDS, History
from proxy.admin.near_sight import NearSight
from tests.support.memory import Stage


class Kept:
    """A history of one proxy."""

    def __init__(self):
        self.stage = Stage()
        self.proxy = NearSight(self.stage.proxy)
        self.counters = self.proxy.counters.endpoint("main")
        self.proxies = [self.proxy]
        self.clock = Clock()
        self.history = History(lambda: self.proxies, self.clock, lambda: 1000.0)

    def moments(self):
        return json.loads(self.history.text())[self.proxy.name]

    def answer(self, seconds, times=1):
        """Statements that were answered."""
        for _ in range(times):
            self.counters.plain.requests += 1
            self.counters.query_response_latency.add(seconds)


@pytest.fixture
def kept():
    return Kept()


def test_each_second_has_what_happened_in_it(kept):
    """Not what happened before."""
    kept.answer(9.0)
    kept.history.start()
    kept.answer(0.25, 3)
    kept.clock.advance(1)
    kept.clock.advance(1)
    first, second = kept.moments()
    assert (first["time"], first["statements"]) == (1000.0, 3)
    latency = first["statement_latency"]
    assert latency["count"] == 3
    assert latency["mean"] == 0.25
    assert latency["p50"] == pytest.approx(0.25, rel=0.1)
    assert second["statements"] == second["statement_latency"]["count"] == 0
    assert kept.history.now(kept.proxy).statements == 0


def test_the_last_minute_is_added_up(kept):
    """Sixty seconds of it, and no more."""
    kept.history.start()
    kept.answer(0.5, 7)
    for _ in range(60):
        kept.clock.advance(1)
        kept.answer(0.1)
    minute = kept.history.last_minute(kept.proxy)
    assert minute.statements == 7 + 59
    assert minute.statement_latency.p99 == pytest.approx(0.5, rel=0.1)
    kept.clock.advance(1)
    assert kept.history.last_minute(kept.proxy).statements == 60


def test_it_tells_how_things_stood(kept):
    """Clients and connections at the end of the second."""
    kept.history.start()
    kept.stage.begin(kept.stage.client())
    kept.clock.advance(1)
    (moment,) = kept.moments()
    assert (moment["clients"], moment["connections"], moment["lent"]) == (1, 1, 1)


def test_it_is_bounded(kept):
    """Only the last minutes are kept."""
    kept.history.start()
    for _ in range(KEPT_SECONDS + 10):
        kept.clock.advance(1)
    assert len(kept.moments()) == KEPT_SECONDS


def test_proxies_come_and_go(kept):
    """A new one of the same name begins anew; one that has gone is forgotten."""
    kept.history.start()
    kept.clock.advance(1)
    other = NearSight(Stage().proxy)
    other.counters.endpoint("main").plain.requests = 100
    kept.proxies[:] = [other]
    assert kept.history.now(other).statements == 0
    assert kept.history.last_minute(other).statements == 0
    kept.clock.advance(1)
    assert kept.moments() == []
    kept.clock.advance(1)
    assert kept.history.now(other).statements == 0
    kept.proxies.clear()
    kept.clock.advance(1)
    assert kept.history.text() == "{}"


def test_it_can_be_stopped(kept):
    """Nothing wakes up any more."""
    kept.history.start()
    kept.history.stop()
    assert kept.clock.getDelayedCalls() == []


def test_others_are_called_each_second_too():
    """Before the sample, so that it is of the same second."""
    called, clock = [], Clock()
    history = History(list, clock, also=lambda: called.append(clock.seconds()))
    history.start()
    clock.advance(1)
    assert called == [0.0, 1.0]
