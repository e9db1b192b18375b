"""Tests of `proxy.service.handover.arriving`."""

from __future__ import annotations

import contextlib
import os
import resource
import socket

import pytest
from twisted.internet import unix
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.front import moving
from proxy.front.proxy import SEATS, ConnectionIds, first_number, seat_of
from proxy.observe.log import get_logger
from proxy.service.channel import (
    LAYOUT,
    ChannelBrokenError,
    Reader,
    encode,
    inode,
    receive_now,
)
from proxy.service.handover import arriving as handover_arriving
from proxy.service.handover.arriving import NUMBERS_APART, Arriving, arriving
from proxy.service.handover.restart import READY_SECONDS
from proxy.service.handover.spawn import VARIABLE
from proxy.service.ports import PortName
from tests.support.memory import Stage
from tests.support.moving import Adopting, on_stage

DEALING_SECONDS = 65e-6
"""What a client takes of the supervisor's time; see docs/performance.rst."""

BEGIN = {"what": "begin", "layout": LAYOUT, "ports": [], "next_number": 5}


class Both(Adopting):
    """A reactor that is given channels as well as connections of clients."""

    transport = None

    def adoptStreamConnection(self, handle, family, factory):  # noqa: N802 - Twisted's name
        if self.transport is None:
            self.transport = unix.Server._fromConnectedSocket(handle, factory, self)
        else:
            super().adoptStreamConnection(handle, family, factory)


class Scene:
    """A successor, and the end of the process before it.

    Attributes:
        heard: What the process was told: go, gone.
    """

    def __init__(self):
        self.before, end = socket.socketpair()
        self.before.settimeout(10)
        self.before.sendall(encode(BEGIN))
        self.arriving = Arriving(end, get_logger())
        self.stage, self.reactor, self.heard = Stage(max_connections=1), Both(), []

    def begin(self):
        self.arriving.begin(
            self.reactor,
            [self.stage.proxy],
            lambda: self.heard.append("go"),
            lambda: self.heard.append("gone"),
        )

    def say(self, message, *handles):
        if handles:
            sockets = [*map(inode, handles)]
            socket.send_fds(self.before, [encode({**message, "sockets": sockets})], handles)
        else:
            self.before.sendall(encode(message))
        self.turn()

    def turn(self):
        """Let everything be read and written."""
        transport = self.reactor.transport
        why = transport.doRead()
        if why is not None:
            transport.connectionLost(Failure(why))
        self.reactor.turn()

    def hear(self):
        """What the process says."""
        self.reactor.turn()
        return receive_now(self.before, 10)[0]

    def end(self):
        self.before.close()
        transport = self.reactor.transport
        if transport is not None and transport.connected:
            transport.connectionLost(Failure(ConnectionDone()))
        for client in [*self.stage.clients.values()]:
            client.protocol.transport.connectionLost(Failure(ConnectionDone()))
        self.arriving._end.close()


@pytest.fixture
def scene():
    """A successor that has begun."""
    one = Scene()
    one.begin()
    yield one
    one.end()


def test_the_first_process_takes_nothing_over():
    """There is none before it."""
    assert arriving({}, get_logger()) is None


def test_a_successor_is_given_the_ports():
    """With their names, and what the configuration said of them."""
    before, end = socket.socketpair()
    with before, socket.create_server(("127.0.0.1", 0)) as listening:
        ports = [["shop", "main", "tcp:3306"]]
        sockets = [inode(listening.fileno())]
        message = encode({**BEGIN, "ports": ports, "sockets": sockets})
        socket.send_fds(before, [message], [listening.fileno()])
        one = arriving({VARIABLE: str(end.fileno())}, get_logger())
        end.close()
        (given,) = one.given
        with given.socket:
            assert (given.name, given.listen) == (PortName("shop", "main"), "tcp:3306")
            assert given.socket.getsockname() == listening.getsockname()
        assert one.first_number == 5 + NUMBERS_APART
        assert repr(one) == "<Arriving 0 clients have come>"
        one._end.close()


def test_numbers_are_above_all_that_the_process_before_gives_meanwhile():
    """Also where one worker of it has all clients that are dealt in as long as it waits."""
    dealt = int(READY_SECONDS / DEALING_SECONDS)
    assert SEATS * dealt < NUMBERS_APART


@pytest.mark.parametrize("upcoming", [2**32 - 1, 2**32 - NUMBERS_APART, 2**32 - 5])
def test_numbers_begin_again_where_the_distance_leads_beyond_them(upcoming):
    """Each id has 32 bits, far from those of the process before, and says whose it is."""
    before, end = socket.socketpair()
    with before:
        before.sendall(encode({**BEGIN, "next_number": upcoming}))
        one = Arriving(end, get_logger())
        one._end.close()
    alone = ConnectionIds(one.first_number).upcoming
    first = ConnectionIds(first_number(7, alone), SEATS).upcoming
    assert 0 < alone < NUMBERS_APART + SEATS
    assert 0 < first <= alone + SEATS
    assert seat_of(first) == 7


@pytest.mark.parametrize("message", [{**BEGIN, "layout": LAYOUT + 1}, {"what": "go"}])
def test_a_process_before_that_speaks_otherwise_is_an_error(message):
    """The successor does not come up, and the process before goes on."""
    before, end = socket.socketpair()
    with before, end:
        before.sendall(encode(message))
        with pytest.raises(ChannelBrokenError, match="otherwise"):
            Arriving(end, get_logger())


