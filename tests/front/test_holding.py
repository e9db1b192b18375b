"""Tests of `proxy.front.holding`: what a lease is brought to, and when it goes back."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from structlog.testing import capture_logs

from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.responses import Eof, Ok, variable_change
from tests.support.memory import Stage
from tests.support.scripted import AUTOCOMMIT, CLIENT_CAPABILITIES, error, query_packet

CHANGED = 0x4000
TRACKING = int(CLIENT_CAPABILITIES | Capability.SESSION_TRACK)


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client that has logged in and run one statement."""
    client = stage.client()
    client.query(b"SELECT 1")
    stage.serve(*stage.busy().side.rows([(b"1",)]))
    client.payloads()
    return client


def texts(stage, count):
    """Say the last statements that the only backend got."""
    (backend,) = stage.backends
    return [backend.side.text_of(c) or c for c in backend.side.commands[-count:]]


def run(stage, client, text, *payloads):
    """Run a statement; the packets of its answer."""
    client.query(text)
    stage.serve(*payloads)
    return client.payloads()


def test_a_lease_goes_back_after_each_statement_outside_of_a_transaction(stage, client):
    """Status bits decide, not the text."""
    run(stage, client, b"INSERT INTO t VALUES (1)")
    assert not stage.ledger.lent
    assert client.client.lease is None


def test_a_transaction_keeps_its_lease_to_its_end(stage, client):
    """It is given back by the answer that says that no transaction is open any more."""
    server = stage.begin(client)
    assert len(stage.ledger.lent) == 1
    run(stage, client, b"INSERT INTO t VALUES (1)")
    assert len(stage.ledger.lent) == 1
    server.side.status = AUTOCOMMIT
    run(stage, client, b"COMMIT")
    assert not stage.ledger.lent


def test_a_variable_follows_the_client(stage, client):
    """What the server reports of one is set on the next backend for this client alone."""
    server = stage.backends[0]
    changes = (variable_change(b"time_zone", b"+02:00"),)
    run(
        stage,
        client,
        b"SET time_zone = '+02:00'",
        server.side.ok(status=AUTOCOMMIT | CHANGED, changes=changes),
    )
    assert not stage.ledger.lent
    stage.servers.routines[b"SET time_zone"] = lambda side: [side.ok()]
    other = stage.client()
    other.query(b"SELECT 2")
    assert texts(stage, 2) == [b"SET time_zone = DEFAULT", b"SELECT 2"]
    stage.serve()
    client.query(b"SELECT 3")
    assert texts(stage, 2) == [b"SET time_zone = '+02:00'", b"SELECT 3"]


def test_a_replay_that_the_server_refuses_is_the_clients_error(stage, client):
    """The client hears the server's words; the backend, whose state nobody knows, is reset."""
    server = stage.backends[0]
    changes = (variable_change(b"time_zone", b"+02:00"),)
    run(
        stage,
        client,
        b"SET time_zone = '+02:00'",
        server.side.ok(status=AUTOCOMMIT | CHANGED, changes=changes),
    )
    stage.servers.routines[b"SET time_zone"] = lambda side: [error(1298).encode()]
    other = stage.client()
    other.query(b"SELECT 2")
    assert other.reply().code == 1298
    assert stage.counters.database_connections_reset == 1
    assert not stage.ledger.lent


def test_an_error_is_followed_by_a_ping_for_the_status(stage, client):
    """An ERR packet does not say whether a transaction is open; the next OK does."""
    run(stage, client, b"INSERT INTO nowhere VALUES (1)", error(1146, "42S02").encode())
    assert stage.ledger.lingering
    stage.part()
    assert b"\x0e" in texts(stage, 4)
    assert stage.ledger.idle_count == 1


def test_an_error_of_a_read_outside_of_a_transaction_needs_no_ping(stage, client):
    """It cannot have changed anything."""
    client.send(query_packet(b"SELECT nonsense") + encode(b"\x1b\x00\x00"))
    stage.serve(error(1054).encode())
    assert len(client.payloads()) == 2
    stage.part()
    assert texts(stage, 2) == [b"\x1b\x00\x00", b"SHOW WARNINGS"]


