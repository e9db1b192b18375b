"""Tests of `proxy.front.conductor`: what a client hears when something goes wrong."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from structlog.testing import capture_logs

from proxy.front.holding import PAUSES_SECONDS
from proxy.wire.commands import close_statement
from proxy.wire.framing import encode
from proxy.wire.responses import PrepareOk
from tests.support.memory import Stage, parse
from tests.support.scripted import AUTOCOMMIT, IN_TRANSACTION, error, packets

PING = encode(b"\x0e")


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


def test_a_statement_of_the_slow_lane_is_answered(stage, client):
    """The backend is brought into the state of the session, then the statement runs."""
    client.query(b"SELECT 1")
    server = stage.busy()
    assert server.texts == [b"SELECT 1"]
    server.answer(*server.side.rows([(b"1",)]))
    stage.run()
    assert len(client.payloads()) == 4
    assert stage.ledger.idle_count == 1


def test_a_backend_that_refuses_a_statement_disturbs_nobody(stage, client):
    """The ERR packet goes to the client, whose connection goes on."""
    client.query(b"SELECT nonsense")
    stage.serve(error(1054, "42S22", b"Unknown column").encode())
    assert client.reply().code == 1054
    assert not client.closed
    stage.part()
    assert stage.ledger.idle_count == 1


# The backend dies


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [
        (b"INSERT INTO t VALUES (1)", 2013, "08007"),
        (b"nonsense that nobody understands", 2013, "08007"),
    ],
)
def test_a_backend_that_dies_before_the_first_byte_is_an_error(
    stage, client, text, code, state
):
    """What is no read may have been done; nobody knows."""
    client.query(text)
    stage.busy().die()
    stage.run()
    reply = client.reply()
    assert (reply.code, reply.sqlstate) == (code, state)
    assert not client.closed
    client.query(b"SELECT 2")
    stage.serve()
    assert client.reply().affected_rows == 0


@pytest.mark.parametrize(
    ("text", "state"), [(b"INSERT INTO t VALUES (1)", "40001"), (b"COMMIT", "08007")]
)
def test_a_backend_that_dies_in_a_transaction_says_what_became_of_it(
    stage, client, text, state
):
    """All but a COMMIT was rolled back with the connection."""
    stage.begin(client)
    client.query(text)
    stage.busy().die()
    stage.run()
    assert client.reply().sqlstate == state
    assert not client.client.session.in_transaction
    assert not stage.ledger.lent


def test_a_backend_that_dies_after_the_first_byte_ends_the_connection(stage, client):
    """A result that was cut short never looks whole."""
    client.query(b"SELECT 1")
    server = stage.busy()
    server.send(packets(server.side.rows([(b"1",)] * 3))[:60])
    stage.run()
    server.die()
    stage.run()
    assert client.closed
    assert stage.is_clean()


def test_a_backend_that_dies_while_held_in_a_transaction_is_told_at_the_next_command(
    stage, client
):
    """The error comes in the place of an answer, once; the connection goes on."""
    server = stage.begin(client)
    server.die()
    stage.run()
    assert client.payloads() == []
    assert not client.closed
    client.query(b"INSERT INTO t VALUES (1)")
    assert client.reply().sqlstate == "40001"
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply().affected_rows == 0


@pytest.mark.parametrize(
    "payload", [close_statement(7), b"\x18\x07\x00\x00\x00\x00\x00data"], ids=["close", "long"]
)
def test_a_command_without_an_answer_hears_of_no_loss(stage, client, payload):
    """An ERR packet in its place would be taken for the answer to the next command."""
    stage.begin(client).die()
    stage.run()
    client.send(encode(payload))
    assert client.payloads() == []
    client.send(PING)
    assert client.reply().sqlstate == "40001"
    client.send(PING)
    assert client.reply().affected_rows == 0


@pytest.mark.parametrize("in_transaction", [True, False])
@pytest.mark.parametrize("failed", [True, False])
def test_a_server_that_says_more_than_its_answer_is_not_used_again(
    stage, client, in_transaction, failed
):
    """The answer is good; the connection is closed, and a transaction on it is lost."""
    other = stage.client()
    if in_transaction:
        stage.begin(client)
    client.query(b"INSERT INTO t VALUES (1)")
    server = stage.busy()
    server.asked.clear()
    answer = error(1146, "42S02").encode() if failed else server.side.ok()
    server.send(packets([answer]) + packets([error(1053, "08S01").encode()]))
    stage.run()
    assert client.payloads() == [answer]
    assert server.gone
    other.query(b"SELECT 1")
    stage.serve()
    assert other.reply().affected_rows == 0
    client.query(b"SELECT 1")
    if in_transaction:
        assert client.reply().sqlstate == "40001"
    else:
        stage.serve()
        assert client.reply().affected_rows == 0
    assert not stage.ledger.lent


def test_backends_that_die_during_replay_again_and_again_are_an_error(stage, client):
    """Nothing was run for the client, and it may go on at once."""
    stage.servers.routines[b"SET NAMES"] = lambda side: None
    client.query(b"INSERT INTO t VALUES (1)")
    for pause in (*PAUSES_SECONDS, 0):
        server = stage.busy()
        assert server.texts[0].startswith(b"SET NAMES utf8mb4 COLLATE ")
        server.die()
        stage.run(pause)
    reply = client.reply()
    assert (reply.code, reply.sqlstate) == (2013, "HY000")
    assert "before the statement was run" in reply.text
    del stage.servers.routines[b"SET NAMES"]
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply().affected_rows == 0
    assert not stage.ledger.lent


def test_a_backend_that_hangs_during_replay_is_given_up_in_time(stage, client):
    """A statement of ours takes no longer than a login may."""
    stage.servers.routines[b"SET NAMES"] = lambda side: None
    client.query(b"SELECT 1")
    for pause in (*PAUSES_SECONDS, 0):
        stage.run(5)
        stage.run(pause)
    assert client.reply().code == 2013
    assert stage.is_clean() is False
    client.leave()
    assert stage.is_clean()


def test_a_backend_that_dies_idle_in_the_pool_disturbs_nobody(stage, client):
    """The next statement runs on another one."""
    client.query(b"SELECT 1")
    stage.serve().die()
    stage.run()
    client.payloads()
    client.query(b"SELECT 2")
    assert stage.serve() is stage.backends[-1]
    assert client.reply().affected_rows == 0


# Errors that we make


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x07", None),
        (b"\x08\x00", 1235),
        (b"\x12" + bytes(10), 1235),
        (b"\x1e" + bytes(18), 1235),
        (b"\x42", 1047),
        (b"\x05", 1047),
    ],
)
def test_a_command_that_cannot_be_served_is_refused(stage, client, payload, code):
    """The client hears 1235 or the server's own code and stays connected."""
    client.send(encode(payload))
    if code is None:
        stage.serve()
        assert client.reply().affected_rows == 0
    else:
        assert client.reply().code == code
    client.send(PING)
    assert client.reply().status == AUTOCOMMIT
    assert stage.proxy.count == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x00\x00\x00", 1835),
        (encode(b"\x0e", 3), 1156),
        (b"\xff\xff\xff\x00" + b"\x03" + bytes(100), 1153),
        (b"\x11\x11\x11\x11\x11", 1156),
    ],
    ids=["empty", "sequence", "oversized", "noise"],
)
def test_a_packet_that_breaks_the_protocol_ends_the_connection(data, code):
    """The client hears why, one line is logged, and everything is given back."""
    stage = Stage(proxy={"max_allowed_packet": 1 << 20})
    client = stage.client()
    stage.begin(client)
    with capture_logs() as lines:
        client.send(data)
    assert client.reply().code == code
    assert client.closed
    assert stage.is_clean()
    assert [line["event"] for line in lines].count("a client broke the protocol") == 1
    assert stage.counters.client_connections_broken == 1


