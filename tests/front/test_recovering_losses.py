"""Tests of `proxy.front.recovering`: a backend is lost that had something of a session."""

from __future__ import annotations

import pytest

from proxy.wire.constants import Status
from proxy.wire.framing import encode
from proxy.wire.responses import Ok
from tests.support.losses import die, prepare, settled
from tests.support.memory import Stage
from tests.support.scripted import packets
from tests.support.statements import COLUMN, execute


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client whose first statement has brought a backend into its state."""
    return settled(stage)


# What does not, because the session had something there


def test_a_pinned_read_does_not_run_again(stage, client):
    """The temporary table that it may read is gone, and the error says so, once."""
    client.query(b"CREATE TEMPORARY TABLE t (a INT)")
    stage.serve()
    client.payloads()
    client.query(b"SELECT a FROM t")
    die(stage)
    reply = client.reply()
    assert (reply.code, reply.sqlstate) == (2013, "HY000")
    assert "temporary table" in reply.text
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_a_read_does_not_run_again_where_values_are_lost(stage, client):
    """User variables whose values only the backend knew."""
    client.query(b"SET @a = NOW()")
    stage.serve()
    client.payloads()
    client.query(b"SELECT @a")
    die(stage)
    assert "user variables" in client.reply().text


def test_a_last_insert_id_that_is_lost_is_not_replaced(stage, client):
    """Reads go on; the first statement that asks for the id hears that it is lost."""
    client.query(b"INSERT INTO t (a) VALUES (7)")
    stage.serve(Ok(1, 7).encode(0))
    client.payloads()
    client.query(b"SELECT a FROM t")
    die(stage)
    stage.serve()
    assert client.reply() == Ok()
    client.query(b"SELECT LAST_INSERT_ID()")
    assert "LAST_INSERT_ID()" in client.reply().text
    client.query(b"INSERT INTO t VALUES ()")
    stage.serve(Ok(1, 200).encode(0))
    client.payloads()
    client.query(b"SELECT LAST_INSERT_ID()")
    assert len(client.payloads()) == 4
    assert stage.backends[-1].side.commands[-1] == b"\x03SELECT LAST_INSERT_ID()"


def test_a_new_insert_id_takes_the_place_of_a_lost_one(stage, client):
    """Nothing is missed any more."""
    client.query(b"INSERT INTO t (a) VALUES (7)")
    stage.serve(Ok(1, 7).encode(0)).die()
    stage.run()
    client.payloads()
    assert client.client.session.misses_insert_id
    client.query(b"INSERT INTO t VALUES ()")
    stage.serve(Ok(1, 200).encode(0))
    assert not client.client.session.misses_insert_id


@pytest.mark.parametrize("idle", [True, False])
def test_warnings_that_are_lost_are_not_replaced_by_others(stage, client, idle):
    """SHOW WARNINGS gives no other session's, and says that they cannot be had."""
    client.query(b"SELECT 1/0")
    stage.serve(Ok(warnings=1).encode(0))
    client.payloads()
    stage.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    if not idle:
        client.query(b"SHOW WARNINGS")
    stage.backends[0].die()
    stage.run()
    if idle:
        client.query(b"SHOW WARNINGS")
    assert client.reply().code == 1105


def test_found_rows_that_are_lost_are_not_replaced_by_others(stage, client):
    """FOUND_ROWS() gives neither another session's count nor an older one."""
    client.query(b"SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1")
    stage.serve()
    client.payloads()
    stage.servers.routines[b"SELECT FOUND_ROWS()"] = lambda _: None
    client.query(b"SELECT FOUND_ROWS()")
    die(stage)
    assert client.reply().code == 1105


def test_a_cursor_that_is_lost_is_told(stage, client):
    """The FETCH hears so, and a new execute works."""
    number = prepare(stage, client)
    client.send(execute(number, flags=1))
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    stage.serve(b"\x01", COLUMN, Ok(status=cursor, header=0xFE).encode(0))
    client.payloads()
    client.send(encode(b"\x1c" + number + b"\x05\x00\x00\x00"))
    die(stage)
    assert "cursor" in client.reply().text
    client.send(execute(number))
    stage.serve()
    assert client.reply() == Ok()


