"""Tests of `proxy.service.supervising.member`."""

from __future__ import annotations

import socket

import pytest

from proxy.service.supervising.member import (
    NOBODY,
    PACKET_BYTES,
    Place,
    counted_for,
    read_packet,
)
from tests.support.staff import make_member, receive

PLACE = Place("shop", "main")


@pytest.fixture
def pair():
    """A member, and the other end of its door."""
    member, door = make_member()
    yield member, door
    member.close()
    door.close()


def test_a_connection_goes_through_the_door_with_what_is_known_of_it(pair):
    """It is the same connection, and stays open here until it is closed."""
    member, door = pair
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert member.deal(theirs.fileno(), PLACE, 7)
        said, given = receive(door)
        with given:
            assert said == ["shop", "main", 7]
            ours.sendall(b"hello")
            assert given.recv(5) == b"hello"
            assert theirs.fileno() >= 0


def test_what_is_on_its_way_counts(pair):
    """Until the worker has said that it has come."""
    member, _ = pair
    ours, theirs = socket.socketpair()
    with ours, theirs:
        member.told({"shop": 3, "blog": 1}, {})
        member.deal(theirs.fileno(), PLACE, 1)
        assert (member.load, member.clients_of("shop"), member.clients_of("blog")) == (5, 4, 1)
        member.told({"shop": 4, "blog": 1}, {"shop": 1})
        assert (member.load, member.clients_of("shop")) == (5, 4)


@pytest.mark.parametrize("room", [0, -7])
def test_who_has_no_place_takes_none_on_the_way(pair, room):
    """It is a connection like others for who deals, and a client once the worker says so."""
    member, _ = pair
    ours, theirs = socket.socketpair()
    with ours, theirs:
        member.told({"shop": 3}, {})
        member.deal(theirs.fileno(), PLACE, room)
        assert (member.load, member.clients_of("shop"), member.clients_of(NOBODY)) == (4, 3, 1)
        member.told({"shop": 4}, {NOBODY: 1})  # it has let it in all the same
        assert (member.load, member.clients_of("shop"), member.clients_of(NOBODY)) == (4, 4, 0)


def test_who_had_no_place_is_counted_no_more_when_it_comes_back(pair):
    """Whose it was is known by its packet."""
    member, door = pair
    member.far = door.dup()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for room in (1, 0, -1):
            member.deal(theirs.fileno(), PLACE, room)
        for handle, _ in member.take_back():
            socket.close(handle)
    assert (member.load, +member.sent, +member.loads) == (0, {}, {})


def test_clients_of_proxies_that_were_never_dealt_count_too(pair):
    """They came from another worker."""
    member, _ = pair
    member.told({"shop": 2}, {})
    assert member.load == 2


def test_a_worker_whose_door_is_full_takes_no_more(pair):
    """Whoever deals finds somebody else; nothing is counted."""
    member, _ = pair
    ours, theirs = socket.socketpair()
    with ours, theirs:
        taken = 0
        while member.deal(theirs.fileno(), PLACE, 1):
            taken += 1
            assert taken < 100_000
        assert member.sent["shop"] == taken


def test_nothing_goes_to_a_worker_that_is_closed(pair):
    """It has gone."""
    member, _ = pair
    member.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not member.deal(theirs.fileno(), PLACE, 0)
    assert not member.link.is_open


def test_it_says_which_one_it_is_and_whether_it_runs(pair):
    """For people who look at logs."""
    member, _ = pair
    assert repr(member) == "<Member 1 process 1001 0 clients>"
    assert member.is_running
    member.process.kill()
    assert not member.is_running


def test_what_a_worker_has_not_received_can_be_taken_back(pair):
    """In the order in which it came; nobody waits there afterwards."""
    member, door = pair
    member.far = door.dup()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for endpoint in ("first", "second", "third"):
            member.deal(theirs.fileno(), Place("shop", endpoint), 7)
        receive(door)[1].close()
        back = member.take_back()
        assert [place for _, place in back] == [Place("shop", "second"), Place("shop", "third")]
        assert (member.sent["shop"], member.load, member.clients_of("shop")) == (1, 1, 1)
        connections = [socket.socket(fileno=handle) for handle, _ in back]
        connections[0].sendall(b"hello")
        assert ours.recv(5) == b"hello"
        for connection in connections:
            connection.close()
    assert member.take_back() == []
    member.close()
    assert member.far.fileno() == -1


def test_nothing_comes_back_where_only_the_worker_has_its_end(pair):
    """It is lost with it."""
    member, _ = pair
    assert member.take_back() == []


def test_new_clients_are_for_those_that_serve_and_answer_and_stay(pair):
    """All of these."""
    member, _ = pair
    assert not member.takes_clients
    member.is_ready = True
    assert member.takes_clients
    member.is_late = True
    assert not member.takes_clients
    member.is_late, member.ends = False, True
    assert not member.takes_clients


def test_no_client_has_a_larger_number_than_the_last(pair):
    """Each that was sent may have got one."""
    member, _ = pair
    member.first_number = 65
    assert member.last_number == 65
    ours, theirs = socket.socketpair()
    with ours, theirs:
        member.deal(theirs.fileno(), PLACE, 0)
        member.deal(theirs.fileno(), Place("blog", "main"), 0)
    assert member.last_number == 65 + 2 * 64


def test_what_has_lost_its_descriptor_on_the_way_back_is_counted_no_more(pair):
    """There was none left here, and the client is disconnected."""
    member, door = pair
    member.far = door.dup()
    member.door.send(b'["shop", "main", 1]')
    assert member.take_back() == []
    assert (member.sent["shop"], member.load) == (-1, -1)


def test_a_packet_says_where_a_connection_came_in():
    """Names of any length that the configuration allows find room in it."""
    place = Place("a" * 63, "b" * 63)
    for room in (1 << 32, 0, -(1 << 32)):
        packet = b"%b, %d]" % (place.head, room)
        assert len(packet) <= PACKET_BYTES
        assert read_packet(packet) == (place, room)
    assert counted_for(place, 1) == place.proxy
    assert repr(PLACE) == "Place(proxy='shop', endpoint='main')"
