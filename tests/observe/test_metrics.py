"""Tests of `proxy.observe.metrics`."""

from __future__ import annotations

import pytest

from proxy.observe.counters import Counters, TargetCounters
from proxy.observe.latency import Histogram
from proxy.observe.metrics import (
    CONTENT_TYPE,
    ProcessCounters,
    ProxyCollector,
    exposition,
    make_registry,
)
from proxy.observe.metrics_now import ProxyNow, TargetNow, WorkerNow
from proxy.observe.metrics_table import ALL

ENDPOINT = {"proxy": "shop", "endpoint": "main"}
TARGET = {
    "proxy": "shop",
    "target_group": "default",
    "target": "db",
    "target_role": "READ_WRITE",
}


def target(**more):
    """A target that takes writes."""
    known = {"address": "db", "place": "db:3306", "target_role": "READ_WRITE"}
    return TargetNow(**{**known, "counters": TargetCounters(), **more})


@pytest.fixture
def collector():
    return ProxyCollector(ProcessCounters("1.2", "compiled", lambda: 1700.0, log_events={}))


@pytest.fixture
def registry(collector):
    return make_registry(collector)


def test_counts_are_read_when_somebody_asks(collector, registry):
    """A scrape shows the integers as they are at that moment, by proxy and endpoint."""
    shop, blog = Counters(), Counters()
    collector.watch("shop", shop, ProxyNow)
    collector.watch("blog", blog, ProxyNow)
    tally = shop.endpoint("main").plain
    tally.requests += 3
    name = "mysqlproxy_query_requests_total"
    assert registry.get_sample_value(name, ENDPOINT) == 3
    assert registry.get_sample_value(name, {**ENDPOINT, "proxy": "blog"}) is None
    tally.requests += 1
    assert registry.get_sample_value(name, ENDPOINT) == 4


def test_pins_are_counted_by_reason(collector, registry):
    """Each reason for a pin is a series of its own; how many are pinned now is another."""
    counters = Counters()
    collector.watch("shop", counters, lambda: ProxyNow(session_pins_now={"get_lock": 1}))
    for reason in ("get_lock", "temporary_table", "get_lock"):
        counters.count_pin(reason)
    name = "mysqlproxy_session_pins_total"
    locked = {"proxy": "shop", "reason": "get_lock"}
    assert registry.get_sample_value(name, locked) == 2
    assert registry.get_sample_value(name, {**locked, "reason": "temporary_table"}) == 1
    assert registry.get_sample_value("mysqlproxy_session_pins_now", locked) == 1


def test_a_proxy_is_looked_at_once_a_scrape(collector, registry):
    """All gauges of a scrape come from one look, so that they fit together."""
    looks = []

    def look():
        looks.append(1)
        return ProxyNow(targets=(target(database_connections=5),), max_clients=len(looks))

    collector.watch("shop", Counters(), look)
    text = exposition(registry).decode()
    assert looks == [1]
    assert 'mysqlproxy_max_clients{proxy="shop"} 1.0' in text
    assert "mysqlproxy_database_connections{" in text


def test_every_series_of_the_table_is_made(collector):
    """With its kind, its sentence and its labels, when there is something to be said."""
    counters = Counters()
    counters.count_pin("get_lock")
    counters.endpoint("main").of_target("db:3306").add(0.1)
    now = ProxyNow(
        targets=(
            target(target_state="AVAILABLE", target_lag_seconds=0.5, target_seen_age_seconds=1),
        ),
        availability_percentage={"READ_WRITE": 100.0},
        session_pins_now={"get_lock": 1},
    )
    collector.process.log_events = {"info": 1}
    collector.workers = lambda: [WorkerNow(worker="1")]
    collector.watch("shop", counters, lambda: now)
    families = {family.name: family for family in collector.collect()}
    assert list(families) == [series.name for series in ALL]
    for series in ALL:
        family = families[series.name]
        assert (family.type, family.documentation) == (series.kind, series.doc)
        assert family.samples
        for sample in family.samples:
            assert {*sample.labels} - {"le"} == {*series.labels}


