"""Tests of `proxy.front.recovering`: a backend is lost while it runs a command."""

from __future__ import annotations

import pytest

from proxy.front.holding import PAUSES_SECONDS
from proxy.session.pins import PinReason
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, PrepareOk, variable_change
from tests.support.losses import die, prepare, settled
from tests.support.memory import Stage
from tests.support.scripted import AUTOCOMMIT, error
from tests.support.statements import execute

LOST = "Lost connection to the database while it ran the statement"


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client whose first statement has brought a backend into its state."""
    return settled(stage)


# What runs again


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT a FROM t",
        b"SELECT a FROM t FOR UPDATE",
        b"SHOW TABLES",
        b"SELECT CONNECTION_ID()",
        b"BEGIN",
        b"SET NAMES utf8mb4",
        b"SET time_zone = '+00:00'",
        b"USE shop",
    ],
)
def test_what_changes_nothing_for_good_runs_again(stage, client, text):
    """Another backend answers, and the client hears nothing of the first."""
    client.query(text)
    first = stage.busy()
    die(stage)
    assert client.payloads() == []
    assert stage.busy() is not first
    assert stage.busy().texts == [text]
    stage.serve()
    assert client.reply() == Ok()
    assert not client.closed
    assert client.client.tries == 0


@pytest.mark.parametrize("express", [True, False])
def test_a_read_that_kills_every_backend_is_given_up(stage, client, express):
    """It runs so many times more, later and later, and then its client hears of the loss."""
    client.query(b"SELECT a FROM t" if express else b"SELECT CONNECTION_ID()")
    for pause in PAUSES_SECONDS:
        die(stage)
        assert client.payloads() == []
        stage.run(pause)
    die(stage)
    assert client.reply().text == LOST
    client.query(b"SELECT 1")
    die(stage)
    stage.serve()
    assert client.reply() == Ok()
    assert not stage.ledger.lent


@pytest.mark.parametrize("named", [b"", b" COLLATE latin1_bin"])
def test_a_session_with_a_charset_of_its_own_goes_on_with_it(stage, client, named):
    """Nobody can be asked for its collation any more, but the client has said it."""
    names = (b"character_set_client", b"character_set_connection", b"character_set_results")
    changes = tuple(variable_change(name, b"latin1") for name in names)
    client.query(b"SET NAMES latin1" + named)
    stage.serve(stage.backends[0].side.ok(status=AUTOCOMMIT | 0x4000, changes=changes))
    client.payloads()
    stage.servers.routines[b"SET NAMES latin1 COLLATE"] = lambda side: [side.ok()]
    client.query(b"SELECT a FROM t")
    die(stage)
    stage.serve()
    assert client.reply() == Ok()
    replayed = stage.backends[-1].side.commands[-2]
    if named:
        assert replayed == b"\x03SET NAMES latin1 COLLATE latin1_bin"
    else:
        assert b"collation" not in replayed
        assert b"character_set_connection = 'latin1'" in replayed


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"\x04t\x00", b"\xfe\x00\x00\x02\x00\x00\x00"),
        (b"\x09", b"Uptime: 5"),
        (b"\x0a", b"\x00\x00\x00\x02\x00\x00\x00"),
    ],
)
def test_commands_that_only_ask_run_again(stage, client, payload, answer):
    """COM_FIELD_LIST, COM_STATISTICS and COM_PROCESS_INFO."""
    client.send(encode(payload))
    die(stage)
    assert stage.busy().asked == [payload]
    stage.serve(answer)
    assert client.payloads() == [answer]


@pytest.mark.parametrize("payload", [b"\x02shop", b"\x0e"])
def test_commands_that_are_answered_by_ok_run_again(stage, client, payload):
    """COM_INIT_DB and COM_PING; where there is no backend, a PING is answered by us."""
    stage.servers.routines[payload] = lambda _: None
    client.send(encode(payload))
    assert stage.busy().asked == [payload]
    del stage.servers.routines[payload]
    die(stage)
    assert client.reply() == Ok()
    assert client.client.session.state.schema == (b"shop" if payload[0] == 2 else None)


@pytest.mark.parametrize("payload", [b"\x07\x01", b"\x0d"])
def test_commands_that_do_something_to_the_server_do_not_run_again(stage, client, payload):
    """Nobody knows whether COM_REFRESH or COM_DEBUG was done."""
    client.send(encode(payload))
    die(stage)
    assert client.reply().sqlstate == "08007"
    assert client.client.lease is None


def test_a_prepare_runs_again(stage, client):
    """The client's id is the next one all the same."""
    stage.servers.routines[b"\x16"] = lambda _: None
    client.send(encode(b"\x16SELECT 1"))
    die(stage)
    stage.serve(PrepareOk(71, 0, 0).encode())
    (payload,) = client.payloads()
    assert payload[1:5] == b"\x01\x00\x00\x00"
    assert [*client.client.session.statements] == [1]


@pytest.mark.parametrize("express", [True, False])
def test_a_prepared_read_runs_again(stage, client, express):
    """It is prepared on the other backend first."""
    number = prepare(stage, client)
    client.send(execute(number, flags=0 if express else 1))
    assert stage.busy().asked[0][1:5] == (71).to_bytes(4, "little")
    die(stage)
    assert stage.busy().asked[0][1:5] == (72).to_bytes(4, "little")
    stage.serve()
    assert client.reply() == Ok()


