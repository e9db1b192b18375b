"""Tests of `proxy.service.supervising.tallies`: what a supervisor knows of its workers."""

from __future__ import annotations

import pytest

from proxy.observe.counters import Counters
from proxy.service.supervising.tallies import SILENT_SECONDS
from tests.service.telling import Office


@pytest.fixture
def office():
    return Office()


def states(office):
    return [one.state for one in office.tallies.workers()]


def work(office, number, requests):
    """The clients of a worker send so much."""
    counters = office.member(number).stage.proxy.counters
    counters.endpoint("main").plain.requests += requests


def test_each_worker_is_shown(office):
    """With what it told, and the clients that it has."""
    office.client(1)
    work(office, 1, 30)
    office.beat()
    first, second = office.tallies.workers()
    assert (first.number, first.pid, first.state) == (1, 4001, "serving")
    assert (first.clients, first.statements, first.uptime) == (1, 30, 5.0)
    assert first.resident_bytes > 0
    assert (second.clients, second.statements, second.restarts) == (0, 0, 0)


def test_a_state_says_how_it_is(office):
    """From the first process of a seat to the next one."""
    office.member(2).is_ready = False
    assert states(office) == ["serving", "starting"]
    office.member(2).is_ready = True
    office.beat()
    office.clock.advance(SILENT_SECONDS + 1)
    assert states(office) == ["silent", "silent"]
    office.beat()
    office.die(1)
    assert states(office) == ["replaced", "serving"]
    gone = office.tallies.workers()[0]
    assert (gone.pid, gone.clients, gone.restarts) == (0, 0, 1)
    office.hire(1).is_ready = False
    assert office.tallies.workers()[0].pid == 4001
    office.member(1).is_ready = True
    assert states(office) == ["serving", "serving"]


def test_what_a_seat_has_counted_never_falls(office):
    """The next process goes on where the one before has ended."""
    work(office, 1, 30)
    office.member(1).delay.add(0.5)
    office.beat()
    before = next(office.tallies.now())
    assert (before.worker, before.worker_up, before.worker_requests) == ("1", True, 30)
    office.die(1)
    gone = next(office.tallies.now())
    assert (gone.worker_up, gone.worker_requests, gone.worker_restarts) == (False, 30, 1)
    assert gone.worker_process_cpu_seconds >= before.worker_process_cpu_seconds
    office.hire(1)
    work(office, 1, 5)
    office.member(1).delay.add(0.25)
    office.beat()
    after = next(office.tallies.now())
    assert (after.worker_up, after.worker_requests) == (True, 35)
    assert after.worker_reactor_delay.seconds == 0.75
    assert after.worker_process_cpu_seconds > gone.worker_process_cpu_seconds


def test_a_worker_that_has_told_nothing_has_counted_nothing(office):
    """It may die so."""
    office.die(1)
    first, second = office.tallies.now()
    assert first.worker_requests == second.worker_requests == 0


def test_proxies_that_nobody_watches_are_not_kept(office):
    """A worker may tell of one longer than there is one."""
    office.beat()
    assert [*office.tallies.proxies["shop"].standings] == [1, 2]
    office.tallies.forget("shop")
    office.beat()
    assert office.tallies.proxies == {}
    assert repr(office.tallies) == "<Tallies of 2 workers and 0 proxies>"


def test_a_proxy_that_a_worker_serves_no_more_has_no_clients_there(office):
    """What was counted stays."""
    told = office.tallies.watch("bank", Counters())
    message = {"process": {}, "proxies": {}}
    heard = []
    office.member(1).link.on("tally", lambda one, _: heard.append(one))
    office.beat()
    message["process"] = heard[0]["process"]
    message["proxies"] = {"bank": heard[0]["proxies"]["shop"]}
    office.tallies._take(1, message)
    assert [*told.pools] == [1]
    office.tallies._take(1, {**message, "proxies": {}})
    assert not told.pools
    assert not told.standings
