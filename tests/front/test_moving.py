"""Tests of `proxy.front.moving`."""

from __future__ import annotations

import json
import os
import resource
import socket

import attrs
import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.errors import session_lost
from proxy.front import moving
from proxy.front.moving import SESSION_BYTES, CannotMoveError, Passage
from proxy.session import written
from proxy.session.pins import Pin, PinReason
from tests.support.memory import Stage
from tests.support.moving import Adopting, on_stage
from tests.support.scripted import IN_TRANSACTION, error


@pytest.fixture
def stage():
    """A proxy with one connection."""
    return Stage(max_connections=1)


@pytest.fixture
def caller(stage):
    """A client on a real socket."""
    with on_stage(stage) as call:
        yield call()


@pytest.fixture
def other():
    """The proxy of the process to which clients go."""
    return Stage(max_connections=1)


@pytest.fixture
def adopted(caller, other):
    """The client in the other process."""
    handle, passage = moving.set_out(caller.client)
    written = Passage.decode(json.loads(json.dumps(passage.encode())))
    assert written == passage
    connection = socket.socket(fileno=handle)
    client = moving.take_in(Adopting(), other.proxy, written, connection)
    moving.arrived(caller.client)
    yield client
    client.protocol.transport.connectionLost(Failure(ConnectionDone()))


def test_a_client_that_has_its_answer_rests(stage, caller):
    """From its command to the end of the answer it does not."""
    assert moving.rests(caller.client)
    caller.query(b"INSERT INTO t VALUES (1)")
    assert not moving.rests(caller.client)
    stage.serve()
    assert moving.rests(caller.client)


def test_a_client_in_a_transaction_does_not_rest(stage, caller):
    """Its transaction is its backend's."""
    caller.query(b"BEGIN")
    stage.busy().side.status = IN_TRANSACTION
    stage.serve()
    assert not moving.rests(caller.client)


def test_a_pinned_client_does_not_rest(caller):
    """What pins cannot be taken along."""
    caller.client.session.pins.add(Pin(PinReason.HANDLER))
    assert not moving.rests(caller.client)


def test_a_client_that_has_sent_half_a_command_does_not_rest(caller):
    """The half that was read is nowhere else."""
    caller.send(b"\x05\x00")
    assert not moving.rests(caller.client)


def test_a_client_without_a_socket_of_its_own_never_moves(stage):
    """In memory as behind TLS."""
    client = stage.client().client
    assert not moving.may_move(client)
    assert not moving.rests(client)


def test_a_lease_that_lingers_is_brought_to_rest(stage, caller):
    """What its backend knows is asked for, and the client can go."""
    caller.query(b"INSERT INTO t VALUES (1)")
    stage.serve(error(1146, "42S02").encode())
    assert not moving.rests(caller.client)
    moving.call_back(caller.client)
    stage.run()
    assert caller.client.lease is None
    assert moving.rests(caller.client)


def test_there_is_nothing_to_bring_to_rest_without_a_lease(caller):
    """Nothing happens to such a client."""
    moving.call_back(caller.client)
    assert moving.rests(caller.client)


def test_a_client_goes_on_in_the_other_process(stage, caller, other, adopted):
    """It keeps its number, and its statements run there."""
    assert stage.clients == {}
    assert stage.proxy.count == 0
    assert other.clients == {1: adopted}
    assert other.proxy.count == 1
    assert caller.client.protocol.lost
    caller.query(b"INSERT INTO t VALUES (1)", adopted)
    other.run()
    other.serve()
    assert caller.payload()[0] == 0


def test_a_statement_of_its_runs_where_it_is(caller, other, adopted):
    """The old process has nothing to do with it any more."""
    caller.peer.sendall(b"\x01\x00\x00\x00\x0e")  # COM_PING
    adopted.protocol.read()
    other.run()
    assert caller.payload()[0] == 0


def test_what_was_sent_meanwhile_is_read_by_the_other_process(caller, other):
    """It waits in the kernel."""
    handle, passage = moving.set_out(caller.client)
    caller.peer.sendall(b"\x01\x00\x00\x00\x0e")  # COM_PING
    connection = socket.socket(fileno=handle)
    client = moving.take_in(Adopting(), other.proxy, passage, connection)
    moving.arrived(caller.client)
    client.protocol.read()
    assert caller.payload()[0] == 0
    client.protocol.transport.connectionLost(Failure(ConnectionDone()))