def test_a_prepared_write_does_not_run_again(stage, client):
    """Its outcome is unknown, and the client goes on."""
    number = prepare(stage, client, b"DELETE FROM t")
    client.send(execute(number))
    die(stage)
    assert client.reply().sqlstate == "08007"
    client.send(execute(number))
    stage.serve()
    assert client.reply() == Ok()


def test_a_reset_of_a_statement_runs_again(stage, client):
    """There is nothing to be reset on the other backend."""
    number = prepare(stage, client)
    stage.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    client.query(b"SELECT nonsense")
    stage.serve(error(1054, "42S22").encode())
    client.payloads()
    client.send(encode(b"\x1a" + number))
    assert stage.busy().asked[0][0] == 0x1A
    die(stage)
    assert client.reply() == Ok()


def test_an_answer_of_which_nothing_has_reached_the_client_has_not_begun(stage, client):
    """The first bytes of a packet are kept until it is whole."""
    client.query(b"SELECT a FROM t")
    stage.busy().send(b"\x01\x00")
    stage.run()
    die(stage)
    stage.serve()
    assert client.reply() == Ok()


def test_a_client_that_leaves_before_the_next_attempt_leaves_nothing(stage, client):
    """Its statement is not run for nobody."""
    client.query(b"SELECT a FROM t")
    die(stage)
    die(stage)
    client.leave()
    stage.run(1)
    assert stage.is_clean()


def test_a_client_may_be_killed_before_the_next_attempt(stage, client):
    """It hears what it would hear otherwise."""
    other = stage.client()
    client.query(b"SELECT a FROM t")
    die(stage)
    die(stage)
    other.query(b"KILL QUERY %d" % client.client.number)
    assert other.reply() == Ok()
    assert client.reply().code == 1317
    stage.run(1)
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_what_was_killed_does_not_run_again(stage, client):
    """Somebody wanted it to end, whatever became of its backend then."""
    other = stage.client()
    client.query(b"SELECT a FROM t")
    server = stage.busy()
    stage.servers.routines[b"KILL QUERY"] = lambda side: [side.ok()]
    other.query(b"KILL QUERY %d" % client.client.number)
    server.die()
    stage.run()
    assert client.reply().text == LOST


# Not sent yet


def test_a_backend_that_dies_while_it_is_brought_is_replaced(stage, client):
    """The write runs on another one, once, and the client hears nothing."""
    stage.servers.routines[b"SET time_zone"] = lambda _: None
    session = client.client.session
    session.change_state(session.state.assign({b"time_zone": b"+01:00"}))
    client.query(b"INSERT INTO t VALUES (1)")
    stage.servers.routines[b"SET time_zone"] = lambda side: [side.ok()]
    die(stage)
    assert stage.busy().texts == [b"INSERT INTO t VALUES (1)"]
    stage.serve()
    assert client.reply() == Ok()
    sent = [it for one in stage.backends for it in one.side.commands if b"INSERT" in it]
    assert len(sent) == 1


def test_a_server_that_stops_while_it_is_asked_is_replaced(stage, client):
    """1053 to a statement of ours is like a loss; the backend is closed."""
    answers = iter([[error(1053, "08S01").encode()]])
    stage.servers.routines[b"SET time_zone"] = lambda side: next(answers, [side.ok()])
    session = client.client.session
    session.change_state(session.state.assign({b"time_zone": b"+01:00"}))
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve()
    assert client.reply() == Ok()
    assert len(stage.backends) == 2
    assert stage.counters.database_connections_reset == 0


@pytest.mark.parametrize("stops", [True, False])
def test_a_backend_that_dies_while_it_learns_a_statement_is_replaced(stage, client, stops):
    """The execute was not sent, so that a write runs as well."""
    number = prepare(stage, client, b"DELETE FROM t")
    stage.backends[-1].die()
    stage.run()
    one = [[error(1053, "08S01").encode()]] if stops else [None]
    answers = iter(one)
    stage.servers.routines[b"\x16"] = lambda _: next(answers, [PrepareOk(90, 0, 0).encode()])
    client.send(execute(number))
    if not stops:
        die(stage)
    stage.serve()
    assert client.reply() == Ok()
    assert len(client.client.session.statements) == 1


def test_a_prepare_with_warnings_that_is_lost_behind_them_leaves_nothing(stage, client):
    """The client has one statement, though it was prepared twice."""
    other = stage.client()
    other.query(b"SELECT 1")
    stage.serve()
    other.payloads()
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(71, 0, 0, 1).encode()]
    stage.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    client.send(encode(b"\x16SELECT 1"))
    die(stage)
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(72, 0, 0).encode()]
    stage.run(1)
    client.payloads()
    assert len(client.client.session.statements) == 1


def test_a_server_that_stops_is_not_asked_to_prepare(stage, client):
    """1053 as the answer to a COM_STMT_PREPARE is like a loss."""
    answers = iter([[error(1053, "08S01").encode()]])
    stage.servers.routines[b"\x16"] = lambda _: next(answers, [PrepareOk(71, 0, 0).encode()])
    client.send(encode(b"\x16SELECT 1"))
    (payload,) = client.payloads()
    assert payload[0] == 0
    assert PinReason.LONG_DATA not in client.client.session.pins