def test_a_worker_has_its_series(collector, registry):
    """By its number; how late each of them is counts for the process as well."""
    late = Histogram()
    late.add(0.5)
    collector.process.reactor_delay.add(0.25)
    collector.workers = lambda: [
        WorkerNow(worker=str(number), worker_requests=number, worker_reactor_delay=late)
        for number in (1, 2)
    ]
    requests = "mysqlproxy_worker_requests_total"
    assert registry.get_sample_value(requests, {"worker": "2"}) == 2
    assert registry.get_sample_value("mysqlproxy_reactor_delay_seconds_sum") == 1.25
    assert registry.get_sample_value("mysqlproxy_reactor_delay_seconds_sum") == 1.25
    name = "mysqlproxy_worker_reactor_delay_seconds_sum"
    assert registry.get_sample_value(name, {"worker": "1"}) == 0.5


def test_one_process_has_no_workers(registry):
    """There is not one series more than what it has done itself."""
    assert b"mysqlproxy_worker_up{" not in exposition(registry)


def test_histograms_are_cumulative_and_in_seconds(collector, registry):
    """As Prometheus wants them."""
    counters = Counters()
    collector.watch("shop", counters, ProxyNow)
    for seconds in (0.001, 0.002, 3.0):
        counters.endpoint("main").query_response_latency.add(seconds)
    name = "mysqlproxy_query_response_latency_seconds"
    assert registry.get_sample_value(f"{name}_count", ENDPOINT) == 3
    assert registry.get_sample_value(f"{name}_sum", ENDPOINT) == pytest.approx(3.003)
    at_most = registry.get_sample_value(f"{name}_bucket", {**ENDPOINT, "le": "0.004096"})
    assert at_most == 2


def test_a_latency_has_the_role_of_its_target(collector, registry):
    """And one of a target that is used no more is not shown."""
    counters = Counters()
    collector.watch("shop", counters, lambda: ProxyNow(targets=(target(),)))
    counters.endpoint("main").of_target("db:3306").add(0.5)
    counters.endpoint("main").of_target("gone:3306").add(0.5)
    name = "mysqlproxy_query_database_response_latency_seconds_count"
    assert registry.get_sample_value(name, {**TARGET, "endpoint": "main"}) == 1
    assert b"gone" not in exposition(registry)


def test_a_target_has_one_state(collector, registry):
    """One series is 1, the others are 0; what is not known is not there."""
    collector.watch(
        "shop", Counters(), lambda: ProxyNow(targets=(target(target_state="UNAVAILABLE"),))
    )
    values = {
        state: registry.get_sample_value("mysqlproxy_target_state", {**TARGET, "state": state})
        for state in ("REGISTERING", "AVAILABLE", "UNAVAILABLE", "UNUSED")
    }
    assert values == {"REGISTERING": 0, "AVAILABLE": 0, "UNAVAILABLE": 1, "UNUSED": 0}
    assert registry.get_sample_value("mysqlproxy_target_lag_seconds", TARGET) is None


def test_a_forgotten_proxy_is_not_shown(collector, registry):
    """After forget() no series carries the name of the proxy."""
    counters = Counters()
    counters.endpoint("main")
    collector.watch("shop", counters, ProxyNow)
    assert b"shop" in exposition(registry)
    collector.forget("shop")
    collector.forget("shop")
    assert b"shop" not in exposition(registry)


def test_the_process_shows_itself(collector, registry):
    """What runs, reloads, lines of the log, and the figures that every program has."""
    collector.process.configuration_reloads["refused"] += 1
    collector.process.log_events = {"error": 2}
    collector.process.reactor_delay.add(0.25)
    text = exposition(registry).decode()
    for line in (
        'mysqlproxy_build_info{form="compiled",version="1.2"} 1.0',
        'mysqlproxy_configuration_reloads_total{result="refused"} 1.0',
        "mysqlproxy_configuration_timestamp_seconds 1700.0",
        'mysqlproxy_log_events_total{level="error"} 2.0',
        "mysqlproxy_reactor_delay_seconds_sum 0.25",
        "process_resident_memory_bytes",
        "process_open_fds",
        "python_info",
        "python_gc_collections_total",
    ):
        assert line in text
    assert CONTENT_TYPE.startswith("text/plain")


def test_lines_of_the_log_are_those_of_the_log():
    """A process counts its own."""
    assert {"info", "warning", "error"} <= {*ProcessCounters().log_events}
