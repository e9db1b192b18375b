"""Tests of `proxy.front.client`: clients that leave, that are idle, that are stopped."""

# ruff: noqa: ARG002, ARG005 - doubles have the names and arguments of what they stand for

import pytest

from proxy.dialogue.client_states import State
from proxy.front.client import CLOSE_LIMIT_SECONDS
from proxy.pool.stop import DRAIN_SECONDS
from proxy.wire.commands import QUIT
from proxy.wire.framing import encode
from tests.support.memory import Stage
from tests.support.scripted import AUTOCOMMIT, packets, query_packet


@pytest.fixture
def stage():
    """A proxy with two connections at most, whose target gives in to KILL."""
    stage = Stage()
    stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
    return stage


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


def kills(stage):
    """Every KILL that servers have heard."""
    texts = [
        backend.side.text_of(command)
        for backend in stage.backends
        for command in backend.side.commands
    ]
    return [text for text in texts if text.startswith(b"KILL")]


def occupy(stage):
    """Keep both backends busy with transactions of other clients."""
    others = [stage.client(), stage.client()]
    for other in others:
        stage.begin(other)
    return others


def send(client, lane):
    """Send a statement through this lane."""
    if lane == "express":
        client.query(b"SELECT 1")
    else:
        client.send(query_packet(b"SELECT 1") * 2)


@pytest.mark.parametrize("lane", ["express", "conductor"])
def test_a_client_that_leaves_while_waiting_leaves_the_queue(stage, client, lane):
    """Nothing is lent to it afterwards, and those behind it are served."""
    others = occupy(stage)
    send(client, lane)
    behind = stage.client()
    behind.query(b"SELECT 2")
    assert len(stage.ledger.waiting) == 2
    client.leave()
    assert len(stage.ledger.waiting) == 1
    others[0].leave()
    stage.serve()
    assert behind.reply().status == AUTOCOMMIT
    assert len(stage.ledger.lent) == 1
    assert stage.counters.database_connections_borrow_requests_aborted == 1


@pytest.mark.parametrize("lane", ["express", "conductor"])
def test_a_client_that_leaves_while_a_backend_is_dialed_for_it(stage, client, lane):
    """The connection that comes then is idle, for the next one."""
    stage.begin(stage.client())
    stage.servers.holding = True
    send(client, lane)
    client.leave()
    (dial,) = stage.servers.dials
    dial()
    stage.run()
    assert stage.ledger.idle_count == 1
    assert not stage.ledger.waiting


def test_a_client_that_leaves_in_a_transaction_has_it_rolled_back(stage, client):
    """The backend is reset before anybody else gets it."""
    server = stage.begin(client)
    client.leave()
    assert b"\x1f" in server.side.commands
    assert stage.counters.database_connections_reset == 1
    assert stage.is_clean()
    assert stage.ledger.idle_count == 1


def test_a_client_that_says_good_bye_is_closed(stage, client):
    """COM_QUIT has no answer but the end."""
    client.send(encode(QUIT))
    assert client.payloads() == []
    assert client.closed
    assert stage.is_clean()


@pytest.mark.parametrize("lane", ["express", "conductor"])
def test_a_client_that_leaves_before_its_answer_has_its_statement_stopped(stage, client, lane):
    """After a short while the statement that nobody waits for is killed."""
    client.query(b"SELECT 0")
    stage.serve()
    send(client, lane)
    server = stage.busy()
    client.leave()
    assert kills(stage) == []
    stage.run(DRAIN_SECONDS)
    assert kills(stage) == [b"KILL CONNECTION %d" % server.side.number]
    assert server.gone
    assert stage.is_clean()


def test_a_client_that_leaves_in_the_middle_of_a_result_has_it_stopped(stage, client):
    """The backend is read no further than it is worth, and nobody gets the rest."""
    client.query(b"SELECT 1")
    server = stage.busy()
    server.send(packets(server.side.rows([(b"x" * 1000,)] * 9)[:-1]))
    stage.run()
    client.leave()
    stage.run(DRAIN_SECONDS)
    assert kills(stage) == [b"KILL CONNECTION %d" % server.side.number]
    assert server.gone
    assert stage.is_clean()


def test_a_client_that_leaves_during_the_replay_leaves_no_lease(stage, client):
    """The backend owes an answer to us, so it is not lent again."""
    stage.servers.routines[b"SET character_set"] = lambda side: None
    client.query(b"SELECT 1")
    server = stage.busy()
    client.leave()
    stage.run(1)
    assert server.gone
    assert stage.is_clean()
    assert stage.ledger.total == 0


