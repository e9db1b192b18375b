"""Tests of `proxy.service.supervising.distant_sight`: several workers look like one."""

from __future__ import annotations

import attrs
import pytest
from structlog.testing import capture_logs

from proxy.admin.listing import STEP_ROWS
from proxy.admin.sight import Standing
from proxy.observe.counters import TargetCounters
from proxy.observe.metrics_now import TargetNow
from proxy.service.supervising.distant_sight import KILL_SECONDS, LOOK_SECONDS
from tests.service.telling import Office
from tests.support.linked import wire_of


@pytest.fixture
def office():
    return Office(3)


def seen(office, work):
    """What is seen, with its rows in a list."""
    found = office.ask(work).value
    return [*found.rows], found.total, found.missing


def test_numbers_are_sums(office):
    """Of clients, connections, and all that is counted."""
    for number in (1, 2, 2):
        office.member(number).stage.begin(office.client(number))
    office.beat()
    sight = office.sight
    assert (sight.name, sight.count) == ("shop", 3)
    assert sight.standing() == Standing(clients=3, connections=3, lent=3, waiting=0, pinned=0)
    assert sight.counters.endpoint("main").client_connections == 3
    assert sight.counters.query_requests == 3
    assert repr(sight) == "<DistantSight of 'shop', 3 clients>"


def test_the_limit_of_a_target_is_its_own(office):
    """Whatever share of it each worker may have at the moment."""
    for number, share in ((1, 15), (2, 5), (3, 0)):
        pool = office.member(number).stage.pool
        pool.allowance.learn(20)
        pool.allowance.cap(share)
    office.beat()
    (pool,) = office.sight.pools()
    whole = office.member(1).stage.pool.allowance.whole
    assert pool.max_connections == whole.connections > 1
    assert pool.max_idle_connections == whole.idle
    office.assembly.targets = (
        TargetNow(
            address=pool.target,
            place=office.member(1).stage.pool.place,
            target_role="READ_WRITE",
            counters=TargetCounters(),
        ),
    )
    (target,) = office.sight.now().targets
    assert target.max_database_connections_allowed == whole.connections


def test_it_stands_as_the_steward_says_with_what_workers_have(office):
    """For the metrics."""
    office.member(1).stage.begin(office.client(1))
    office.beat()
    now = office.sight.now()
    assert now.max_clients == 100
    (target,) = now.targets
    assert target.database_connections == 1
    assert office.sight.counters.query_requests == 1


def test_what_a_worker_has_counted_stays(office):
    """Its clients are gone."""
    office.member(1).stage.begin(office.client(1))
    office.beat()
    office.die(1)
    assert office.sight.count == 0
    assert office.sight.standing().connections == 0
    assert office.sight.counters.query_requests == 1


def test_pins_are_counted_at_all(office):
    """By reason."""
    for number in (1, 2):
        office.member(number).stage.proxy.counters.count_pin("temporary_table")
    office.beat()
    (reason,) = office.sight.pin_reasons()
    assert (reason.reason, reason.total) == ("TEMPORARY_TABLE", 2)


def test_rows_of_all_are_put_together(office):
    """Those that have been connected longest first, whoever serves them."""
    peers = [office.client(number) for number in (3, 1, 2)]
    for age, peer in enumerate(peers):
        peer.client.since -= 10 - age
    rows, total, missing = seen(office, office.sight.clients())
    assert [row.number for row in rows] == [peer.client.number for peer in peers]
    assert [row.worker for row in rows] == [3, 1, 2]
    assert (total, missing) == (3, ())
    assert rows[0].pins == ()
    rows, total, _ = seen(office, office.sight.clients(2))
    assert (len(rows), total) == (2, 3)


def test_more_than_one_step_is_read(office):
    """To the end of each list."""
    for _ in range(STEP_ROWS + 5):
        office.client(1)
    office.client(2)
    rows, total, _ = seen(office, office.sight.clients())
    assert len(rows) == total == STEP_ROWS + 6


def test_connections_pins_and_statements_are_put_together(office):
    """Each in its own order."""
    for number in (1, 2):
        member = office.member(number)
        peer = office.client(number)
        peer.query(b"CREATE TEMPORARY TABLE t (a INT)")
        member.stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
        dialect = peer.client.session.dialect
        member.stage.proxy.digests.note(b"SELECT 1", dialect, 0.5 * number, False)
    rows, total, _ = seen(office, office.sight.connections())
    assert ([row.worker for row in rows], total) == ([1, 2], 2)
    rows, total, _ = seen(office, office.sight.pins())
    assert ({row.reason for row in rows}, total) == ({"TEMPORARY_TABLE"}, 2)
    rows, total, _ = seen(office, office.sight.digests(1))
    assert (rows[0].digest, rows[0].count, rows[0].total_seconds) == ("SELECT ?", 2, 1.5)
    assert total == 2
    for number in (1, 2, 3):
        office.member(number).stage.proxy.digests.clear()
    assert seen(office, office.sight.digests(1)) == ([], 0, ())


