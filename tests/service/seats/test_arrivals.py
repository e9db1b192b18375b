"""Tests of `proxy.service.seats.arrivals`."""

from __future__ import annotations

import errno
import json
import os
import socket

import pytest
from structlog.testing import capture_logs
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.observe.log import get_logger
from proxy.service.seats import arrivals
from proxy.service.seats.arrivals import (
    AGAIN_SECONDS,
    AT_ONCE,
    MORE,
    TELL_SECONDS,
    TRIES,
    Arrivals,
)
from proxy.service.supervising.member import NOBODY, Place
from tests.support.joined import Reactor
from tests.support.memory import Stage
from tests.support.staff import make_member

PROTOCOL_VERSION = 10
"""What a greeting begins with."""


class Scene:
    """A worker with one proxy.

    Attributes:
        proxies: Those that there are, by name.
        told: What the supervisor was told.
        adopted: Whose those are that were let in, by the representation of what makes a client.
        trouble: Raised when the next one is let in.
        peers: The ends of those who came.
    """

    def __init__(self):
        self.proxy = Stage().proxy
        self.name = self.proxy.config.name
        (self.endpoint, *_) = self.proxy.routes
        self.proxies = {self.name: self.proxy}
        self.reactor, self.told, self.peers = Reactor(), [], []
        self.adopted, self.trouble = [], None
        self.member, door = make_member()
        self.one = Arrivals(door, lambda: self.proxies, self._tell, self.reactor, get_logger())
        self.one.start()

    def _tell(self, clients, received):
        self.told.append((dict(clients), dict(received)))

    def adopt(self, reactor, connection, factory):
        """See `proxy.net.adopt`."""
        assert reactor is self.reactor
        connection.close()
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.adopted.append(repr(factory))

    def come(self, proxy=None, endpoint=None, room=1):
        """A client is sent here."""
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        self.peers.append(ours)
        with theirs:
            place = Place(proxy or self.name, endpoint or self.endpoint)
            assert self.member.deal(theirs.fileno(), place, room)

    def end(self):
        self.one.stop()
        self.one.end()
        self.member.close()
        for one in self.peers:
            one.close()


@pytest.fixture
def scene(monkeypatch):
    """Nobody has come."""
    scene = Scene()
    monkeypatch.setattr(arrivals, "adopt", scene.adopt)
    yield scene
    scene.end()
    assert not scene.reactor.readers
    assert not scene.reactor.getDelayedCalls()


def test_who_comes_is_a_client_of_the_endpoint(scene):
    """And it is known how many there are by what the supervisor has counted."""
    limit = scene.proxy.config.max_clients
    scene.come(room=limit - 7)
    scene.proxy.count = 2
    scene.one.doRead()
    assert scene.proxy.clients_elsewhere == 5
    scene.come(room=limit - 1)
    scene.one.doRead()
    assert scene.adopted == [f"<ClientFactory {scene.name}/{scene.endpoint}>"] * 2
    assert scene.proxy.clients_elsewhere == 0
    assert repr(scene.one) == "<Arrivals 2 have come>"


def test_the_supervisor_hears_how_many_there_are_when_that_has_changed(scene):
    """And how many have come, so that it knows who is still on the way."""
    assert scene.told == [({scene.name: 0}, {})]
    scene.reactor.advance(TELL_SECONDS)
    scene.come()
    scene.one.doRead()
    scene.proxy.count = 1
    scene.reactor.advance(TELL_SECONDS)
    assert scene.told[1:] == [({scene.name: 1}, {scene.name: 1})]


@pytest.mark.parametrize("room", [0, -3])
def test_where_there_is_no_room_there_are_as_many_as_may_be(scene, room):
    """Whoever comes then is told to be nobody's, as it was when it was sent."""
    scene.come(room=room)
    scene.proxy.count = 2
    scene.one.doRead()
    clients = scene.proxy.count + scene.proxy.clients_elsewhere
    assert clients == scene.proxy.config.max_clients - room
    scene.reactor.advance(TELL_SECONDS)
    assert scene.told[-1] == ({scene.name: 2}, {NOBODY: 1})
    scene.member.told(*scene.told[-1])
    assert scene.member.load == scene.member.clients_of(scene.name) == 2


def test_clients_that_are_there_do_not_wait_for_all_that_come(scene):
    """Only for so many at once."""
    for _ in range(AT_ONCE + 1):
        scene.come()
    scene.one.doRead()
    assert len(scene.adopted) == AT_ONCE
    scene.one.doRead()
    assert len(scene.adopted) == AT_ONCE + 1


def test_the_next_turn_looks_for_as_many_as_came_last(scene):
    """So that the kernel is seldom asked for one that is not there."""
    scene.come()
    scene.one.doRead()
    for _ in range(MORE + 2):
        scene.come()
    scene.one.doRead()
    assert len(scene.adopted) == 2
    scene.one.doRead()
    assert len(scene.adopted) == MORE + 3


