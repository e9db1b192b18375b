"""Tests of `proxy.front.statements`."""

from __future__ import annotations

import pytest

from proxy.session import session
from proxy.session.pins import PinReason
from proxy.wire.constants import Status
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, PrepareOk
from tests.support.memory import Stage
from tests.support.scripted import error

COLUMN = b"\x03def" + bytes(30)


@pytest.fixture
def stage():
    """A proxy with one backend, whose server numbers statements from 71 on."""
    stage = Stage(max_connections=1, max_prepared_statements_per_connection=2)
    ids = iter(range(71, 99))
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(next(ids), 0, 0).encode()]
    stage.servers.routines[b"\x19"] = lambda _: []
    return stage


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


def prepare(client, text=b"SELECT 1"):
    """Prepare a statement; the id that the client got, as four bytes."""
    client.send(encode(b"\x16" + text))
    payload, *_ = client.payloads()
    return payload[1:5]


def execute(number, flags=0):
    return encode(b"\x17" + number + bytes((flags,)) + b"\x01\x00\x00\x00")


def asked(stage):
    (command,) = stage.busy().asked
    return command


def test_ids_of_clients_are_their_own(stage, client):
    """Each client counts from 1, whatever the server calls its statements."""
    other = stage.client()
    assert prepare(client) == prepare(other, b"SELECT 2") == b"\x01\x00\x00\x00"
    other.send(execute(b"\x01\x00\x00\x00"))
    assert asked(stage)[1:5] == (72).to_bytes(4, "little")
    assert not stage.serve().asked


def test_a_backend_that_lacks_a_statement_prepares_it_on_the_way(stage, client):
    """After the backend was lost the next one gets the statement before its execute."""
    number = prepare(client)
    stage.backends[-1].die()
    stage.run()
    client.send(execute(number))
    assert asked(stage)[1:5] == (72).to_bytes(4, "little")
    stage.serve()
    assert client.reply() == Ok()


def test_it_is_prepared_in_the_state_of_its_first_prepare(stage):
    """The schema of that time decides what the text means."""
    client = stage.client(schema=b"one")
    number = prepare(client)
    stage.backends[-1].die()
    stage.run()
    state = client.client.session.state
    other = stage.client(schema=b"two")
    client.client.session.change_state(other.client.session.state)
    client.send(execute(number))
    commands = stage.busy().side.commands
    schemas = [it for it in commands if it[0] in (0x02, 0x16, 0x17)]
    assert [it[1:4] for it in schemas[-4:-1]] == [b"one", b"SEL", b"two"]
    assert state.schema == b"one"


def test_a_statement_that_cannot_be_prepared_again_says_why(stage, client):
    """The server's own error, and the client stays."""
    number = prepare(client)
    stage.backends[-1].die()
    stage.servers.routines[b"\x16"] = lambda _: [error(1146, "42S02").encode()]
    stage.run()
    client.send(execute(number))
    assert client.reply().code == 1146
    assert not stage.ledger.lent


def test_the_statement_not_used_for_longest_is_closed(stage, client):
    """A backend holds no more than its limit."""
    for text in (b"SELECT 1", b"SELECT 2", b"SELECT 3"):
        prepare(client, text)
    assert b"\x19" + (71).to_bytes(4, "little") in stage.backends[-1].side.commands


@pytest.mark.parametrize("code", [0x17, 0x1A, 0x1C])
def test_an_unknown_id_is_refused(client, code):
    """Execute, reset and fetch of what was never prepared."""
    client.send(encode(bytes((code,)) + b"\x63\x00\x00\x00\x00\x01\x00\x00\x00"))
    assert client.reply().code == 1243
    client.send(encode(bytes((code,))))
    assert client.reply().code == 1835


def test_commands_without_an_answer_hear_nothing(client):
    """CLOSE and SEND_LONG_DATA of an unknown statement, and of none."""
    for command in (
        b"\x19\x63\x00\x00\x00",
        b"\x18\x63\x00\x00\x00\x00\x00x",
        b"\x19",
        b"\x18",
    ):
        client.send(encode(command))
        assert client.payloads() == []
    client.send(encode(b"\x0e"))
    assert client.reply() == Ok()


