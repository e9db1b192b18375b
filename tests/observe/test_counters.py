"""Tests of `proxy.observe.counters`."""

from __future__ import annotations

import pytest

from proxy.observe.counters import MOST_TARGETS, Counters, EndpointCounters, TargetCounters


@pytest.mark.parametrize("kind", [Counters, EndpointCounters, TargetCounters])
def test_counters_are_slotted(kind):
    """A misspelt counter is an error and not a new attribute."""
    with pytest.raises(AttributeError):
        kind().query_request = 1


def test_an_endpoint_has_one_set_of_counters():
    """The same ones each time that somebody asks for them."""
    counters = Counters()
    assert counters.endpoint("main") is counters.endpoint("main")
    assert counters.endpoint("main") is not counters.endpoint("reads")


def test_clients_with_and_without_tls_are_told_apart():
    """Their commands too; who has not logged in is neither."""
    one = EndpointCounters()
    one.client_connections = 6
    one.tls.clients, one.plain.clients = 3, 2
    one.tls.requests, one.plain.requests = 30, 20
    one.tls.express, one.plain.express = 5, 4
    assert (one.client_connections_tls, one.client_connections_no_tls) == (3, 2)
    assert one.client_connections_in_setup == 1
    assert (one.query_requests_tls, one.query_requests_no_tls) == (30, 20)
    assert (one.query_requests, one.query_requests_express) == (50, 9)


def test_a_proxy_adds_its_endpoints_up():
    """Commands, and latencies as copies."""
    counters = Counters()
    for number, name in enumerate(("main", "reads"), 1):
        one = counters.endpoint(name)
        one.plain.requests = number
        one.query_response_latency.add(number)
        one.of_target("a:3306").add(number)
        one.of_target("b:3306").add(number)
        one.database_connections_borrow_latency.add_none()
    assert counters.query_requests == 3
    assert counters.statement_latency().seconds == 3
    assert (counters.database_latency().count, counters.database_latency().seconds) == (4, 6)
    assert counters.borrow_latency().count == 2


def test_targets_that_come_and_go_for_ever_take_no_more_room():
    """From some number on they have a latency together."""
    one = EndpointCounters()
    for number in range(MOST_TARGETS + 5):
        one.of_target(f"10.0.0.{number}:3306").add(1.0)
    assert len(one.query_database_response_latency) == MOST_TARGETS + 1
    assert one.of_target("").count == 5
    assert one.of_target("10.0.0.3:3306").count == 1


def test_pins_are_counted_by_reason():
    """Each reason for itself."""
    counters = Counters()
    for reason in ("get_lock", "temporary_table", "get_lock"):
        counters.count_pin(reason)
    assert counters.session_pins == {"get_lock": 2, "temporary_table": 1}
