"""Tests of `proxy.admin.latencies`."""

from __future__ import annotations

import pytest

from proxy.admin.latencies import Counted, latency
from proxy.admin.snapshot import LatencyStatus
from proxy.observe.latency import Histogram
from tests.support.memory import Stage


def test_all_endpoints_count_together():
    """And what was read stays as it was."""
    proxy = Stage().proxy
    for name in ("main", "readers"):
        counters = proxy.counters.endpoint(name)
        counters.plain.requests += 2
        counters.query_response_latency.add(0.25)
        counters.of_target("db:3306").add(0.125)
        counters.database_connections_borrow_latency.add(0.5)
    before = Counted.of(proxy)
    proxy.counters.endpoint("main").query_response_latency.add(1.0)
    proxy.counters.endpoint("main").plain.requests += 1
    since = Counted.of(proxy).since(before)
    assert (before.requests, before.statements.count) == (4, 2)
    assert (before.database.mean, before.borrows.mean) == (0.125, 0.5)
    assert (since.requests, since.statements.count, since.borrows.count) == (1, 1, 0)
    assert since.statements.mean == 1.0


def test_a_histogram_is_shown_by_some_numbers():
    """All of them 0 where there is nothing in it."""
    histogram = Histogram()
    assert latency(histogram) == LatencyStatus()
    for _ in range(99):
        histogram.add(0.001)
    histogram.add(1.0)
    shown = latency(histogram)
    assert shown.count == 100
    assert shown.p50 == pytest.approx(0.001, rel=0.1)
    assert shown.p99 < 0.01 < shown.mean < 0.02
