"""Tests of `proxy.front.express`."""

from __future__ import annotations

import pytest

from proxy.wire.framing import encode
from proxy.wire.responses import Ok, PrepareOk
from tests.support.memory import Stage
from tests.support.scripted import error


@pytest.fixture
def stage():
    """A proxy with one backend at most."""
    return Stage(max_connections=1)


@pytest.fixture
def client(stage):
    """A client whose first statement has brought the backend into its state."""
    client = stage.client()
    client.query(b"SELECT 0")
    stage.serve()
    client.reply()
    return client


def express(stage):
    return stage.counters.query_requests_express


def prepare(stage, client, parameters=1):
    """Let the client prepare a statement that the server calls 77; the client's id."""
    client.send(encode(b"\x16SELECT ?"))
    stage.serve(PrepareOk(77, 0, parameters).encode(), *[b"\x03def" + bytes(30)] * parameters)
    answer = client.payloads()[0]
    return answer[1:5]


def execute(number, bound, value=b"\x01\x00\x00\x00"):
    body = b"\x00" + (b"\x01\x03\x00" if bound else b"\x00") + value
    return encode(b"\x17" + number + b"\x00\x01\x00\x00\x00" + body)


def test_a_harmless_statement_takes_the_lease_and_gives_it_back(stage, client):
    """The very bytes of the client go to the server, and nothing is held afterwards."""
    before = express(stage)
    client.query(b"SELECT 1")
    assert stage.busy().texts == [b"SELECT 1"]
    assert len(stage.ledger.lent) == 1
    stage.serve()
    assert client.reply() == Ok()
    assert express(stage) == before + 1
    assert not stage.ledger.lent


def test_a_statement_that_leaves_something_is_the_conductors(stage, client):
    """A temporary table pins, so it does not come this way, nor does what follows."""
    before = express(stage)
    client.query(b"CREATE TEMPORARY TABLE t (a INT)")
    stage.serve()
    client.query(b"SELECT a FROM t")
    stage.serve()
    assert express(stage) == before
    assert len(stage.ledger.lent) == 1


def test_commands_wait_their_turn_without_a_coroutine(stage, client):
    """The freed backend goes to whoever has waited longest, in order."""
    others = [stage.client() for _ in range(3)]
    client.query(b"SELECT 'first'")
    for number, other in enumerate(others):
        other.query(b"SELECT %d" % number)
    assert len(stage.ledger.waiting) == 3
    stage.serve()
    served = []
    for other in others:
        served += stage.busy().texts
        stage.serve()
        assert other.reply() == Ok()
    assert served == [b"SELECT 0", b"SELECT 1", b"SELECT 2"]


def test_a_lease_in_another_state_is_brought_along_first(stage, client):
    """A waiter whose session differs gets its charset before its statement."""
    other = stage.client(schema=b"shop")
    client.query(b"SELECT 1")
    other.query(b"SELECT 2")
    backend = stage.serve()
    assert backend.side.schema == b"shop"
    assert backend.texts == [b"SELECT 2"]


def test_a_transaction_keeps_the_lease(stage, client):
    """BEGIN and what follows come this way, on one backend, until the server ends it."""
    before = express(stage)
    backend = stage.begin(client)
    client.query(b"UPDATE t SET a = 1")
    stage.serve()
    assert stage.ledger.lent
    client.payloads()
    client.query(b"COMMIT")
    backend.side.status = 2
    stage.serve()
    assert not stage.ledger.lent
    assert express(stage) == before + 3


def test_an_error_is_looked_into_before_the_lease_is_shared(stage, client):
    """After an ERR the server is asked for what it could not report."""
    client.query(b"INSERT INTO t VALUES (1)")
    backend = stage.serve(error(1062, "23000").encode())
    assert client.reply().code == 1062
    assert backend.side.commands[-1] != b"\x0e"
    stage.part()
    assert b"\x0e" in backend.side.commands
    assert not stage.ledger.lent


def test_the_insert_id_is_remembered(stage, client):
    """What an OK reports is what LAST_INSERT_ID() will be asked for."""
    client.query(b"INSERT INTO t VALUES ()")
    stage.serve(Ok(1, 200).encode(0))
    assert client.client.session.last_insert_id == 200


def test_prepared_statements_get_the_backends_id(stage, client):
    """The client's id becomes the server's, and the types are known from then on."""
    number = prepare(stage, client)
    before = express(stage)
    for bound in (True, False):
        client.send(execute(number, bound))
        (command,) = stage.busy().asked
        assert command[1:5] == (77).to_bytes(4, "little")
        stage.serve()
        assert client.reply() == Ok()
    assert express(stage) == before + 2


def test_types_that_a_backend_does_not_know_are_put_in(stage, client):
    """An execute that relies on types sent elsewhere gets them."""
    number = prepare(stage, client)
    client.send(execute(number, bound=True))
    stage.serve(error(1210).encode())
    assert client.reply().code == 1210
    client.send(execute(number, bound=False))
    (command,) = stage.busy().asked
    assert command[11:14] == b"\x01\x03\x00"


@pytest.mark.parametrize(
    "command", [b"\x17", b"\x17" + b"\x09\x00\x00\x00" + b"\x00\x01\x00\x00\x00", b"\x0e"]
)
def test_what_it_cannot_serve_it_leaves(stage, client, command):
    """Short packets, unknown statements and other commands are not counted as express."""
    before = express(stage)
    client.send(encode(command))
    assert express(stage) == before


def test_query_attributes_are_read_by_the_conductor(stage):
    """Only a COM_QUERY without attributes has its text where it is expected."""
    able = 0x0B | 1 << 27 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19 | 1 << 24
    stage.client()  # from here on it is known what the target can do
    client = stage.client(capabilities=able)
    client.send(encode(b"\x03\x00\x01SELECT 1"))
    assert stage.busy().texts == [b"SELECT 1"]
    stage.serve()
    before = express(stage)
    client.send(encode(b"\x03\x00\x01SELECT 2"))
    stage.serve()
    assert express(stage) == before + 1
    client.send(
        encode(b"\x03\x01\x01\x00\x01\x08\x00\x01a\x01\x00\x00\x00\x00\x00\x00\x00DO 1")
    )
    assert express(stage) == before + 1
