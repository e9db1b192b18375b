"""Tests of `proxy.service.handover.taking`."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.front import moving
from proxy.service.handover.taking import Taking
from tests.support.memory import Stage
from tests.support.moving import Adopting, on_stage


class Road:
    """To whom had the client: notes in which order things happen.

    Attributes:
        said: What was said, and that it was sent at once.
    """

    def __init__(self):
        self.said = []

    def say(self, what, **more):
        self.said.append((what, more))

    def flush(self):
        self.said.append("sent")


@pytest.fixture
def sent():
    """A client that has set out: its caller, its connection, and all that is known of it."""
    with on_stage(Stage(max_connections=1)) as call:
        caller = call()
        handle, passage = moving.set_out(caller.client)
        with socket.socket(fileno=handle) as connection:
            yield caller, connection, passage.encode()
        moving.arrived(caller.client)


@pytest.fixture
def stage():
    """Where it arrives."""
    return Stage(max_connections=1)


def taking(stage):
    """Who takes clients there."""
    return Taking(Adopting(), lambda: {stage.proxy.config.name: stage.proxy})


def test_whoever_had_a_client_hears_that_it_is_served_before_it_is_read(sent, stage):
    """If this process dies then, it is known with whom."""
    caller, connection, document = sent
    one, road = taking(stage), Road()
    one.take(document, connection, road)
    assert road.said == [("taken", {"number": caller.client.number}), "sent"]
    assert repr(one) == "<Taking 1 have come>"
    (client,) = stage.clients.values()
    assert client.number == caller.client.number
    assert connection.fileno() == -1
    client.protocol.transport.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def waiting(sent, stage):
    """Who has taken the client, and reads nothing of it yet; and the client there."""
    caller, connection, document = sent
    one, reactor = Taking(adopting := Adopting(), lambda: {"shop": stage.proxy}), adopting
    one.take(document, connection, Road(), waits=True)
    (client,) = stage.clients.values()
    assert reactor.readers == set()
    yield SimpleNamespace(one=one, reactor=reactor, client=client, caller=caller)
    if not client.protocol.lost:
        client.protocol.transport.connectionLost(Failure(ConnectionDone()))


def test_by_way_of_somebody_else_it_is_read_when_all_know_of_it(waiting):
    """And no sooner, whatever it has sent."""
    waiting.one.go_on(waiting.client.number)
    assert waiting.reactor.readers == {waiting.client.protocol.transport}
    waiting.one.go_on(waiting.client.number)  # which is nobody's now


def test_who_has_gone_meanwhile_is_not_gone_on_with(waiting):
    """It may be on its way to somebody else."""
    handle, _ = moving.set_out(waiting.client)
    waiting.one.go_on(waiting.client.number)
    assert waiting.reactor.readers == set()
    os.close(handle)
    moving.arrived(waiting.client)


def test_where_nobody_can_tell_of_it_a_client_is_not_touched(waiting, stage):
    """Whoever had it goes on with its connection, which stays as it is."""
    waiting.one.give_up()
    assert stage.clients == {}
    assert waiting.client.gone
    waiting.caller.peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        waiting.caller.peer.recv(1)
    waiting.one.give_up()


def test_who_was_on_the_way_to_somebody_else_is_not_given_up_twice(waiting):
    """It is in nobody's list here any more."""
    handle, _ = moving.set_out(waiting.client)
    waiting.one.give_up()
    assert not waiting.client.gone
    os.close(handle)
    moving.arrived(waiting.client)


def test_without_its_connection_a_client_is_refused(sent, stage):
    """There was no descriptor left."""
    caller, _, document = sent
    road = Road()
    taking(stage).take(document, None, road)
    ((what, more),) = road.said
    assert (what, more["number"]) == ("refused", caller.client.number)
    assert "no descriptor" in more["why"]


def test_a_client_of_a_proxy_that_is_not_here_is_refused(sent, stage):
    """Its connection is closed here, and open where it came from."""
    caller, connection, document = sent
    one, road = Taking(Adopting(), dict), Road()
    one.take(document, connection, road)
    ((what, more),) = road.said
    assert (what, more["number"]) == ("refused", caller.client.number)
    assert "no proxy" in more["why"]
    assert connection.fileno() == -1
    assert one.count == 0
    assert stage.clients == {}


@pytest.mark.parametrize("document", [None, [], {}, {"number": 7}, {"proxy": 1}])
def test_what_makes_no_sense_is_refused(document, stage):
    """It is of another release; the connection is closed."""
    road, (ours, theirs) = Road(), socket.socketpair()
    with ours:
        ours.settimeout(5)
        taking(stage).take(document, theirs, road)
        assert ours.recv(1) == b""
    ((what, more),) = road.said
    number = document.get("number") if isinstance(document, dict) else None
    assert (what, more["number"]) == ("refused", number)