@pytest.mark.parametrize("pinned", [True, False])
def test_long_data_of_a_lost_backend_are_told(stage, client, pinned):
    """They have no answer: the execute hears of parts that are gone, and of none that come."""
    number = prepare(stage, client)
    stage.servers.routines[b"\x18"] = lambda _: []
    part = encode(b"\x18" + number + b"\x00\x00data")
    if pinned:
        client.send(part)
    stage.backends[-1].die()
    stage.run()
    client.send(part)
    assert client.payloads() == []
    client.send(execute(number))
    if pinned:
        assert "long data" in client.reply().text
    else:
        stage.serve()
        assert client.reply() == Ok()


# Writes, transactions, answers cut short


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (b"SELECT a FROM t", "40001"),
        (b"INSERT INTO t VALUES (1)", "40001"),
        (b"ROLLBACK", "40001"),
        (b"COMMIT", "08007"),
        (b"BEGIN", "08007"),
        (b"CREATE TABLE u (a INT)", "08007"),
    ],
)
def test_in_a_transaction_there_is_one_error(stage, client, text, state):
    """It was rolled back, or its outcome is unknown; the client goes on."""
    stage.begin(client)
    client.query(text)
    die(stage)
    reply = client.reply()
    assert reply.sqlstate == state
    assert reply.code == (1213 if state == "40001" else 2013)
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()
    assert not stage.ledger.lent


@pytest.mark.parametrize("text", [b"ROLLBACK", b"COMMIT"])
def test_the_end_of_a_transaction_that_is_none_runs_again(stage, client, text):
    """Drivers send a ROLLBACK behind each error, and hear no second one."""
    client.query(text)
    stage.backends[-1].die()
    stage.run()
    stage.serve()
    assert client.reply() == Ok()


@pytest.mark.parametrize("idle", [True, False])
def test_what_else_was_lost_is_told_behind_the_transaction(stage, client, idle):
    """Whoever runs the transaction again must not find a table missing, or another one."""
    client.query(b"CREATE TEMPORARY TABLE u (a INT)")
    stage.serve()
    client.payloads()
    server = stage.begin(client)
    if not idle:
        client.query(b"INSERT INTO u VALUES (1)")
    server.die()
    stage.run()
    if idle:
        client.query(b"INSERT INTO u VALUES (1)")
    assert client.reply().sqlstate == "40001"
    client.query(b"BEGIN")
    assert "temporary table" in client.reply().text
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_what_was_not_sent_is_rolled_back_and_not_unknown(stage, client):
    """A COMMIT whose backend dies before has not run."""
    stage.begin(client)
    stage.servers.routines[b"SET time_zone"] = lambda _: None
    session = client.client.session
    session.change_state(session.state.assign({b"time_zone": b"+01:00"}))
    client.query(b"COMMIT /* slow */ AND CHAIN")
    die(stage)
    assert client.reply().sqlstate == "40001"


@pytest.mark.parametrize("way", ["reset", "change"])
def test_who_begins_anew_hears_nothing_of_what_was_lost_before(stage, client, way):
    """COM_RESET_CONNECTION and COM_CHANGE_USER end the transaction themselves."""
    stage.begin(client).die()
    stage.run()
    if way == "reset":
        client.send(encode(b"\x1f"))
    else:
        client.change_user()
    assert client.reply() == Ok()
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_a_file_whose_backend_is_lost_ends_the_connection(stage, client):
    """The client was asked for it already: there is no place for an error."""
    client.query(b"LOAD DATA LOCAL INFILE 'a' INTO TABLE t")
    stage.serve(b"\xfba")
    assert client.payloads() == [b"\xfba"]
    stage.backends[0].die()
    client.wire.receive(encode(b"1\n", 2))
    stage.run()
    assert client.closed
    assert stage.is_clean()


def test_a_result_that_was_cut_short_is_not_repeated(stage, client):
    """Rows that have gone out cannot be taken back."""
    client.query(b"SELECT a FROM t")
    server = stage.busy()
    server.send(packets(server.side.rows([(b"1",)] * 3))[:60])
    stage.run()
    server.die()
    stage.run()
    assert client.closed
    assert len(stage.backends) == 1


@pytest.mark.parametrize("prepared", [True, False])
def test_a_question_of_ours_behind_the_answer_is_told_at_the_next_command(
    stage, client, prepared
):
    """The client has its answer; what was set cannot be known any more."""
    stage.servers.routines[b"SELECT CAST(@@session_track"] = lambda _: None
    text = b"SET SESSION session_track_schema = 0"
    if prepared:
        client.send(execute(prepare(stage, client, text)))
    else:
        client.query(text)
    stage.serve()
    assert client.reply() == Ok()
    die(stage)
    assert client.payloads() == []
    client.query(b"SELECT 1")
    assert "the last statement set" in client.reply().text
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()
