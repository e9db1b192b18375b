"""Tests of `proxy.front.entrance`."""

import socket

import pytest
from twisted.internet.task import Clock

from proxy.front.entrance import AT_ONCE, PATIENCE_SECONDS, Entrance, has_left


class Door:
    """An entrance with its clock; who has begun, in order."""

    def __init__(self):
        self.clock = Clock()
        self.entrance = Entrance()
        self.begun = []

    def come(self, *guests):
        return [
            self.entrance.come(guest, lambda guest=guest: self.begun.append(guest), self.clock)
            for guest in guests
        ]

    def leave(self, guest):
        self.entrance.leave(guest, self.clock)


@pytest.fixture
def door():
    """An entrance in front of which nobody stands."""
    return Door()


@pytest.fixture
def full(door):
    """One that has let in as many as may be inside, and before which two wait."""
    assert door.come(*range(AT_ONCE)) == [True] * AT_ONCE
    assert door.come("first", "second") == [False, False]
    return door


def test_as_many_begin_at_once_as_may(full):
    """The others wait, and nothing is done for them."""
    assert full.begun == [*range(AT_ONCE)]
    assert repr(full.entrance) == f"<Entrance: {AT_ONCE} inside, 2 waiting>"


def test_whoever_is_done_makes_room_for_whoever_came_first(full):
    """Places are given in the order of coming."""
    full.leave(77)
    assert full.begun[AT_ONCE:] == ["first"]
    full.leave(3)
    assert full.begun[AT_ONCE:] == ["first", "second"]
    assert full.clock.getDelayedCalls() == []


def test_whoever_leaves_the_queue_is_not_let_in(full):
    """Somebody who has gone meanwhile takes no place."""
    full.leave("first")
    full.leave(0)
    assert full.begun[AT_ONCE:] == ["second"]
    full.leave("second")
    full.leave("nobody")
    assert full.begun[AT_ONCE:] == ["second"]


def test_nothing_is_watched_when_the_last_one_has_left_the_queue(full):
    """No timer is left for a queue that is empty."""
    full.leave("first")
    full.leave("second")
    assert full.clock.getDelayedCalls() == []
    assert full.entrance.waiting == 0


def test_nobody_is_kept_waiting_by_those_who_do_nothing(full):
    """Whoever takes long has its place no more, and does no harm when it is done at last."""
    full.clock.advance(PATIENCE_SECONDS / 2)
    full.leave(0)
    assert full.begun[AT_ONCE:] == ["first"]
    full.clock.advance(PATIENCE_SECONDS / 2)
    assert full.begun[AT_ONCE:] == ["first", "second"]
    full.leave(1)
    assert len(full.come(*"abc")) == 3
    assert full.begun[AT_ONCE + 2 :] == [*"abc"]


def test_the_queue_goes_on_at_the_pace_of_patience(door):
    """Places come free again and again while nobody inside ever ends."""
    count = 3 * AT_ONCE
    door.come(*range(count))
    for _ in range(2):
        door.clock.advance(PATIENCE_SECONDS)
    assert door.begun == [*range(count)]
    assert door.clock.getDelayedCalls() == []


def test_thousands_that_end_at_once_are_no_recursion(full):
    """Those who break off as soon as they begin are taken one after the other."""
    ended = []

    def break_off(guest):
        ended.append(guest)
        full.leave(guest)

    for number in range(AT_ONCE, 5000):
        full.entrance.come(number, lambda number=number: break_off(number), full.clock)
    for guest in range(3):
        full.leave(guest)
    assert ended == [*range(AT_ONCE, 5000)]


def test_who_has_left_is_known_before_all_that_it_sent_is_read():
    """What it has sent is there, and nobody will read an answer."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.send(b"hello")
            assert not has_left(ours)
        assert has_left(ours)
        assert ours.recv(5) == b"hello"


def test_nobody_has_left_where_there_is_no_connection_to_look_at():
    """As in tests, and where TLS has begun."""
    assert not has_left(None)