def test_300_pings_in_one_segment_are_all_answered(stage, client):
    """Each gets its OK, in a transaction of the client's too."""
    client.send(PING * 300)
    assert len(client.payloads()) == 300
    stage.begin(client)
    client.send(PING * 300)
    answers = client.packets()
    assert len(answers) == 300
    assert {sequence for sequence, _ in answers} == {1}
    assert {parse(payload).status for _, payload in answers} == {IN_TRANSACTION}


def test_statements_sent_ahead_are_answered_in_their_order(stage, client):
    """A client may send the next statement before it has read the last answer."""
    client.send(b"".join(encode(b"\x03SELECT %d" % n) for n in range(5)))
    for number in range(5):
        assert stage.busy().texts == [b"SELECT %d" % number]
        stage.serve()
    assert len(client.payloads()) == 5


def test_a_borrow_that_ends_in_time_is_an_error_and_the_client_goes_on(stage, client):
    """9501 in the place of the answer."""
    for other in (stage.client(), stage.client()):
        stage.begin(other)
    client.query(b"SELECT 1")
    stage.run(8)
    reply = client.reply()
    assert (reply.code, reply.text) == (
        9501,
        "Timed-out waiting to acquire database connection",
    )
    client.send(PING)
    assert client.reply().status == AUTOCOMMIT
    assert not stage.ledger.waiting


def test_long_data_that_no_backend_takes_is_an_error_of_the_execute(stage, client):
    """COM_STMT_SEND_LONG_DATA has no answer, so that is where the client hears of it."""
    client.send(encode(b"\x16SELECT ?"))
    stage.serve(PrepareOk(5, 0, 0).encode())
    for other in (stage.client(), stage.client()):
        stage.begin(other)
    client.payloads()
    client.send(encode(b"\x18\x01\x00\x00\x00\x00\x00data"))
    stage.run(8)
    assert client.payloads() == []
    client.send(encode(b"\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00"))
    assert client.reply().code == 9501
    client.send(PING)
    assert client.reply().status == AUTOCOMMIT