def test_a_successor_without_descriptors_for_the_ports_does_not_come_up():
    """Of two that were sent one has come."""
    before, end = socket.socketpair()
    with before, end, socket.socket() as one:
        sockets = [inode(one.fileno()), 0]
        message = {**BEGIN, "ports": [["a", "b", "c"]] * 2, "sockets": sockets}
        socket.send_fds(before, [encode(message)], [one.fileno()])
        with pytest.raises(ChannelBrokenError, match="no descriptors"):
            Arriving(end, get_logger())


def test_it_says_that_it_is_ready_and_takes_over_when_it_is_told_to(scene):
    """And says that it has heard."""
    scene.arriving.ready()
    assert scene.hear() == {"what": "ready", "sockets": [], "pid": os.getpid()}
    assert scene.arriving.is_waiting
    scene.say({"what": "go"})
    assert scene.heard == ["go"]
    assert scene.hear()["what"] == "serving"
    assert not scene.arriving.is_waiting


def test_a_process_before_that_changes_its_mind_ends_the_successor(scene):
    """Before it has said go."""
    scene.before.close()
    scene.turn()
    assert scene.heard == ["gone"]
    assert not scene.arriving.is_open


def test_a_process_before_that_ends_afterwards_is_what_is_awaited(scene):
    """The successor goes on."""
    scene.say({"what": "go"})
    scene.before.close()
    scene.turn()
    assert scene.heard == ["go"]
    assert not scene.arriving.is_open


def test_a_successor_that_cannot_serve_tells_why(scene):
    """And its failure goes on when that has been told."""
    told = scene.arriving.failed("the port is taken")
    assert scene.hear()["why"] == "the port is taken"
    scene.reactor.turn()
    assert told.called
    assert scene.heard == []
    assert scene.arriving.failed("again").called


def test_a_client_is_taken_in(scene):
    """The process before hears that."""
    with on_stage(Stage(max_connections=1)) as call:
        caller = call()
        handle, passage = moving.set_out(caller.client)
        scene.say({"what": "client", "client": passage.encode()}, handle)
        os.close(handle)
        assert scene.hear() == {"what": "taken", "sockets": [], "number": 1}
        moving.arrived(caller.client)
        assert scene.stage.proxy.count == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"proxy": "gone"}, "no proxy gone"), ({"session": "{}"}, "no sense")],
)
def test_a_client_that_has_no_place_is_refused(scene, changed, why):
    """The process before hears why."""
    with on_stage(Stage(max_connections=1)) as call:
        caller = call()
        handle, passage = moving.set_out(caller.client)
        scene.say({"what": "client", "client": {**passage.encode(), **changed}}, handle)
        os.close(handle)
        moving.come_back(caller.client)
    said = scene.hear()
    assert (said["what"], said["number"]) == ("refused", 1)
    assert why in said["why"]


def test_a_client_whose_connection_has_not_come_is_refused(scene):
    """There was no descriptor for it; it works on where it is."""
    scene.say({"what": "client", "client": {"number": 7}})
    said = scene.hear()
    assert (said["what"], said["number"]) == ("refused", 7)
    assert "no descriptor" in said["why"]


def test_a_connection_that_the_kernel_dropped_is_not_taken_for_the_next_one(scene):
    """Two come as Twisted sends them, and for the first one there is no descriptor."""
    with on_stage(Stage(max_connections=1)) as call:
        clients = [call().client for _ in range(2)]
        sent = [moving.set_out(client) for client in clients]
        data = b"".join(
            encode({"what": "client", "client": one.encode(), "sockets": [inode(handle)]})
            for handle, one in sent
        )
        for place, (handle, _) in enumerate(sent):
            socket.send_fds(scene.before, [data[place : place + 1]], [handle])
        scene.before.sendall(data[len(sent) :])
        with no_descriptors_left():
            scene.turn()
        scene.turn()
        scene.turn()
        reader = Reader()
        reader.feed(scene.before.recv(1 << 16))
        said = [reader.next()[0] for _ in sent]
        assert [(one["what"], one["number"]) for one in said] == [("refused", 1), ("taken", 2)]
        (came,) = scene.stage.clients.values()
        assert inode(came.protocol.socket.fileno()) == inode(sent[1][0])
        for handle, _ in sent:
            os.close(handle)
        moving.come_back(clients[0])
        moving.arrived(clients[1])


@contextlib.contextmanager
def no_descriptors_left():
    """This process can open nothing more, for the length of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_makes_no_sense_is_refused_and_its_socket_closed(scene):
    """Of a newer release, perhaps."""
    with socket.socket() as one:
        scene.say({"what": "client", "client": None}, one.fileno())
        assert scene.hear()["what"] == "refused"
        scene.say({"what": "news"}, one.fileno())
    assert scene.heard == []


def test_a_process_that_stops_takes_nobody_more(scene):
    """The process before keeps its clients."""
    scene.arriving.stop()
    scene.reactor.turn()
    assert scene.heard == []
    assert not scene.arriving.is_open


def test_nothing_is_said_before_it_has_begun():
    """There is nobody to hear it."""
    one = Scene()
    one.arriving.ready()
    one.arriving.stop()
    assert one.arriving.failed("why").called
    one.end()
    assert handover_arriving.BEGIN_SECONDS > 0
