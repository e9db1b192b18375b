"""Tests of `proxy.front.commands`."""

from __future__ import annotations

import pytest

from proxy.session.pins import PinReason
from proxy.wire.constants import Capability, Command, Status
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, parse_eof
from tests.support.memory import Stage
from tests.support.scripted import error


@pytest.fixture
def stage():
    """A proxy with one backend at most."""
    return Stage(max_connections=1)


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Command.BINLOG_DUMP, 1235),
        (Command.REGISTER_SLAVE, 1235),
        (Command.SHUTDOWN, 1235),
        (Command.CLONE, 1235),
        (Command.SLEEP, 1047),
        (Command.TIME, 1047),
        (0x40, 1047),
    ],
)
def test_what_cannot_be_served_is_refused_and_the_client_stays(client, command, code):
    """An ERR packet with the right code, and the next OK repeats that it left a condition."""
    client.send(encode(bytes((command,)) + b"whatever"))
    assert client.reply().code == code
    client.send(encode(b"\x0e"))
    assert client.reply() == Ok(warnings=1)


def test_a_ping_costs_no_backend(stage, client):
    """Without a lease the answer is ours."""
    stage.ledger.generation += 1
    for _ in range(3):
        client.send(encode(b"\x0e"))
        assert client.reply() == Ok()
    assert not stage.ledger.lent


def test_a_ping_in_a_transaction_is_the_servers(stage, client):
    """Its status bits say that the transaction is open."""
    backend = stage.begin(client)
    client.send(encode(b"\x0e"))
    assert client.reply().status & Status.IN_TRANS
    assert backend.side.commands[-1] == b"\x0e"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"\x04t\x00", b"\xfe\x00\x00\x02\x00\x00\x00"),
        (b"\x09", b"Uptime: 5"),
        (b"\x0d", b"\x00\x00\x00\x02\x00\x00\x00"),
        (b"\x07\x01", b"\x00\x00\x00\x02\x00\x00\x00"),
    ],
)
def test_commands_of_the_server_go_there(stage, client, command, answer):
    """FIELD_LIST, STATISTICS, DEBUG and REFRESH are answered by a backend."""
    client.send(encode(command))
    assert stage.busy().asked == [command]
    stage.serve(answer)
    assert client.payloads() == [answer]
    assert not stage.ledger.lent


def test_a_schema_is_changed_on_the_backend(stage, client):
    """COM_INIT_DB is the server's to judge; its OK repeats the last warning count."""
    stage.servers.routines[b"\x02bad"] = lambda _: [error(1049, "42000").encode()]
    client.send(encode(b"\x02bad"))
    assert client.reply().code == 1049
    client.send(encode(b"\x02good"))
    assert client.reply() == Ok(warnings=1)
    assert client.client.session.state.schema == b"good"


@pytest.mark.parametrize(("name", "pinned"), [(b"good", False), (b"caf\xe9", True)])
def test_a_schema_follows_without_trackers(stage, name, pinned):
    """It is the one that was asked for, unless nobody knows its name in UTF-8."""
    stage.servers.capabilities &= ~int(Capability.SESSION_TRACK | Capability.DEPRECATE_EOF)
    client = stage.client()
    client.send(encode(b"\x02" + name))
    assert client.reply() == Ok()
    session = client.client.session
    assert (PinReason.UNTRACKED in session.pins) is pinned
    assert session.state.schema == (None if pinned else name)
    client.send(encode(b"\x1f"))
    assert client.reply() == Ok()
    assert session.state.schema == name
    assert not session.pins


def test_multi_statements_are_switched_here(stage, client):
    """The answer is what stands at the end of a result, and the state follows the session."""
    client.send(encode(b"\x1b\x00\x00"))
    (payload,) = client.payloads()
    assert payload[0] == 0xFE
    assert client.client.session.state.multi_statements
    client.send(encode(b"\x1b\x07\x00"))
    assert client.reply().code == 1047
    client.query(b"SELECT 1; SELECT 2")
    assert b"\x1b\x00\x00" in stage.busy().side.commands


def test_the_end_of_a_result_has_the_shape_that_was_negotiated(stage):
    """A client without CLIENT_DEPRECATE_EOF gets an EOF packet."""
    client = stage.client(capabilities=0x0B | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19)
    client.send(encode(b"\x1b\x01\x00"))
    (payload,) = client.payloads()
    assert len(payload) == 5
    assert parse_eof(payload).status == 2


def test_a_reset_frees_what_was_pinned(stage, client):
    """COM_RESET_CONNECTION: the backend is reset and shared again."""
    client.query(b"CREATE TEMPORARY TABLE t (a INT)")
    backend = stage.serve()
    client.payloads()
    assert stage.ledger.lent
    client.send(encode(b"\x1f"))
    assert client.reply() == Ok()
    assert b"\x1f" in backend.side.commands
    assert not stage.ledger.lent


def test_quit_closes_and_gives_back(stage, client):
    """Nothing is left of a client that says good-bye."""
    stage.begin(client)
    client.send(encode(b"\x01"))
    assert client.closed
    assert stage.is_clean()


@pytest.mark.parametrize(
    ("text", "sqlstate", "open_transaction"),
    [
        (b"UPDATE t SET a = 1", "08007", False),
        (b"UPDATE t SET a = 1", "40001", True),
        (b"COMMIT", "08007", True),
        (b"ROLLBACK", "40001", True),
    ],
)
def test_what_a_lost_statement_may_have_done_is_said(
    stage, client, text, sqlstate, open_transaction
):
    """Rolled back, or unknown: by the statement and the transaction."""
    if open_transaction:
        stage.begin(client)
    client.query(text)
    stage.busy().die()
    stage.run()
    assert client.reply().sqlstate == sqlstate
    assert not client.closed


def test_malformed_commands_are_refused(client):
    """A PROCESS_KILL without an id, for instance; the client stays."""
    client.send(encode(b"\x0c\x01"))
    assert client.reply().code == 1835
    client.send(encode(b"\x0c\x63\x00\x00\x00"))
    assert client.reply().code == 1094
    client.send(encode(b"\x1b"))
    assert client.reply().code == 1047