def test_nobody_waits_for_a_worker_that_hangs(office):
    """Its rows are missing, and that is said."""
    office.client(1)
    office.client(2)
    wire_of(office.member(2).up).stuck = True
    result = office.ask(office.sight.clients())
    assert not result.is_there
    with capture_logs() as lines:
        office.clock.advance(LOOK_SECONDS)
    found = result.value
    assert ([row.worker for row in found.rows], found.missing) == ([1], (2,))
    (line,) = lines
    assert (line["what"], line["workers"], line["log_level"]) == ("clients", [2], "warning")


def test_a_worker_that_dies_meanwhile_is_missing(office):
    """At once."""
    wire_of(office.member(2).up).stuck = True
    result = office.ask(office.sight.pins())
    office.die(2)
    assert result.value.missing == (2,)


def test_a_client_is_found_wherever_it_is(office):
    """By its number, which says where it began; it may have moved."""
    peer = office.client(2)
    number = peer.client.number
    assert office.ask(office.sight.has_client(number)).value
    clients = office.member(2).stage.proxy.clients
    moved = office.client(3)
    moved.client.number = number + 1000 * 64
    office.member(3).stage.proxy.clients[moved.client.number] = moved.client
    assert office.ask(office.sight.has_client(moved.client.number)).value
    assert not office.ask(office.sight.has_client(number + 64)).value
    assert number in clients


def test_a_client_is_ended_wherever_it_is(office):
    """Or its statement is stopped."""
    for _ in range(2):
        office.member(3).stage.begin(office.client(3))
    peer = office.client(3)
    peer.query(b"SELECT 1")
    number = peer.client.number
    assert office.ask(office.sight.stop_statement(number)).value
    assert peer.reply().code == 1317
    assert office.ask(office.sight.kill_client(number)).value
    assert peer.reply().code == 1927
    assert not office.ask(office.sight.kill_client(number)).value


def test_a_connection_is_ended_wherever_it_is(office):
    """By the server's number for it."""
    peer = office.client(2)
    office.member(2).stage.begin(peer)
    (target,) = office.member(2).stage.proxy.pools.by_address()
    which = target, peer.client.lease.backend.connection_id
    assert office.ask(office.sight.has_connection(*which)).value
    assert office.ask(office.sight.kill_connection(*which)).value
    assert peer.client.lease is None
    assert not office.ask(office.sight.has_connection(*which)).value


def test_who_hangs_has_no_client(office):
    """After a while."""
    peer = office.client(2)
    wire_of(office.member(2).up).stuck = True
    result = office.ask(office.sight.has_client(peer.client.number))
    office.clock.advance(KILL_SECONDS)
    assert not office.ask(office.sight.has_client(1 << 40)).is_there
    office.clock.advance(KILL_SECONDS)
    assert result.value is False


def test_statements_are_logged_by_all(office):
    """Also by a worker that begins later."""
    office.sight.debug = True
    office.beat()
    assert all(one.stage.proxy.debug for one in office.staff.members)
    office.die(1)
    office.hire(1)
    office.beat()
    assert office.member(1).stage.proxy.debug
    office.sight.debug = False
    office.beat()
    assert not any(one.stage.proxy.debug for one in office.staff.members)
    assert not office.hire(1).stage.proxy.debug


def test_a_reload_may_switch_it_as_well(office):
    """What the configuration says then is so."""
    office.sight.debug = True
    here = office.assembly.proxy
    here.config = attrs.evolve(here.config, max_clients=7)
    assert office.sight.debug
    here.config = attrs.evolve(here.config, debug_logging=True)
    office.sight.debug = False
    assert not office.sight.debug
    here.config = attrs.evolve(here.config, debug_logging=False)
    assert not office.sight.debug
    here.config = attrs.evolve(here.config, debug_logging=True)
    assert office.sight.debug


def test_every_endpoint_has_counters(office):
    """Before its first client too, and those that the metrics show are the same."""
    counters = office.sight.counters
    assert [*counters.endpoints] == ["main"]
    office.beat()
    office.sight.now()
    assert office.sight.counters is counters
    assert [*counters.endpoints] == ["main"]
