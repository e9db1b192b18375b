"""Tests of `proxy.front.timing`."""

from __future__ import annotations

import math

import pytest
from structlog.testing import capture_logs

from proxy.observe.counters import EXACT, SAMPLED
from proxy.wire.framing import encode
from proxy.wire.responses import Err, Ok
from tests.support.memory import Stage
from tests.support.scripted import CLIENT_CAPABILITIES

PLACE = "db:3306"
LATER = 1e12
"""What arrived then has taken no time, however slow the machine is."""
QUIT, PING, CLOSE = b"\x01", b"\x0e", b"\x19\x01\x00\x00\x00"


@pytest.fixture
def stage():
    """A proxy before one target."""
    return Stage()


@pytest.fixture
def client(stage):
    return stage.client()


@pytest.fixture
def counters(stage):
    """Those of the one endpoint."""
    return stage.proxy.counters.endpoint("main")


def run(stage, client, text, *answer):
    """A statement, and what the server answers."""
    client.query(text)
    stage.serve(*answer)
    return client.payloads()


def run_at_once(stage, client, text, *answer):
    """The same for one that takes no time."""
    client.query(text)
    client.client.timing.arrived = LATER
    stage.serve(*answer)
    return client.payloads()


def times(counters):
    """How many commands and how many answers of targets were timed, and how many borrows."""
    database = counters.query_database_response_latency.get(PLACE)
    return (
        counters.query_response_latency.count,
        database.count if database is not None else 0,
        counters.database_connections_borrow_latency.count,
    )


def test_a_statement_of_the_express_lane_is_timed(stage, client, counters):
    """At its endpoint and at its target; it borrowed a connection at once."""
    run(stage, client, b"SELECT 1")
    stage.part()
    before, at_once = times(counters), counters.database_connections_borrow_latency.none
    run(stage, client, b"SELECT 1")
    assert counters.query_requests_express == 2
    assert times(counters) == tuple(count + 1 for count in before)
    assert counters.database_connections_borrow_latency.none == at_once + 1


def test_the_target_takes_a_part_of_the_time(stage, client, counters):
    """Never more than all of it."""
    for _ in range(5):
        run(stage, client, b"SELECT 1")
    database = counters.query_database_response_latency[PLACE]
    assert 0 < database.micros <= counters.query_response_latency.micros


def test_a_command_of_the_slow_lane_is_timed(stage, client, counters):
    """In the same way, and one that the proxy answers itself without a target."""
    run(stage, client, b"SET @a = 1")
    assert times(counters)[:2] == (1, 1)
    client.send(encode(PING))
    stage.run()
    if stage.ledger.lent:
        stage.serve()
    assert times(counters)[0] == 2


def test_what_has_no_answer_has_no_time(client, counters):
    """It is counted as a command."""
    client.send(encode(CLOSE))
    client.send(encode(QUIT))
    assert counters.query_requests == 2
    assert times(counters)[0] == 0


def test_a_command_that_waits_in_vain_is_timed_and_failed(stage, client, counters):
    """From its arrival to its error."""
    stage.begin(client)
    other = stage.client()
    stage.begin(other)
    third = stage.client()
    before = times(counters)
    third.query(b"SELECT 1")
    stage.run(9)
    assert third.reply().code == 9501
    assert times(counters) == (before[0] + 1, before[1], before[2])
    assert counters.query_errors == 1


def test_who_waited_for_a_connection_was_not_served_at_once(stage, client, counters):
    """Its wait is added up."""
    other = stage.client()
    third = stage.client()
    stage.begin(client)
    other.query(b"SELECT 1")
    none = counters.database_connections_borrow_latency.none
    third.query(b"SELECT 2")
    backend = next(one for one in stage.backends if b"SELECT 1" in one.texts)
    backend.answer()
    stage.run()
    backend.answer()
    stage.run()
    assert third.reply() == Ok()
    assert counters.database_connections_borrow_latency.none == none
    assert counters.database_connections_borrow_latency.count > none


def test_errors_are_counted_in_both_lanes(stage, client, counters):
    """Whoever answers by one."""
    error = Err(1064, "42000", b"wrong").encode()
    run(stage, client, b"SELECT 1", error)
    assert counters.query_errors == 1
    run(stage, client, b"SET @a = b", error)
    assert counters.query_errors == 2
    client.send(encode(b"\x1f"))  # COM_RESET_CONNECTION
    run(stage, client, b"SELECT 1")
    assert counters.query_errors == 2


