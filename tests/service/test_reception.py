"""Tests of `proxy.service.reception`."""

from __future__ import annotations

import socket

import pytest
from structlog.testing import capture_logs
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service import reception
from proxy.service.reception import AGAIN_SECONDS, Reception, deal
from tests.support.staff import Staffed, receive


class Scene:
    """A reception for two workers.

    Attributes:
        peers: The ends of those who have come.
    """

    def __init__(self):
        self.staff, self.clock, self.peers = Staffed(), Clock(), []
        self.one = Reception(self.staff, self.clock, get_logger())

    def come(self, proxy="shop", endpoint="main"):
        """Somebody connects."""
        ours, theirs = socket.socketpair()
        self.peers.append(ours)
        arrival = self.one.endpoint(proxy, endpoint).buildProtocol(None)
        deal(theirs, arrival, ("127.0.0.1", 5), None, 1, self.clock)
        arrival.makeConnection(None)

    def dealt(self, number):
        """What a worker has been given."""
        found = []
        while True:
            try:
                said, connection = receive(self.staff.doors[self.staff.members[number]])
            except BlockingIOError:
                return found
            connection.close()
            found.append(said)

    def end(self):
        self.one.stop()
        self.staff.end()
        for one in self.peers:
            one.close()


@pytest.fixture
def scene():
    """Nobody has come yet."""
    scene = Scene()
    yield scene
    scene.end()


def test_clients_are_dealt_evenly(scene):
    """Also when nobody has said yet how many it has."""
    for _ in range(10):
        scene.come()
    assert [len(scene.dealt(0)), len(scene.dealt(1))] == [5, 5]


def test_who_has_fewest_gets_the_next_one(scene):
    """Clients that have left make room."""
    first, second = scene.staff.members
    first.clients, second.clients = {"shop": 5}, {"shop": 2}
    for _ in range(3):
        scene.come()
    assert scene.dealt(0) == []
    assert [elsewhere for _, _, elsewhere in scene.dealt(1)] == [5, 5, 5]


def test_a_worker_learns_how_many_clients_the_others_have(scene):
    """So that all go by max_clients together."""
    first, second = scene.staff.members
    first.clients, second.clients = {"shop": 1, "blog": 9}, {"shop": 3, "blog": 0}
    scene.come("shop")
    assert scene.dealt(1) == [["shop", "main", 1]]


def test_clients_wait_until_somebody_serves(scene):
    """Then they are dealt in the order in which they came."""
    members, scene.staff.members = scene.staff.members, []
    scene.come(endpoint="a")
    scene.clock.advance(AGAIN_SECONDS)
    scene.come(endpoint="b")
    assert repr(scene.one) == "<Reception 2 wait>"
    scene.staff.members = members[:1]
    scene.clock.advance(AGAIN_SECONDS)
    assert [endpoint for _, endpoint, _ in scene.dealt(0)] == ["a", "b"]
    assert repr(scene.one) == "<Reception 0 wait>"
    assert scene.clock.calls == []


def test_not_more_wait_than_may(scene, monkeypatch):
    """The next one is closed, and the log says so."""
    monkeypatch.setattr(reception, "MAX_HELD", 1)
    scene.staff.members = []
    scene.come()
    with capture_logs() as lines:
        scene.come()
    assert [line["event"] for line in lines] == ["a client was turned away: no worker takes it"]
    assert scene.peers[1].recv(1) == b""


def test_who_waits_when_it_stops_is_closed(scene):
    """Nobody will serve it."""
    scene.staff.members = []
    scene.come()
    scene.one.stop()
    assert scene.peers[0].recv(1) == b""
    assert scene.clock.calls == []


def test_a_worker_that_takes_nothing_is_passed_over(scene):
    """Another one serves."""
    scene.staff.members[0].door.close()
    scene.come()
    assert scene.dealt(1) == [["shop", "main", 0]]