def test_a_client_that_leaves_in_the_middle_of_its_file_leaves_no_lease(stage, client):
    """A LOAD DATA LOCAL INFILE whose file ends half-way is stopped."""
    client.query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
    server = stage.busy()
    server.send(encode(b"\xfbx", 1))
    stage.run()
    assert client.payloads() == [b"\xfbx"]
    server.side._routine = lambda payload: None
    client.send(encode(b"half of it", 2))
    client.leave()
    stage.run(DRAIN_SECONDS)
    assert server.gone
    assert stage.is_clean()


def test_a_part_of_a_file_that_comes_before_it_is_asked_for(stage, client):
    """The proxy waits for the rest of its header, and serves others meanwhile."""
    file = encode(b"line\n", 2) + encode(b"", 3)
    client.send(query_packet(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t") + file[:2])
    server = stage.busy()
    received = []
    server.wire.deliver = received.append
    server.send(encode(b"\xfbx", 1))
    stage.run()
    assert received == []
    client.send(file[2:])
    assert b"".join(received) == file


def test_a_file_goes_to_the_server_as_it_is(stage, client):
    """The verdict of the server comes after the empty packet, and then all is as before."""
    client.query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
    server = stage.busy()
    received = []
    server.wire.deliver = received.append
    server.send(encode(b"\xfbx", 1))
    stage.run()
    client.payloads()
    file = encode(b"line\n", 2) + encode(b"", 3)
    for byte in file:
        client.send(bytes((byte,)))
    assert b"".join(received) == file
    server.wire.deliver = server._received
    server.send(packets([server.side.ok(affected_rows=1)], 4))
    stage.run()
    ((sequence, _),) = client.packets()
    assert sequence == 4
    assert not stage.ledger.lent


# Silence


@pytest.mark.parametrize("in_transaction", [True, False])
def test_an_idle_client_is_disconnected_in_time(in_transaction):
    """It hears 4031, and what it held is given back."""
    stage = Stage(proxy={"idle_client_timeout": 5.0})
    client = stage.client()
    if in_transaction:
        stage.begin(client)
    for _ in range(4):
        stage.run(1)
    assert not client.closed
    for _ in range(3):
        stage.run(1)
    assert client.reply().code == 4031
    assert client.closed
    assert stage.is_clean()


def test_a_client_that_says_something_now_and_then_stays():
    """Each command begins the time anew."""
    stage = Stage(proxy={"idle_client_timeout": 5.0})
    client = stage.client()
    for _ in range(20):
        stage.run(1)
        client.send(encode(b"\x0e"))
    assert not client.closed


def test_a_client_that_waits_for_us_is_not_idle():
    """A long statement is no silence of the client's."""
    stage = Stage(proxy={"idle_client_timeout": 5.0})
    client = stage.client()
    client.query(b"SELECT SLEEP(100)")
    for _ in range(20):
        stage.run(1)
    assert not client.closed
    stage.serve()
    assert client.reply().status == AUTOCOMMIT


class Full:
    """A socket that takes nothing more."""

    def send(self, data):
        raise BlockingIOError


def test_a_client_that_does_not_read_its_good_bye_is_cut_off():
    """The connection does not stay for the sake of an ERR packet."""
    stage = Stage(proxy={"idle_client_timeout": 5.0})
    client = stage.client()
    client.wire.stuck = True
    client.client.protocol._socket = Full()
    for _ in range(7):
        stage.run(1)
    assert not client.closed
    for _ in range(int(CLOSE_LIMIT_SECONDS)):
        stage.run(1)
    assert client.closed
    assert stage.is_clean()


# Itself


def test_a_client_says_who_it_is_and_what_it_does(client):
    """The repr has number, address and state."""
    assert repr(client.client) == "<Client 1 from localhost waiting for a command>"
    assert client.client.dialogue.state is State.READY
    assert client.client.is_idle


def test_a_mistake_of_ours_is_an_error_for_one_client(stage, client, monkeypatch):
    """The client hears that something went wrong, and the others do not."""

    async def mistaken(*_):
        raise ZeroDivisionError

    other = stage.client()
    monkeypatch.setattr("proxy.front.commands.run", mistaken)
    client.send(encode(b"\x0e"))
    assert client.closed
    assert not other.closed
    assert stage.proxy.count == 1
