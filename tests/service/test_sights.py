"""Tests of `proxy.service.sights`."""

from __future__ import annotations

import inspect
import os

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.observe import log
from proxy.service.sights import NearSights, Sights
from proxy.service.supervising.distant_sights import DistantSights
from tests.support.memory import Stage

MEMBERS = [name for name in vars(Sights) if not name.startswith("_")]


@attrs.define(eq=False)
class Assembly:
    proxy: object


class Process:
    """One with two proxies."""

    def __init__(self):
        self.clock = Clock()
        self.stages = [Stage(), Stage()]
        self.assemblies = [Assembly(one.proxy) for one in self.stages]
        self.sights = NearSights(self.clock, lambda: self.assemblies, lambda: 7.0)


@pytest.fixture
def process():
    return Process()


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("kind", [NearSights, DistantSights])
def test_they_have_all_that_is_asked_for(kind, name):
    """And take the same."""
    wanted, found = vars(Sights)[name], inspect.getattr_static(kind, name)
    assert (
        inspect.signature(found).parameters.keys()
        == inspect.signature(wanted).parameters.keys()
    )


def test_a_proxy_is_seen_by_one_sight(process):
    """For as long as it is there."""
    sights, (first, second) = process.sights, process.assemblies
    assert sights.of(first) is sights.of(first)
    assert sights.of(first) is not sights.of(second)
    before = sights.of(first)
    process.assemblies[:] = [second]
    sights.of(Assembly(Stage().proxy))
    process.assemblies.append(first)
    assert sights.of(first) is not before


def test_the_process_is_its_only_worker(process):
    """With the clients of all its proxies."""
    for stage in process.stages:
        stage.client()
    (worker,) = process.sights.workers()
    assert (worker.number, worker.pid, worker.state) == (1, os.getpid(), "serving")
    assert (worker.clients, worker.uptime, worker.restarts) == (2, 7.0, 0)
    assert worker.resident_bytes > 0
    assert process.sights.why_not_ready() == ""


def test_it_says_what_was_done_in_the_last_second(process):
    """By both proxies."""
    for stage in process.stages:
        stage.proxy.counters.endpoint("main").plain.requests += 20
    process.clock.advance(2)
    process.sights.sample()
    (worker,) = process.sights.workers()
    assert (worker.statements, worker.delay) == (20, 1.0)
    assert repr(process.sights).startswith("<NearSights <Pulse 20 statements")


def test_the_level_of_the_log_is_set(process):
    """There is nobody else to be told."""
    process.sights.set_log_level("error")
    assert log.level() == "error"
    assert Deferred.fromCoroutine(process.sights.heard()).called
    process.sights.set_log_level("info")
