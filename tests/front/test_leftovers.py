"""Tests of `proxy.front.leftovers`."""

from __future__ import annotations

import attrs
import pytest

from proxy.errors import ErrorReply
from proxy.front.leftovers import CLEARING, signal
from proxy.wire.constants import Capability, SessionTrack
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, parse_ok, parse_text_row
from tests.support.memory import Stage
from tests.support.scripted import CAPABILITIES, error


@pytest.fixture
def stage():
    """A proxy with one connection."""
    return Stage(max_connections=1)


@pytest.fixture
def client(stage):
    """A client that has changed three rows, and whose backend another one has used since."""
    client = stage.client()
    client.query(b"UPDATE t SET a = 1")
    stage.serve(Ok(3).encode(0))
    client.payloads()
    other = stage.client()
    other.query(b"INSERT INTO u VALUES (2)")
    stage.serve(Ok(1).encode(0))
    return client


def ask(stage, client, text, value=b"1"):
    """The only row that the client gets when the backend answers with this value."""
    client.query(text)
    backend = stage.busy()
    stage.serve(*backend.side.rows([(value,)]))
    return parse_text_row(client.payloads()[2])


def test_a_count_is_the_clients_own(stage, client):
    """Its row says what its own statement changed."""
    assert ask(stage, client, b"SELECT ROW_COUNT()") == (b"3",)


def test_a_connection_has_the_number_of_its_greeting(stage, client):
    """KILL understands it."""
    number = client.client.number
    assert ask(stage, client, b"SELECT CONNECTION_ID()") == (b"%d" % number,)


def test_a_count_in_an_expression_is_written_out(stage, client):
    """The backend computes with the number of the client's own statement."""
    client.query(b"INSERT INTO log VALUES (ROW_COUNT())")
    assert stage.busy().texts == [b"INSERT INTO log VALUES ((3))"]


def test_what_nobody_remembers_is_refused(client):
    """What FOUND_ROWS() gives after an UPDATE is on its backend alone."""
    client.query(b"SELECT FOUND_ROWS()")
    assert client.reply().code == 1105


def test_warnings_are_told_from_memory(stage, client):
    """SHOW WARNINGS after somebody else has used the backend."""
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve(error(1146, "42S02").encode())
    client.payloads()
    stage.part()
    other = stage.client()
    other.query(b"INSERT INTO u VALUES (2)")
    stage.serve()
    client.query(b"SHOW WARNINGS")
    assert b"\x05Error\x041146\x02no" in client.payloads()
    client.query(b"SHOW WARNINGS LIMIT 1, 5")
    assert b"\x05Error\x041146\x02no" not in client.payloads()


@pytest.fixture
def failed(stage, client):
    """The same client when its last statement has failed, and its lease was used since."""
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve(error(1146, "42S02").encode())
    client.payloads()
    stage.part()
    other = stage.client()
    other.query(b"INSERT INTO u VALUES (2)")
    stage.serve()
    return client


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        (b"@n = NUMBER", b"SET @n = CAST(1 AS UNSIGNED)"),
        (b"@r = ROW_COUNT", b"SET @r = CAST(-1 AS SIGNED)"),
        (
            b"CONDITION 1 @m = MESSAGE_TEXT, @s = RETURNED_SQLSTATE",
            (
                b"SET @m = CONCAT(LEFT(VERSION(), 0), _utf8mb4 x'6e6f'), "
                b"@s = CONCAT(LEFT(VERSION(), 0), _utf8mb4 x'3432533032')"
            ),
        ),
    ],
)
def test_diagnostics_are_assigned_from_memory(stage, failed, asked, written):
    """GET DIAGNOSTICS on a backend that knows nothing of it is run as a SET."""
    failed.query(b"GET DIAGNOSTICS " + asked)
    assert stage.busy().texts == [written]
    stage.serve()
    assert failed.reply() == Ok()


def test_what_diagnostics_set_is_no_change_of_state(stage, failed):
    """A server does not report it, and of the SET in its place the client hears nothing."""
    session = failed.client.session
    session.tracking = attrs.evolve(session.tracking, state_change=True)
    failed.client.dialogue.capabilities |= int(Capability.SESSION_TRACK)
    change = (int(SessionTrack.STATE_CHANGE), b"\x011")
    for text, told in ((b"GET DIAGNOSTICS @n = NUMBER", ()), (b"SET @a = 1", (change,))):
        failed.query(text)
        stage.serve(Ok(changes=(change,)).encode(CAPABILITIES))
        (payload,) = failed.payloads()
        assert parse_ok(payload, CAPABILITIES).changes == told


def test_diagnostics_that_nobody_remembers_are_refused(failed):
    """A form that is not plain: whether it fails or what it gives is for the server to say."""
    failed.query(b"GET DIAGNOSTICS CONDITION @i @m = MESSAGE_TEXT")
    assert failed.reply().code == 1105


def test_a_condition_where_none_was_left_is_asked_of_the_server(stage, client):
    """Its error is the server's own, once what others left there is gone."""
    client.query(b"GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT")
    assert stage.busy().texts == [b"GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT"]
    side = stage.backends[0].side
    assert side.text_of(side.commands[-2]) == CLEARING


def test_an_error_of_ours_is_left_on_the_backend_for_who_asks(stage, client):
    """The server that never saw it is made to tell of it by a SIGNAL."""
    client.send(encode(b"\x12" + bytes(10)))
    code = client.reply().code
    assert client.client.session.leftovers.refusal.code == code
    client.query(b"SHOW WARNINGS")
    side = stage.backends[0].side
    signalled, shown = map(side.text_of, side.commands[-2:])
    assert signalled.startswith(b"SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = %d, " % code)
    assert shown == b"SHOW WARNINGS"
    assert client.payloads()[-2] == b"\x05Error\x041146\x02no"


def test_warnings_of_others_are_cleared_before_a_statement_that_counts_them(stage, client):
    """A statement that reads no warnings is spared that."""
    ask(stage, client, b"SELECT @@warning_count")
    assert CLEARING in map(stage.backends[0].side.text_of, stage.backends[0].side.commands)


def test_a_signal_says_what_our_error_says():
    """The text goes in hexadecimal, whatever is in it, and no longer than servers take it."""
    said = signal(ErrorReply(1235, "42000", "it's" + "x" * 200))
    assert said.startswith(b"SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1235, ")
    assert said.endswith(b"x'" + (b"it's" + b"x" * 124).hex().encode() + b"'")