def test_a_client_that_is_not_taken_comes_back(stage, caller):
    """It is served as before."""
    handle, _ = moving.set_out(caller.client)
    os.close(handle)
    assert stage.clients == {}
    moving.come_back(caller.client)
    assert stage.clients == {1: caller.client}
    caller.query(b"INSERT INTO t VALUES (1)")
    stage.serve()
    assert caller.payload()[0] == 0


def test_a_client_that_has_gone_meanwhile_does_not_come_back(stage, caller):
    """There is nobody to serve."""
    handle, _ = moving.set_out(caller.client)
    os.close(handle)
    moving.arrived(caller.client)
    moving.come_back(caller.client)
    assert stage.clients == {}


@pytest.mark.parametrize("limit", [{"max_clients": 1}])
def test_a_full_process_takes_nobody(caller, limit):
    """Its limit is a limit."""
    other = Stage(proxy=limit)
    other.connect()
    refuse(caller, other, "max_clients", number=7)


def test_a_number_that_is_taken_cannot_come(caller, other):
    """Ids are unique in a process."""
    other.connect()
    refuse(caller, other, "number")


def test_an_endpoint_that_is_no_more_takes_nobody(caller, other):
    """The new configuration may have others."""
    refuse(caller, other, "no endpoint gone", endpoint="gone")


def test_a_session_of_another_layout_cannot_come(caller, other):
    """Two releases that do not understand each other do not guess."""
    refuse(caller, other, "no sense", session=b"{}")


def test_a_connection_that_is_gone_cannot_come(caller, other):
    """The old process will find that out by itself."""
    handle, passage = moving.set_out(caller.client)
    os.close(handle)
    moving.come_back(caller.client)
    with pytest.raises(CannotMoveError, match="connection is gone"):
        moving.take_in(Adopting(), other.proxy, passage, socket.socket())


def test_a_session_that_is_too_long_stays(caller, monkeypatch):
    """It would stop all others for too long; it is served as before."""
    monkeypatch.setattr(written, "write", lambda _: bytes(SESSION_BYTES + 1))
    with pytest.raises(CannotMoveError, match="too long"):
        moving.set_out(caller.client)
    assert moving.rests(caller.client)


def test_a_client_stays_where_there_are_no_descriptors(caller):
    """It is served as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(CannotMoveError, match="Too many open files"):
            moving.set_out(caller.client)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert moving.rests(caller.client)


def refuse(caller, other, why, **changed):
    """See that a passage is refused, and the client comes back."""
    handle, passage = moving.set_out(caller.client)
    connection = socket.socket(fileno=handle)
    before = other.proxy.count
    with pytest.raises(CannotMoveError, match=why):
        moving.take_in(Adopting(), other.proxy, attrs.evolve(passage, **changed), connection)
    assert connection.fileno() < 0
    assert other.proxy.count == before
    moving.come_back(caller.client)
    assert moving.rests(caller.client)


def test_what_a_client_is_to_hear_goes_along(caller):
    """An error that its next statement gets."""
    caller.client.loss = session_lost("a lock")
    handle, passage = moving.set_out(caller.client)
    os.close(handle)
    assert Passage.decode(json.loads(json.dumps(passage.encode()))).loss == session_lost(
        "a lock"
    )
    moving.come_back(caller.client)


@pytest.mark.parametrize("document", [None, [], {}, {"greeting": {"nonce": "x"}}])
def test_a_passage_that_makes_no_sense_is_refused(document):
    """Whatever it is."""
    with pytest.raises(CannotMoveError, match="no sense"):
        Passage.decode(document)


def test_a_passage_does_not_show_the_session(caller):
    """Values of variables are the application's."""
    handle, passage = moving.set_out(caller.client)
    os.close(handle)
    assert "session" not in repr(passage)
    assert "nonce" not in repr(passage)
    moving.come_back(caller.client)