def test_a_client_is_let_in_as_if_it_had_come_to_this_process(scene, monkeypatch):
    """It is greeted, and counted for as long as it stays."""
    monkeypatch.undo()
    scene.come()
    scene.one.doRead()
    assert scene.peers[0].recv(1000)[4] == PROTOCOL_VERSION
    assert scene.proxy.count == 1
    (client,) = scene.proxy.clients.values()
    client.protocol.abort()
    scene.reactor.advance(0)
    assert scene.proxy.count == 0


def test_a_client_may_be_earlier_than_the_configuration_of_its_endpoint(scene):
    """It comes in when that is there."""
    scene.proxies = {}
    scene.come()
    scene.one.doRead()
    scene.reactor.advance(AGAIN_SECONDS)
    assert scene.adopted == []
    scene.proxies = {scene.name: scene.proxy}
    scene.reactor.advance(AGAIN_SECONDS)
    assert len(scene.adopted) == 1


@pytest.mark.parametrize("whose", [("gone", None), (None, "gone")])
def test_a_client_of_what_is_no_more_is_closed_after_a_while(scene, whose):
    """Nobody serves it."""
    scene.come(*whose)
    scene.one.doRead()
    scene.reactor.pump([AGAIN_SECONDS] * TRIES)
    assert scene.peers[0].recv(1) == b""


def test_a_client_that_has_gone_is_no_trouble(scene):
    """It is said where everything is."""
    scene.trouble = OSError(errno.ENOTCONN, "Transport endpoint is not connected")
    scene.come()
    with capture_logs() as lines:
        scene.one.doRead()
    assert [line["log_level"] for line in lines] == ["debug"]


def test_a_lack_of_descriptors_is_told(scene):
    """The client has heard nothing, and somebody has to raise the limit."""
    scene.trouble = OSError(errno.EMFILE, "Too many open files")
    scene.come()
    scene.member.door.send(json.dumps([scene.name, scene.endpoint, 0]).encode())
    with capture_logs() as lines:
        scene.one.doRead()
    assert [(one["event"], one["log_level"], one["why"]) for one in lines] == [
        ("a client was lost", "error", "Too many open files")
    ] * 2
    assert scene.peers[0].recv(1) == b""


def test_who_has_come_from_another_worker_is_told_as_received(scene):
    """The supervisor counts it as sent until then."""
    scene.one.note("shop")
    scene.reactor.advance(TELL_SECONDS)
    assert scene.told[-1][1] == {"shop": 1}


def test_a_mistake_with_one_client_is_not_for_the_next_one(scene):
    """Else the worker would be given clients that it never takes."""
    scene.trouble = RuntimeError("a mistake")
    scene.come()
    scene.come()
    with capture_logs() as lines:
        scene.one.doRead()
    (line,) = lines
    assert "a mistake" in line["exception"]
    assert scene.peers[0].recv(1) == b""
    assert len(scene.adopted) == 1


def test_what_it_has_not_received_when_it_stops_is_left_to_the_supervisor(scene):
    """It is not lost with the worker."""
    scene.member.far = socket.socket(fileno=socket.dup(scene.one.fileno()))
    scene.come()
    scene.one.stop()
    ((handle, place),) = scene.member.take_back()
    os.close(handle)
    assert place == Place(scene.name, scene.endpoint)


def test_the_supervisor_hears_of_who_leaves_until_nobody_is_left(scene):
    """What ends may take its time, and others want the places of those who have finished."""
    scene.proxy.count = 2
    scene.one.stop()
    scene.reactor.advance(TELL_SECONDS)
    scene.proxy.count = 1
    scene.reactor.advance(TELL_SECONDS)
    assert [clients for clients, _ in scene.told[-2:]] == [{scene.name: 2}, {scene.name: 1}]
    scene.one.end()
    assert not scene.reactor.getDelayedCalls()


def test_who_waits_for_a_configuration_when_it_stops_is_closed(scene):
    """It does not come any more."""
    scene.proxies = {}
    scene.come()
    scene.one.doRead()
    scene.one.stop()
    scene.reactor.advance(AGAIN_SECONDS)
    assert scene.peers[0].recv(1) == b""


def test_a_supervisor_that_has_gone_sends_nobody(scene):
    """Nothing is read there any more."""
    scene.member.door.close()
    scene.one.doRead()
    assert not scene.reactor.readers


def test_a_door_that_is_broken_is_told(scene):
    """As is a reader that the reactor gives up."""
    door = scene.one._door
    scene.one._door = socket.socket()
    with capture_logs() as lines, scene.one._door:
        scene.one._door.setblocking(False)
        scene.one.doRead()
    scene.one._door = door
    assert [line["event"] for line in lines] == ["clients cannot be received"]
    scene.one.connectionLost(Failure(ConnectionDone()))
    assert scene.reactor.getDelayedCalls() == []
