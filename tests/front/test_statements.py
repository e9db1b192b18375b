"""Tests of `proxy.front.statements`."""

from __future__ import annotations

import pytest

from proxy.session.pins import PinReason
from proxy.wire.constants import Status
from proxy.wire.framing import encode
from proxy.wire.responses import Ok
from tests.support.statements import COLUMN, asked, execute, numbering, prepare


@pytest.fixture
def stage():
    """A proxy with one backend, whose server numbers statements from 71 on."""
    return numbering()


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


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
