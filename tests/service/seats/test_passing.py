"""Tests of `proxy.service.seats.passing`."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.front import moving
from proxy.observe.log import get_logger
from proxy.service.handover.departures import AGAIN_SECONDS, UNDER_WAY
from proxy.service.seats.passing import LOOK_SECONDS, LOOKS, Passing
from tests.support.memory import Stage
from tests.support.moving import Adopting, on_stage
from tests.support.staff import Said


class Flushing(Said):
    """A link that can be flushed, and keeps the descriptors that it was given.

    Attributes:
        handles: Those.
    """

    flushes = 0

    def __init__(self):
        super().__init__()
        self.handles = []

    def tell(self, what, handles=(), **more):
        self.handles += handles
        super().tell(what, handles, **more)

    def flush(self):
        self.flushes += 1


class Scene:
    """A worker with clients."""

    def __init__(self, stage, call):
        self.stage, self.call, self.link, self.ends = stage, call, Flushing(), []
        self.came = []
        self.one = Passing(
            self.link,
            stage.clients,
            lambda: {stage.proxy.config.name: stage.proxy},
            stage.clock,
            lambda: self.ends.append(True),
            self.came.append,
            get_logger(),
        )

    @property
    def handles(self):
        """The descriptors that were sent."""
        return self.link.handles

    def numbers(self):
        """The clients that were sent."""
        return [
            more["client"]["number"] for what, more, _ in self.link.said if what == "client"
        ]

    def tell(self, what, number):
        """What the other worker says of a client."""
        self.link.hear("heard", message={"what": what, "number": number})


@pytest.fixture
def scene():
    """Nobody is to go."""
    stage = Stage(max_connections=1)
    with on_stage(stage) as call:
        scene = Scene(stage, call)
        yield scene
        scene.one.stop()
        for number in scene.numbers():
            scene.tell("taken", number)


def test_a_part_of_those_that_make_work_goes(scene):
    """They are served by the other worker when that says so."""
    clients = [scene.call().client for _ in range(4)]
    scene.link.hear("move", part=0.5)
    assert scene.numbers() == [1, 2]
    assert scene.one.is_awaited
    scene.tell("taken", 1)
    scene.tell("taken", 2)
    assert not scene.one.is_awaited
    assert [one.gone for one in clients] == [True, True, False, False]
    for _ in range(LOOKS + 1):
        scene.stage.run(LOOK_SECONDS)
    assert scene.numbers() == [1, 2]


def test_a_busy_client_goes_between_two_statements(scene):
    """It is looked at again for a while."""
    caller = scene.call()
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.link.hear("move", part=1.0)
    assert scene.numbers() == []
    scene.stage.serve()
    scene.stage.run(LOOK_SECONDS)
    assert scene.numbers() == [1]


def test_a_client_that_is_busy_for_long_stays(scene):
    """It is not looked at for ever."""
    caller = scene.call()
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.link.hear("move", part=1.0)
    for _ in range(LOOKS + 1):
        scene.stage.run(LOOK_SECONDS)
    scene.stage.serve()
    scene.stage.run(LOOK_SECONDS * 2)
    assert scene.numbers() == []


def test_all_go_where_another_release_takes_over(scene):
    """The process ends when they are gone, and the other one serves."""
    for _ in range(2):
        scene.call()
    scene.link.hear("leave", seconds=60.0)
    assert scene.numbers() == [1, 2]
    scene.link.hear("move", part=1.0)  # which means nothing now
    scene.tell("serving", None)
    scene.tell("taken", 1)
    scene.tell("refused", 2)
    scene.stage.run(AGAIN_SECONDS)
    scene.tell("taken", 2)
    scene.stage.run(1)
    assert scene.ends == [True]
    assert scene.numbers() == [1, 2, 2]


def test_clients_stay_where_the_other_release_is_lost(scene):
    """They are served here as long as they may, when it is known that nobody has them."""
    caller = scene.call()
    scene.link.hear("leave", seconds=60.0)
    scene.link.hear("stay")
    assert scene.one.is_awaited
    assert caller.client not in scene.stage.clients.values()
    scene.tell("refused", 1)
    assert not scene.one.is_awaited
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.stage.serve()
    assert caller.payload()[0] == 0


def test_a_client_of_another_worker_is_taken_in():
    """What is said of it goes out before anything is read of it."""
    with on_stage(Stage(max_connections=1)) as call:
        caller = call()
        handle, passage = moving.set_out(caller.client)
        reactor = Adopting()
        stage = Stage(max_connections=1)
        link, came = Flushing(), []
        Passing(
            link,
            stage.clients,
            lambda: {stage.proxy.config.name: stage.proxy},
            reactor,
            lambda: None,
            came.append,
            get_logger(),
        )
        link.hear("client", [socket.socket(fileno=handle)], client=passage.encode())
        assert link.said == [("taken", {"number": caller.client.number}, 0)]
        assert link.flushes == 1
        assert came == [stage.proxy.config.name]
        moving.arrived(caller.client)
        (client,) = stage.clients.values()
        assert reactor.readers == set()
        link.hear("go_on", number=client.number)
        assert reactor.readers == {client.protocol.transport}
        assert client.session.user == "app"
        client.protocol.transport.connectionLost(Failure(ConnectionDone()))


def test_a_client_whose_connection_is_lost_is_refused(scene):
    """There was no descriptor left for it."""
    scene.link.hear("client", [], client={"number": 9})
    why = "there is no descriptor left for its connection"
    assert scene.link.said == [("refused", {"number": 9, "why": why}, 0)]


def test_who_comes_to_a_worker_that_ends_goes_on_where_it_was(scene):
    """Here it would only be closed; and nobody is sent any more."""
    scene.call()
    scene.one.stop()
    ours, theirs = socket.socketpair()
    with ours:
        scene.link.hear("client", [theirs], client={"number": 9})
        assert ours.recv(1) == b""
    assert scene.link.said == [("refused", {"number": 9, "why": "the worker ends"}, 0)]
    scene.link.hear("move", part=1.0)
    assert scene.numbers() == []


def test_all_that_were_sent_are_there_until_they_are_heard_of(scene):
    """Their descriptors may still be in the link's queue when the other release is lost."""
    for _ in range(UNDER_WAY + 1):
        scene.call()
    scene.link.hear("leave", seconds=60.0)
    assert len(scene.handles) == UNDER_WAY
    scene.tell("refused", 1)
    scene.link.hear("stay")
    for handle in scene.handles[1:]:
        assert stat.S_ISSOCK(os.fstat(handle).st_mode)
    for number in scene.numbers()[1:]:
        scene.tell("refused", number)
    assert len(scene.stage.clients) == UNDER_WAY + 1


def test_who_is_on_the_way_when_the_supervisor_goes_is_left_to_who_has_it(scene):
    """Here nobody reads it any more, nor shuts its connection down."""
    client = scene.call().client
    scene.link.hear("move", part=1.0)
    scene.link.close()
    scene.one.stop()
    assert client.gone
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(scene.handles[0])


def test_clients_of_a_proxy_that_ends_stay(scene):
    """Another worker has it no more."""
    scene.call()
    scene.stage.proxy.draining = True
    scene.link.hear("move", part=1.0)
    assert scene.numbers() == []
    scene.stage.proxy.draining = False


def test_nobody_waits_for_a_word_from_a_supervisor_that_has_gone(scene):
    """The end of the process would come late."""
    scene.call()
    scene.link.hear("move", part=1.0)
    assert scene.one.is_awaited
    scene.link.close()
    assert not scene.one.is_awaited
