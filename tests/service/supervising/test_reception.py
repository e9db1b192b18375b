"""Tests of `proxy.service.supervising.reception`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service.ports import Door
from proxy.service.supervising import reception
from proxy.service.supervising.member import Place
from proxy.service.supervising.reception import AGAIN_SECONDS, FULL_SECONDS, Reception
from tests.support.staff import Staffed, receive

HANDLES = Path("/proc/self/fd")
LIMIT = 100
"""How many clients a proxy may have, unless a test says otherwise."""


class Port:
    """One of Twisted's.

    Attributes:
        reads: Whether it accepts.
    """

    def __init__(self):
        self.reads, self.connected, self.disconnecting = True, True, False
        self.socket, self.numberAccepts = socket.create_server(("127.0.0.1", 0)), 100
        self.socket.setblocking(False)

    def stopReading(self):  # noqa: N802 - Twisted's name
        self.reads = False

    def startReading(self):  # noqa: N802 - Twisted's name
        self.reads = True


class Scene:
    """A reception for two workers.

    Attributes:
        peers: The ends of those who have come.
        limits: How many clients each proxy may have.
    """

    def __init__(self):
        self.staff, self.clock, self.peers = Staffed(), Clock(), []
        self.limits = {}
        self.one = Reception(
            self.staff, self.clock, get_logger(), lambda name: self.limits.get(name, LIMIT)
        )
        self.staff.join_all()
        self.port = Port()
        for member, door in self.staff.doors.items():
            member.far = door.dup()

    def come(self, proxy="shop", endpoint="main"):
        """Somebody connects."""
        self.peers.append(socket.create_connection(self.port.socket.getsockname()))
        door = Door(self.one.endpoint(proxy, endpoint))
        self.one.reader(self.port, door)()

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
        for member in self.staff.doors:
            member.far.close()
        for one in (*self.peers, self.port.socket):
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
    first.told({"shop": 5}, {})
    second.told({"shop": 2}, {})
    for _ in range(3):
        scene.come()
    assert scene.dealt(0) == []
    assert [LIMIT - room for _, _, room in scene.dealt(1)] == [7, 8, 9]


def test_who_is_on_the_way_from_another_worker_counts_too(scene):
    """Twice, until the one where it was says that it has left: never too few are told."""
    first, second = scene.staff.members
    first.told({"shop": 3}, {})
    second.expect("shop")
    scene.come()
    assert [LIMIT - room for _, _, room in scene.dealt(1)] == [4]
    second.told({"shop": 2}, {"shop": 2})
    first.told({"shop": 2}, {})
    scene.come()
    scene.come()
    told = [LIMIT - room for _, _, room in (*scene.dealt(0), *scene.dealt(1))]
    assert sorted(told) == [4, 5]


def test_who_comes_when_somebody_has_just_left_gets_the_place(scene):
    """Though workers say a moment later only that it is free."""
    scene.limits["shop"] = 3
    first, second = scene.staff.members
    first.told({"shop": 2}, {})
    second.told({"shop": 1}, {})
    scene.come()
    assert [*scene.dealt(0), *scene.dealt(1)] == []
    assert "1 wait" in repr(scene.one)
    assert not scene.one.are_dealt
    first.told({"shop": 1}, {})
    scene.clock.advance(AGAIN_SECONDS)
    assert [room for _, _, room in scene.dealt(0)] == [1]


def test_who_comes_where_all_places_are_taken_hears_it_soon(scene):
    """From a worker; others are not kept waiting for that."""
    scene.limits["shop"] = 1
    scene.staff.members[0].told({"shop": 1}, {})
    scene.come()
    scene.come("bank")
    assert [name for name, _, _ in scene.dealt(1)] == ["bank"]
    scene.clock.pump([AGAIN_SECONDS] * 20)
    assert [*scene.dealt(0), *scene.dealt(1)] == [["shop", "main", 0]]
    assert FULL_SECONDS <= AGAIN_SECONDS * 20


def test_who_hears_that_takes_no_place_on_the_way_there(scene, monkeypatch):
    """Who comes next and finds one has it, however many are being turned away."""
    monkeypatch.setattr(reception, "MAX_HELD", 0)
    scene.limits["shop"] = 2
    first, second = scene.staff.members
    first.told({"shop": 1}, {})
    second.told({"shop": 2}, {})
    for _ in range(10):
        scene.come()
    assert {room for _, _, room in (*scene.dealt(0), *scene.dealt(1))} == {-1}
    second.told({"shop": 0}, {})
    scene.come()
    scene.come()
    assert [room for _, _, room in (*scene.dealt(0), *scene.dealt(1))] == [1, 0]


def test_nobody_waits_for_a_place_any_more_when_it_stops(scene):
    """Their connections are closed."""
    scene.limits["shop"] = 1
    scene.staff.members[0].told({"shop": 1}, {})
    scene.come()
    scene.one.stop()
    scene.peers[-1].settimeout(10)
    assert scene.peers[-1].recv(1) == b""


def test_a_worker_learns_how_many_clients_more_there_may_be(scene):
    """So that all go by max_clients together."""
    first, second = scene.staff.members
    first.told({"shop": 1, "blog": 9}, {})
    second.told({"shop": 3, "blog": 0}, {})
    scene.come("shop")
    assert scene.dealt(1) == [["shop", "main", LIMIT - 4]]


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


def test_where_many_wait_nobody_more_is_accepted(scene, monkeypatch):
    """They wait at the port, until there is room again; who was accepted stays."""
    monkeypatch.setattr(reception, "MAX_HELD", 2)
    members, scene.staff.members = scene.staff.members, []
    scene.come()
    assert scene.port.reads
    scene.come()
    assert not scene.port.reads
    scene.come()
    scene.clock.advance(AGAIN_SECONDS)
    assert not scene.port.reads
    scene.staff.members = members
    scene.clock.advance(AGAIN_SECONDS)
    assert scene.port.reads
    assert len(scene.dealt(0)) + len(scene.dealt(1)) == 3


def test_a_port_that_was_closed_meanwhile_stays_closed(scene, monkeypatch):
    """A reload may do that."""
    monkeypatch.setattr(reception, "MAX_HELD", 1)
    members, scene.staff.members = scene.staff.members, []
    scene.come()
    scene.port.connected = False
    scene.staff.members = members
    scene.clock.advance(AGAIN_SECONDS)
    assert not scene.port.reads


def test_what_a_worker_had_not_received_when_it_died_goes_to_another_one(scene):
    """Those clients hear nothing of it."""
    first, _ = scene.staff.members
    for _ in range(4):
        scene.come()
    (said, connection) = receive(scene.staff.doors[first])
    connection.close()
    scene.staff.lose(first)
    assert said[:2] == ["shop", "main"]
    (second,) = scene.staff.members
    assert second.load == 3
    _, connection = receive(scene.staff.doors[second])
    connection.close()


def test_a_worker_that_ends_gets_nobody_more(scene):
    """Neither does one that does not answer."""
    first, second = scene.staff.members
    scene.come()
    first.link.hear("ends")
    assert scene.dealt(0) == []
    assert len(scene.dealt(1)) == 1
    scene.come()
    second.is_late = True
    second.on_late()
    scene.come()
    assert repr(scene.one) == "<Reception 2 wait>"
    second.is_late = False
    scene.clock.advance(AGAIN_SECONDS)
    assert len(scene.dealt(1)) == 2


def test_all_are_dealt_when_the_workers_say_so(scene):
    """Not while somebody waits or is on the way."""
    assert scene.one.are_dealt
    scene.come()
    assert not scene.one.are_dealt
    scene.staff.members[0].told({"shop": 1}, {"shop": 1, "blog": 0})
    assert scene.one.are_dealt
    scene.staff.members = []
    scene.come()
    assert not scene.one.are_dealt


def test_who_comes_when_it_has_stopped_is_closed(scene):
    """So is who is taken back."""
    scene.one.stop()
    scene.come()
    assert scene.clock.calls == []
    assert scene.peers[0].recv(1) == b""


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
    assert scene.dealt(1) == [["shop", "main", LIMIT]]


def test_all_are_passed_over_that_take_nothing(scene):
    """Who has come waits until one of them does."""
    first, second = scene.staff.members
    doors = first.door, second.door
    closed = first.door.dup()
    closed.close()
    first.door = second.door = closed
    scene.come()
    assert repr(scene.one) == "<Reception 1 wait>"
    first.door, second.door = doors
    scene.clock.advance(AGAIN_SECONDS)
    assert len(scene.dealt(0)) == 1


def test_no_descriptor_of_who_was_dealt_stays_here(scene):
    """Nor does one of who was taken back and dealt again."""
    before = len([*HANDLES.iterdir()])
    for _ in range(6):
        scene.come()
    scene.staff.lose(scene.staff.members[0])
    assert len(scene.dealt(0)) == 6
    for one in scene.peers:
        one.close()
    assert len([*HANDLES.iterdir()]) == before


def test_who_comes_to_a_port_goes_where_its_door_leads_by_now(scene):
    """A reload may have given it to somebody else."""
    door = Door(scene.one.endpoint("shop", "main"))
    read = scene.one.reader(scene.port, door)
    door.leads_to = scene.one.endpoint("blog", "more")
    with socket.create_connection(scene.port.socket.getsockname()):
        read()
    assert scene.dealt(0) == [["blog", "more", LIMIT]]


def test_a_port_that_cannot_accept_rests_for_a_moment(scene):
    """Else it would be tried again without end."""
    scene.port.socket.close()
    with capture_logs() as lines:
        scene.one.reader(scene.port, Door(scene.one.endpoint("shop", "main")))()
    assert [line["event"] for line in lines] == ["clients cannot be accepted"]
    assert not scene.port.reads
    scene.clock.advance(AGAIN_SECONDS)
    assert scene.port.reads
    assert scene.clock.calls == []


def test_nobody_is_served_by_the_process_that_deals():
    """What a door leads to has no protocol."""
    assert reception.Dealing(Place("shop", "main")).buildProtocol(None) is None