@pytest.mark.parametrize("trouble", ["refused", "dies", "hangs"])
@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_backend_that_fails_after_an_error_is_given_up(
    stage, client, trouble, in_transaction
):
    """The client has its ERR; the loss of its transaction is told at the next command."""
    if in_transaction:
        stage.begin(client)
    stage.servers.routines[b"\x0e"] = lambda side: (
        [error(1317).encode()] if trouble == "refused" else None
    )
    client.query(b"INSERT INTO nowhere VALUES (1)")
    stage.serve(error(1146, "42S02").encode())
    assert client.reply().code == 1146
    stage.part()
    if trouble == "dies":
        stage.busy().die()
    stage.run(5 if trouble == "hangs" else 0)
    stage.run()
    assert not stage.ledger.lent
    assert not stage.ledger.lingering
    client.query(b"SELECT 1")
    if in_transaction:
        assert client.reply().sqlstate == "40001"
    else:
        stage.serve()
        assert client.reply().affected_rows == 0


def test_a_charset_whose_collation_nobody_told_is_asked_for(stage, client):
    """SET NAMES is reported without its collation, so the server is asked."""
    server = stage.backends[0]
    stage.servers.routines[b"SELECT CAST(@@collation_connection"] = lambda side: side.rows(
        [(b"latin1_swedish_ci",)]
    )
    names = (b"character_set_client", b"character_set_connection", b"character_set_results")
    changes = tuple(variable_change(name, b"latin1") for name in names)
    run(
        stage,
        client,
        b"SET NAMES latin1",
        server.side.ok(status=AUTOCOMMIT | CHANGED, changes=changes),
    )
    stage.part()
    assert client.client.session.state.value(b"collation_connection") == b"latin1_swedish_ci"
    assert not stage.ledger.lent


@pytest.mark.parametrize("answer", ["refused", "no row", "nonsense"])
@pytest.mark.parametrize("text", [b"SELECT LAST_INSERT_ID(7)", b"SET NAMES latin1"])
def test_a_follow_up_that_fails_leaks_nothing(stage, client, text, answer):
    """A value of which the server says nothing costs the backend, not the pool."""
    server = stage.backends[0]

    def routine(side):
        if answer == "refused":
            return [error(1317).encode()]
        return [side.ok()] if answer == "no row" else side.rows([(b"nonsense", b"1")])

    for follow_up in (b"SELECT CAST(@@collation_connection", b"SELECT LAST_INSERT_ID()"):
        stage.servers.routines[follow_up] = routine
    changes = (variable_change(b"character_set_connection", b"latin1"),)
    if text.startswith(b"SET"):
        payloads = [server.side.ok(status=AUTOCOMMIT | CHANGED, changes=changes)]
    else:
        payloads = server.side.rows([(b"7",)])
    assert len(run(stage, client, text, *payloads)) == len(payloads)
    stage.part()
    assert not stage.ledger.lent
    assert not client.closed
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply().affected_rows == 0


def test_the_last_insert_id_is_brought_to_another_backend(stage, client):
    """LAST_INSERT_ID() is the client's own, wherever its statements run."""
    run(stage, client, b"INSERT INTO t VALUES ()", stage.backends[0].side.ok(last_insert_id=41))
    other = stage.client()
    run(stage, other, b"INSERT INTO t VALUES ()", stage.backends[0].side.ok(last_insert_id=42))
    stage.servers.routines[b"SET last_insert_id"] = lambda side: [side.ok()]
    client.query(b"SELECT LAST_INSERT_ID()")
    assert texts(stage, 2) == [b"SET last_insert_id = 41", b"SELECT LAST_INSERT_ID()"]


def test_an_insert_id_that_cannot_be_brought_is_the_clients_error(stage, client):
    """The client hears the server's words, and the lease is not lost."""
    run(stage, client, b"INSERT INTO t VALUES ()", stage.backends[0].side.ok(last_insert_id=41))
    run(stage, stage.client(), b"SELECT 1")
    stage.servers.routines[b"SET last_insert_id"] = lambda side: [error(1317).encode()]
    client.query(b"SELECT LAST_INSERT_ID()")
    assert client.reply().code == 1317
    assert not stage.ledger.lent
    assert not client.closed