def test_a_cursor_pins_until_its_last_row(stage, client):
    """Fetches go to the backend that has the cursor."""
    number = prepare(client)
    client.send(execute(number, flags=1))
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    end = Ok(status=cursor, header=0xFE).encode(0)
    stage.serve(b"\x01", COLUMN, end)
    client.payloads()
    assert PinReason.CURSOR in client.client.session.pins
    client.send(encode(b"\x1c" + number + b"\x05\x00\x00\x00"))
    assert asked(stage)[1:5] == (71).to_bytes(4, "little")
    last = int(Status.AUTOCOMMIT | Status.LAST_ROW_SENT)
    stage.serve(b"\x00\x00\x01", Ok(status=last, header=0xFE).encode(0))
    assert len(client.payloads()) == 2
    assert not stage.ledger.lent
    client.send(encode(b"\x1c" + number + b"\x05\x00\x00\x00"))
    assert client.reply().code == 1421


def bound(number, kind):
    """Write an execute with a NULL of this type for its only parameter."""
    return encode(b"\x17" + number + b"\x00\x01\x00\x00\x00" + b"\x01\x01" + kind + b"\x00")


def test_a_statement_is_prepared_anew_for_parameters_of_another_type(stage, client):
    """A server converts to the type that it has seen first, so each has its statement."""
    ids = iter(range(71, 99))
    stage.servers.routines[b"\x16"] = lambda _: [
        PrepareOk(next(ids), 1, 1).encode(),
        COLUMN,
        COLUMN,
    ]
    number = prepare(client, b"SELECT ?")
    other = stage.client()
    same = prepare(other, b"SELECT ?")
    for who, mine, kind, held in (
        (client, number, b"\x08", 71),
        (other, same, b"\xfd", 72),
        (client, number, b"\x08", 71),
        (other, same, b"\xfd", 72),
    ):
        who.send(bound(mine, kind))
        assert asked(stage)[1:5] == held.to_bytes(4, "little")
        stage.serve()
        who.payloads()


def test_a_statement_closed_with_its_cursor_is_dropped_by_the_backend(stage, client):
    """It is prepared anew for whoever needs it next."""
    number = prepare(client)
    client.send(execute(number, flags=1))
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    stage.serve(b"\x01", COLUMN, Ok(status=cursor, header=0xFE).encode(0))
    client.send(encode(b"\x19" + number))
    client.payloads()
    number = prepare(client)
    client.send(execute(number))
    assert asked(stage)[1:5] == (72).to_bytes(4, "little")


def test_two_cursors_of_one_text_are_two_statements_of_the_backend(stage, client):
    """The statement that has the first one open cannot serve the second; each is fetched."""
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    numbers = [prepare(client), prepare(client)]
    for number, held in zip(numbers, (71, 72), strict=True):
        client.send(execute(number, flags=1))
        assert asked(stage)[1:5] == held.to_bytes(4, "little")
        stage.serve(b"\x01", COLUMN, Ok(status=cursor, header=0xFE).encode(0))
        client.payloads()
    last = int(Status.AUTOCOMMIT | Status.LAST_ROW_SENT)
    for number, held in zip(numbers, (71, 72), strict=True):
        assert stage.ledger.lent
        client.send(encode(b"\x1c" + number + b"\x05\x00\x00\x00"))
        assert asked(stage)[1:5] == held.to_bytes(4, "little")
        stage.serve(b"\x00\x00\x01", Ok(status=last, header=0xFE).encode(0))
        assert len(client.payloads()) == 2
    assert not stage.ledger.lent
    client.send(execute(numbers[0], flags=1))
    assert asked(stage)[1:5] in {held.to_bytes(4, "little") for held in (71, 72)}


