"""Tests of `proxy.service.supervising.accepting`."""

from __future__ import annotations

import errno
import os
import resource
import socket

import pytest
from structlog.testing import capture_logs
from twisted.internet import tcp
from twisted.internet.protocol import Factory

from proxy.observe.log import get_logger
from proxy.service.supervising.accepting import AT_ONCE, CLOSED_AT_ONCE, MORE, Accepting
from tests.support.joined import Reactor


class Listening:
    """A port of Twisted's, and its socket.

    Attributes:
        outcomes: Of the next calls: a descriptor or an error number; none else waits.
        calls: How often it was asked.
    """

    def __init__(self, *outcomes):
        self.socket, self.connected, self.numberAccepts = self, True, 100
        self.outcomes, self.calls = [*outcomes], 0

    def _accept(self):
        self.calls += 1
        one = self.outcomes.pop(0) if self.outcomes else errno.EAGAIN
        if isinstance(one, int):
            raise OSError(one, os.strerror(one))
        (handle,) = one
        return handle, ("127.0.0.1", 5)


class Scene:
    """Somebody who takes what a port accepts.

    Attributes:
        taken: What that was.
        rested: How often the port was told to rest.
        room: For how many there is.
    """

    def __init__(self, *outcomes):
        self.port = Listening(*outcomes)
        self.taken, self.rested, self.room = [], 0, 1000
        self.one = Accepting(self.port, self._take, self._rest, get_logger())

    def _take(self, handle):
        if handle == "strange":
            raise RuntimeError("a mistake")
        self.taken.append(handle)
        return len(self.taken) < self.room

    def _rest(self, port):
        assert port is self.port
        self.rested += 1

    def read(self):
        """What the log says of one turn."""
        with capture_logs() as lines:
            self.one.read()
        return [(line["event"], line.get("why")) for line in lines]


def test_all_that_wait_are_accepted():
    """Each is given on by its descriptor."""
    scene = Scene((4,), (5,), (6,))
    assert scene.read() == []
    assert scene.taken == [4, 5, 6]
    assert scene.rested == 0


def test_the_next_turn_looks_for_as_many_as_came_last():
    """So that the kernel is seldom asked for one that is not there."""
    scene = Scene((4,), (5,))
    scene.read()
    assert scene.port.numberAccepts == 2
    scene.read()
    assert scene.port.numberAccepts == 1
    scene.port.outcomes = [(6,), (7,)]
    scene.port.calls = 0
    scene.read()
    assert (scene.port.calls, scene.port.numberAccepts) == (1, 1 + MORE)
    scene.port.numberAccepts = AT_ONCE
    scene.port.outcomes = [(8,)] * AT_ONCE
    scene.read()
    assert scene.port.numberAccepts == AT_ONCE


@pytest.mark.parametrize("gone", [errno.ECONNABORTED, errno.EPERM])
def test_one_that_has_gone_before_it_was_accepted_is_no_trouble(gone):
    """Those behind it are accepted."""
    scene = Scene((4,), gone, (5,))
    assert scene.read() == []
    assert scene.taken == [4, 5]
    assert scene.rested == 0


@pytest.mark.parametrize("lack", [errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPROTO])
def test_where_nobody_can_be_accepted_the_port_rests(lack):
    """They wait in the kernel's queue, and are accepted later."""
    scene = Scene((4,), lack, (5,))
    assert scene.read() == [("clients cannot be accepted", os.strerror(lack))]
    assert scene.rested == 1
    scene.read()
    assert scene.taken == [4, 5]


def test_where_there_is_no_room_for_more_the_port_rests():
    """Those that were accepted are kept."""
    scene = Scene((4,), (5,), (6,))
    scene.room = 2
    scene.read()
    assert scene.taken == [4, 5]
    assert scene.rested == 1


def test_a_mistake_with_one_is_not_for_the_next():
    """Nor does the reactor close the port for it."""
    scene = Scene(("strange",), (5,))
    assert [event for event, _ in scene.read()] == ["a mistake in accepting a client"]
    assert scene.taken == [5]


def test_a_port_that_was_closed_in_this_turn_is_not_asked_again():
    """There is nothing to say of it."""
    scene = Scene(errno.EBADF)
    scene.port.connected = False
    assert scene.read() == []
    assert scene.rested == 0


def test_it_says_for_which_port_it_is():
    """For people who look into a process."""
    assert repr(Scene().one).startswith("<Accepting for <")


def test_without_the_descriptor_that_is_kept_for_it_the_port_rests(monkeypatch):
    """It was given away the last time, and could not be had again."""
    monkeypatch.setattr(tcp, "_reservedFD", tcp._FileDescriptorReservation(lambda: None))
    scene = Scene(errno.EMFILE, (5,))
    assert scene.read() == [("clients cannot be accepted", os.strerror(errno.EMFILE))]
    assert scene.rested == 1
    assert len(scene.port.outcomes) == 1


def test_not_all_are_turned_away_in_one_turn(monkeypatch):
    """Those that are there have their turn meanwhile."""
    closed = []
    monkeypatch.setattr(os, "close", closed.append)
    tcp._reservedFD.reserve()
    scene = Scene(errno.EMFILE, *[(7,)] * (CLOSED_AT_ONCE + 1))
    scene.read()
    assert closed == [7] * CLOSED_AT_ONCE
    assert scene.rested == 0


def test_who_comes_where_no_descriptor_is_left_learns_it_at_once():
    """The connection is closed by the one that is kept for it, which is there again then."""
    factory, reactor = Factory(), Reactor()
    factory.noisy = False
    port = tcp.Port(0, factory, interface="127.0.0.1", reactor=reactor)
    port.startListening()
    taken = []
    one = Accepting(port, lambda handle: not taken.append(handle), pytest.fail, get_logger())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_connection(port.socket.getsockname()) as client:
        probe = os.dup(0)
        os.close(probe)
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe, limits[1]))
        try:
            with capture_logs() as lines:
                one.read()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        client.settimeout(5)
        assert client.recv(1) == b""
    assert taken == []
    (line,) = lines
    assert (line["event"], line["closed"]) == ("clients cannot be accepted", 1)
    assert tcp._reservedFD.available()
    with socket.create_connection(port.socket.getsockname()):
        one.read()
    (handle,) = taken
    os.close(handle)
    port.connectionLost(None)