def test_a_pin_keeps_the_lease_and_is_told_once(stage, client):
    """One log line and one count for each reason."""
    with capture_logs() as lines:
        run(stage, client, b"CREATE TEMPORARY TABLE t (a INT)")
        run(stage, client, b"CREATE TEMPORARY TABLE u (a INT)")
    assert len(stage.ledger.lent) == 1
    assert stage.counters.session_pins == {"temporary_table": 1}
    (line,) = [line for line in lines if "pinned" in line["event"]]
    assert line["database_connection"] == 1
    assert line["endpoint"] == "main"
    assert line["statement"]


def test_a_reset_by_the_client_gives_a_pinned_lease_back(stage, client):
    """COM_RESET_CONNECTION ends what pinned, and the backend is reset."""
    run(stage, client, b"SELECT GET_LOCK('a', 1)")
    client.send(encode(b"\x1f"))
    assert client.reply().status == AUTOCOMMIT
    assert not stage.ledger.lent
    assert stage.counters.database_connections_reset == 1


def test_a_transaction_that_is_lost_on_the_way_to_a_state_is_told(stage, client):
    """COM_SET_OPTION brings the backend of a transaction along, or loses both."""
    stage.begin(client)
    stage.servers.routines[b"\x1b"] = lambda side: None
    client.send(encode(b"\x1b\x00\x00"))
    stage.busy().die()
    stage.run()
    assert client.reply().sqlstate == "40001"
    del stage.servers.routines[b"\x1b"]
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply().affected_rows == 0
    assert not stage.ledger.lent


def test_a_statement_that_closes_ends_the_connection_after_its_answer(stage, client):
    """COMMIT RELEASE: the answer first, then the end."""
    run(stage, client, b"COMMIT RELEASE")
    assert client.closed
    assert stage.is_clean()


@pytest.mark.parametrize("used_since", [True, False])
def test_multi_statements_are_switched_once(stage, client, used_since):
    """COM_SET_OPTION goes where nobody has been since, or comes with the next statement."""
    if used_since:
        run(stage, stage.client(), b"INSERT INTO t VALUES (1)")
    before = len(stage.backends[0].side.commands)
    client.send(encode(b"\x1b\x00\x00"))
    assert client.payloads() == [b"\xfe\x00\x00\x02\x00\x00\x00"]
    assert len(stage.backends[0].side.commands) == before + (not used_since)
    client.query(b"SELECT 1")
    assert texts(stage, 2) == [b"\x1b\x00\x00", b"SELECT 1"]
    assert Eof().encode() not in client.payloads()


@pytest.mark.parametrize("others", [(), ((b"b", b"@`b` = 2"),)])
def test_user_variables_of_others_go_by_a_reset(stage, client, others):
    """Only a reset takes a user variable away; what the session itself has is set again."""
    stage.servers.routines[b"SET @"] = lambda side: [side.ok()]
    session = client.client.session
    plain = session.state
    session.change_state(plain.assign_user_variables({b"a": b"@`a` = 1"}))
    run(stage, client, b"INSERT INTO t VALUES (1)")
    assert texts(stage, 2) == [b"SET @`a` = 1", b"INSERT INTO t VALUES (1)"]
    session.change_state(plain.assign_user_variables(dict(others)))
    run(stage, client, b"INSERT INTO t VALUES (2)")
    asked = texts(stage, 12)
    asked = asked[asked.index(b"\x1f") :]
    assert asked[1] == b"\x1b\x01\x00"
    assert not any(b"@`a`" in text for text in asked)
    assert all(text in asked[-2] for _, text in others)
    assert asked[-1] == b"INSERT INTO t VALUES (2)"


@pytest.mark.parametrize(("found", "known"), [(b"7", 7), (b"8", 0)])
def test_an_insert_id_on_a_backend_of_others_is_taken_when_it_was_told(
    stage, client, found, known
):
    """A number other than the statement told is of whoever had the backend before."""
    stage.servers.routines[b"SELECT LAST_INSERT_ID()"] = lambda side: side.rows([(found,)])
    run(stage, client, b"INSERT INTO t VALUES (7)", Ok(1, 7).encode(0))
    stage.part()
    assert texts(stage, 1) == [b"SELECT LAST_INSERT_ID()"]
    assert client.client.session.last_insert_id == known
    assert not stage.ledger.lent
