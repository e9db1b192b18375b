"""Tests of `proxy.service.supervising.distant_sights`."""

from __future__ import annotations

import attrs
import pytest
from twisted.internet.defer import Deferred

from proxy.observe import log
from proxy.service.supervising.distant_sight import LOOK_SECONDS
from tests.service.telling import Assembly, Here, Office


@pytest.fixture
def office():
    return Office()


def test_a_proxy_is_seen_by_one_sight(office):
    """For as long as it is there."""
    assert office.sights.of(office.assembly) is office.sight


def test_what_was_told_of_a_proxy_that_is_gone_is_forgotten(office):
    """When there is another one."""
    office.beat()
    bank = Assembly(Here(attrs.evolve(office.assembly.proxy.config, name="bank")))
    office.assemblies[:] = [bank]
    assert office.sights.of(bank).name == "bank"
    assert [*office.tallies.proxies] == ["bank"]
    again = Assembly(Here(office.assembly.proxy.config))
    office.assemblies.append(again)
    assert office.sights.of(again).counters.query_requests == 0
    office.beat()
    assert office.sights.of(again).standing().clients == 0


def test_workers_are_those_of_the_staff(office):
    """Who tell each second of their own accord."""
    office.sights.sample()
    assert [one.number for one in office.sights.workers()] == [1, 2]
    assert "2 workers" not in repr(office.sights)
    office.beat()
    assert "2 workers" in repr(office.sights)


def test_all_write_the_same_lines(office):
    """The level is set everywhere."""
    heard = []
    for number in (1, 2):
        office.member(number).up.on("log_level", lambda message, _: heard.append(message))
    office.sights.set_log_level("error")
    assert log.level() == "error"
    office.beat()
    assert [one["level"] for one in heard] == ["error", "error"]
    log.set_level("info")


async def never(_message, _sockets):
    """A worker that hangs."""
    await Deferred()


def test_an_order_is_done_when_all_have_heard_it(office):
    """Who does not answer hears it later; nobody waits for that."""
    heard = []
    for number in (1, 2):
        office.member(number).up.on("log_level", lambda message, _: heard.append(message))
    office.member(1).up.on("ping", lambda _message, _sockets: None)
    office.member(2).up.on("ping", never)
    office.sights.set_log_level("info")
    asked = Deferred.fromCoroutine(office.sights.heard())
    office.beat()
    assert not asked.called
    office.clock.advance(LOOK_SECONDS)
    assert asked.called
    assert len(heard) == 2


def test_it_is_ready_while_somebody_serves(office):
    """One is enough."""
    office.die(1)
    assert office.sights.why_not_ready() == ""
    office.die(2)
    assert office.sights.why_not_ready() == "no worker serves"