def test_who_is_where_is_counted(stage, counters):
    """From the greeting to the end, in setup and logged in."""
    peer = stage.connect()
    assert (counters.client_connections, counters.client_connections_in_setup) == (1, 1)
    peer.log_in()
    assert counters.client_connections_in_setup == 0
    assert counters.client_connections_no_tls == 1
    peer.leave()
    assert (counters.client_connections, counters.client_connections_no_tls) == (0, 0)
    assert counters.client_connections_closed == 1


def test_a_change_of_user_is_no_other_client(stage, client, counters):
    """Nobody is counted twice."""
    client.change_user()
    stage.run()
    assert (counters.client_connections, counters.client_connections_no_tls) == (1, 1)
    assert counters.client_connections_setup_succeeded == 1


def test_a_client_that_goes_on_elsewhere_has_not_left(client, counters):
    """Nor is it a new login where it goes on."""
    timing = client.client.timing
    timing.struck_out()
    assert (counters.client_connections, counters.client_connections_closed) == (0, 0)
    timing.taken_in()
    assert (counters.client_connections, counters.client_connections_no_tls) == (1, 1)
    assert counters.client_connections_setup_succeeded == 1


def test_the_first_statements_of_a_second_are_all_in_the_digests(stage, client):
    """Each by its text, prepared or not."""
    for number in range(5):
        run(stage, client, b"SELECT %d" % number)
    (one,) = stage.proxy.digests.top(5)
    assert (one.text, one.count, one.errors) == ("SELECT ?", 5, 0)


def test_of_many_statements_some_stand_for_all(stage, client, counters):
    """Behind the first hundred of a second; about as many are counted as there were."""
    total = EXACT + 50 * SAMPLED
    for _ in range(total):
        run_at_once(stage, client, b"SELECT 1")
    (one,) = stage.proxy.digests.top(5)
    assert counters.weight == SAMPLED
    assert EXACT < one.count < 2 * total
    assert (one.count - EXACT) % SAMPLED == 0
    before = one.count
    stage.run(1.5)
    counters.until_sample = 1
    run_at_once(stage, client, b"SELECT 1")
    run_at_once(stage, client, b"SELECT 1")
    (one,) = stage.proxy.digests.top(5)
    assert one.count == before + SAMPLED + 1


def test_what_failed_or_was_slow_counts_for_one(stage, client, counters):
    """Each of them, whether it was its turn or not."""
    counters.until_sample, counters.weight = 1_000_000, SAMPLED
    run_at_once(stage, client, b"SELECT 1")
    assert stage.proxy.digests.top(5) == []
    client.query(b"SELECT slow")
    client.client.timing.arrived -= 1
    stage.serve()
    (one,) = stage.proxy.digests.top(5)
    assert (one.text, one.count, one.longest >= 1) == ("SELECT slow", 1, True)
    stage.proxy.digests.clear()
    run(stage, client, b"SELECT wrong", Err(1054, "42S22", b"what").encode())
    (one,) = stage.proxy.digests.top(5)
    assert (one.text, one.count, one.errors) == ("SELECT wrong", 1, 1)


def test_a_quick_statement_that_is_told_of_is_no_sample(stage, client, counters):
    """With debug_logging each is looked at, and the digests stay right."""
    counters.until_sample, counters.weight = 1_000_000, SAMPLED
    stage.proxy.debug = True
    stage.proxy.tell_after = stage.proxy.look_after = -math.inf
    with capture_logs() as logs:
        run_at_once(stage, client, b"SELECT 1")
    assert [line["failed"] for line in logs if line["event"] == "a statement"] == [False]
    assert stage.proxy.digests.top(5) == []


def test_a_repeated_command_is_counted(stage, client, counters):
    """One whose connection was lost before it did anything lasting."""
    run(stage, client, b"SELECT 1")
    client.query(b"SELECT 2")
    stage.busy().die()
    stage.run(1)
    stage.serve()
    assert counters.query_requests_repeated == 1


def test_a_text_with_broken_attributes_is_in_no_digest(stage, counters):
    """It is an error as any other one."""
    client = stage.client(capabilities=CLIENT_CAPABILITIES | 1 << 27)
    client.send(encode(b"\x03\x01"))
    stage.run()
    assert counters.query_requests == 1
    assert stage.proxy.digests.top(5) == []


def test_timing_says_what_it_has(client):
    """For whoever looks at a client."""
    assert repr(client.client.timing) == "<Timing of 0.000000 s at the target, failed=False>"
