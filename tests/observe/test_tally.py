"""Tests of `proxy.observe.tally`."""

from __future__ import annotations

import json

from proxy.observe.counters import Counters, EndpointCounters, Tally, TargetCounters
from proxy.observe.tally import (
    CLIENTS,
    HISTOGRAMS,
    LATENCIES,
    OF_CLIENTS,
    OF_ENDPOINT,
    OF_PROXY,
    OF_TALLY,
    OF_TARGET,
    ProxyTally,
)
from tests.observe.tallying import counted, flat, names_of, standing, target

BOOKKEEPING = {"exact_left", "exact_second", "until_sample", "weight"}
"""How a process takes samples of statements: no business of another one."""


def test_nothing_that_is_counted_is_left_out():
    """Whoever adds a counter finds it here missing."""
    assert {*names_of(Counters)} == {*OF_PROXY, "endpoints", "session_pins"}
    endpoint = {CLIENTS, *OF_ENDPOINT, *OF_CLIENTS, *HISTOGRAMS, LATENCIES}
    assert {*names_of(EndpointCounters)} == endpoint | BOOKKEEPING
    assert {*names_of(Tally)} == {"clients", *OF_TALLY}
    assert {*names_of(TargetCounters)} == {*OF_TARGET}


def test_it_comes_through_as_it_is():
    """By JSON: counters, gauges, targets, what is not known."""
    now = standing(
        target(100, database_connections=7, target_lag_seconds=0.5, pool_held=True),
        target(200, place="other:3306"),
        session_pins_now={"get_lock": 2},
        statement_digests=9,
        secret_age_seconds=1.5,
    )
    tally = ProxyTally(counted(), now)
    other = ProxyTally.unpacked(json.loads(json.dumps(tally.packed())))
    assert flat(other.counters) == flat(tally.counters)
    assert flat(other.now) == flat(tally.now)


def test_it_is_a_copy():
    """What is counted later is not in it."""
    counters = counted()
    packed = ProxyTally(counters).packed()
    counters.endpoint("main").plain.requests += 1
    counters.count_pin("get_lock")
    assert ProxyTally.unpacked(packed).packed() == packed
    assert ProxyTally(counters).packed() != packed
