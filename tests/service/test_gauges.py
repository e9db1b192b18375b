"""Tests of `proxy.service.gauges`."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.config.model import Target
from proxy.failover.availability import Availability
from proxy.front import concluding
from proxy.service.gauges import course_now, proxy_now
from proxy.service.supervising.distant_proxy import DistantProxy
from proxy.session.pins import Pin, PinReason
from tests.support.group import Group, begin
from tests.support.staffed import StaffedGroup


@pytest.fixture
def group():
    """A writer and a reader, both well."""
    group = Group("a", "b", topology=Topology.REPLICATION)
    yield group.be_well()
    group.stop()


def look(group, ages=()):
    """How things stand; the targets by name."""
    availability = Availability(group.steward)
    availability.look()
    now = proxy_now(group.proxy, group.steward, availability, ages)
    return now, {one.address.partition(":")[0]: one for one in now.targets}


def test_targets_are_shown_with_their_role_and_state(group):
    """And how far they are, and when they were seen."""
    _, targets = look(group)
    assert [*targets] == ["a", "b"]
    assert [one.target_role for one in targets.values()] == ["READ_WRITE", "READ_ONLY"]
    assert {one.target_state for one in targets.values()} == {"AVAILABLE"}
    assert targets["b"].target_seen_age_seconds >= 0


def test_a_transaction_is_seen_at_its_target(group):
    """Its connection is borrowed, and in a transaction."""
    client = group.client()
    begin(group)
    _, targets = look(group)
    busy = targets["a"]
    assert busy.database_connections_currently_borrowed >= 1
    assert busy.database_connections_currently_in_transaction == 1
    assert busy.database_connections >= 1
    assert busy.max_database_connections_allowed == 2
    assert busy.counters.database_connections_setup_succeeded >= 1
    assert targets["b"].database_connections_currently_in_transaction == 0
    assert client.client in group.proxy.own_clients()


def test_pins_are_seen_by_reason_and_target(group):
    """Once for each client and reason."""
    client = begin(group).client
    for detail in (1, 2):
        pin = Pin(PinReason.CURSOR, detail=detail, since=group.clock.seconds())
        if client.session.pins.add(pin):
            concluding.report_pin(client, pin)
    group.proxy.pinned[group.client().client] = None  # it had one a moment ago
    now, targets = look(group)
    assert now.session_pins_now == {"cursor": 1}
    assert targets["a"].database_connections_currently_session_pinned == 1


def test_who_waits_is_seen(group):
    """How many, and for how long the first of them has."""
    clients = [group.client() for _ in range(2)]
    group.order(group.operations.pause())
    for client in clients:
        client.query(b"SELECT 1")
    group.run(2)
    now, targets = look(group)
    assert (now.writer_held, now.writer_paused) == (True, True)
    assert now.writer_held_seconds >= 2
    assert targets["a"].pool_held
    assert targets["a"].client_connections_waiting == 2
    assert targets["a"].longest_wait_seconds == pytest.approx(2, abs=0.1)
    group.operations.resume()
    group.run(1)


def test_a_switch_has_its_time(group):
    """0 before the first one."""
    assert look(group)[0].writer_last_switch_timestamp_seconds == 0
    group.steward.switched_at = group.clock.seconds()
    assert look(group)[0].writer_last_switch_timestamp_seconds > 1_700_000_000


def test_the_oldest_secret_counts(group):
    """And the limits of the proxy are there."""
    now, _ = look(group, (3.0, 7.0))
    assert now.secret_age_seconds == 7.0
    assert now.max_clients == group.proxy.config.max_clients
    assert now.availability_percentage == {"READ_WRITE": 100.0, "READ_ONLY": 100.0}
    assert look(group)[0].secret_age_seconds == 0.0


def test_a_target_that_is_used_no_more_is_shown_while_it_has_connections(group):
    """Without a state."""
    group.client("reads")
    group.steward.give_up(["b:3306"])
    _, targets = look(group)
    assert targets["b"].target_state == ""


def test_a_worker_shows_what_is_its_own(group):
    """What is decided elsewhere is shown there."""
    begin(group)
    now = proxy_now(group.proxy, None, None, ())
    assert [one.target_state for one in now.targets] == ["", ""]
    assert now.targets[0].database_connections_currently_borrowed == 1
    assert (now.max_clients, now.availability_percentage) == (0, {})


def test_what_is_decided_for_others_is_shown_without_what_they_have():
    """The targets in use, how they are, and why clients wait."""
    group = StaffedGroup("a", "b").be_well()
    group.course.pools.get(Target(address="c:3306"))  # which is in no use
    availability = Availability(group.steward)
    availability.look()
    group.order(group.operations.pause())
    proxy = DistantProxy(group.proxy.config, None, group.counters, group.course)
    now = course_now(proxy, group.steward, availability, [3.0, 7.0])
    assert [(one.address, one.place) for one in now.targets] == [
        ("a:3306", "a:3306"),
        ("b:3306", "b:3306"),
    ]
    assert [one.target_role for one in now.targets] == ["READ_WRITE", "READ_ONLY"]
    assert {(one.target_state, one.pool_held) for one in now.targets} == {("AVAILABLE", True)}
    assert {one.database_connections for one in now.targets} == {0}
    assert now.availability_percentage == {"READ_WRITE": 100.0, "READ_ONLY": 100.0}
    assert (now.writer_held, now.writer_paused) == (True, True)
    assert (now.secret_age_seconds, now.max_clients) == (7.0, proxy.config.max_clients)
    group.run(0.1)
    group.stop()