def test_a_cursor_opened_again_stays_with_its_statement(stage, client):
    """A new execute closes the cursor of the last one, so nothing is prepared for it."""
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    number = prepare(client)
    for _ in range(2):
        client.send(execute(number, flags=1))
        assert asked(stage)[1:5] == (71).to_bytes(4, "little")
        stage.serve(b"\x01", COLUMN, Ok(status=cursor, header=0xFE).encode(0))
        client.payloads()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_cursor_ends_with_its_statement(stage, client, how):
    """Closing or resetting the statement frees the backend."""
    number = prepare(client)
    client.send(execute(number, flags=1))
    cursor = int(Status.AUTOCOMMIT | Status.CURSOR_EXISTS)
    stage.serve(b"\x01", COLUMN, Ok(status=cursor, header=0xFE).encode(0))
    client.payloads()
    if how == "close":
        client.send(encode(b"\x19" + number))
        assert stage.backends[-1].side.commands[-1] == b"\x19" + (71).to_bytes(4, "little")
    else:
        client.send(encode(b"\x1a" + number))
        assert asked(stage) == b"\x1a" + (71).to_bytes(4, "little")
        stage.serve()
        assert client.reply() == Ok()
    assert not stage.ledger.lent


def test_long_data_pins_until_it_is_executed(stage, client):
    """The parts and the execute meet on one backend."""
    number = prepare(client)
    stage.servers.routines[b"\x18"] = lambda _: []
    client.send(encode(b"\x18" + number + b"\x00\x00some data"))
    assert PinReason.LONG_DATA in client.client.session.pins
    client.send(execute(number))
    stage.serve()
    assert client.reply() == Ok()
    assert not stage.ledger.lent


def test_a_reset_of_a_statement_without_a_backend_is_ours(client):
    """There is nothing to reset, and the client hears OK."""
    number = prepare(client)
    client.send(encode(b"\x1a" + number))
    assert client.reply() == Ok()


def test_a_client_cannot_prepare_without_end(client, monkeypatch):
    """The limit of the server's default is each client's."""
    monkeypatch.setattr("proxy.front.statements.STATEMENTS_LIMIT", 2)
    prepare(client)
    prepare(client)
    client.send(encode(b"\x16SELECT 3"))
    assert client.reply().code == 1461
    assert session.STATEMENTS_LIMIT > 1000


def test_a_failed_prepare_is_the_servers_error(stage, client):
    """Nothing is remembered of it."""
    stage.servers.routines[b"\x16"] = lambda _: [error(1064, "42000").encode()]
    client.send(encode(b"\x16SELEKT"))
    assert client.reply().code == 1064
    assert client.client.session.statements == {}


@pytest.mark.parametrize("in_transaction", [True, False])
@pytest.mark.parametrize("refused", ["schema", "prepare", "way back"])
def test_a_backend_that_cannot_be_brought_to_a_statement_is_in_no_wrong_state(
    stage, client, refused, in_transaction
):
    """It is brought back, or given up with its transaction, and the client is told so."""
    client.send(encode(b"\x02one"))
    client.payloads()
    number = prepare(client)
    client.send(encode(b"\x02two"))
    client.payloads()
    stage.backends[0].die()
    stage.run()
    other = stage.client(schema=b"two")
    if in_transaction:
        stage.begin(client)
    refusal = error(1044, "42000", b"Access denied").encode()
    if refused == "schema":
        stage.servers.routines[b"\x02one"] = lambda _: [refusal]
    else:
        stage.servers.routines[b"\x16"] = lambda _: [refusal]
    if refused == "way back":
        stage.servers.routines[b"\x02two"] = lambda _: [refusal]
    client.send(execute(number))
    reply = client.reply()
    given_up = refused != "prepare"
    assert reply.sqlstate == ("40001" if given_up and in_transaction else "42000")
    assert stage.counters.database_connections_reset == int(given_up)
    assert len(stage.ledger.lent) == int(in_transaction and not given_up)
    stage.servers.routines.pop(b"\x02two", None)
    if not (in_transaction and not given_up):
        other.query(b"SELECT 1")
        assert stage.busy().side.schema == b"two"
