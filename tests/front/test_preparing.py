"""Tests of `proxy.front.preparing`."""

from __future__ import annotations

import pytest

from proxy.session import session
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, PrepareOk
from tests.support.scripted import error
from tests.support.statements import COLUMN, asked, execute, numbering, prepare


@pytest.fixture
def stage():
    """A proxy with one backend, whose server numbers statements from 71 on."""
    return numbering()


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


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


def test_a_client_cannot_prepare_without_end(client, monkeypatch):
    """The limit of the server's default is each client's."""
    monkeypatch.setattr("proxy.front.preparing.STATEMENTS_LIMIT", 2)
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
