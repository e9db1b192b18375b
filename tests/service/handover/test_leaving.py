"""Tests of `proxy.service.handover.leaving`."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from proxy.front import moving
from proxy.front.moving import CannotMoveError
from proxy.observe.log import get_logger
from proxy.service.handover.departures import AGAIN_SECONDS, UNDER_WAY, Departures
from proxy.service.handover.leaving import LOOK_SECONDS, Leaving
from tests.support.memory import Stage
from tests.support.moving import on_stage

SECONDS = 100.0


class Ear:
    """A channel to nobody: notes what is said."""

    def __init__(self):
        self.is_open = True
        self.said = []

    def say(self, what, handles=(), **more):
        for handle in handles:
            os.fstat(handle)
        self.said.append((what, more))

    def close(self):
        self.is_open = False


class Scene:
    """A process that has a successor.

    Attributes:
        ended: How often it was told to end.
        may_end: Whether nobody else has clients for it.
    """

    def __init__(self, call):
        self.stage = call.stage
        self.call = call.call
        self.ended, self.may_end = 0, True
        self.ear = Ear()
        self.leaving = Leaving(
            Departures(self.ear, self.stage.clock, get_logger()),
            self.ear.close,
            self.stage.clients,
            [self.stage.proxy],
            self.stage.clock,
            SECONDS,
            lambda: self.may_end,
            self._end,
            get_logger(),
        )

    def _end(self):
        self.ended += 1

    def numbers(self):
        """The clients that were sent."""
        return [more["client"]["number"] for what, more in self.ear.said if what == "client"]

    def hear(self, what, **more):
        self.leaving.heard({"what": what, **more})

    def look(self):
        self.stage.run(LOOK_SECONDS)


@pytest.fixture
def scene():
    """The process, before it sends anybody."""
    stage = Stage(max_connections=1)
    with on_stage(stage) as call:
        one = Scene(SimpleNamespace(stage=stage, call=call))
        yield one
        one.leaving.stop()
        one.leaving.lost()


def test_a_process_without_clients_ends_when_the_successor_has_heard(scene):
    """Not before: what it was told may be unsent."""
    scene.leaving.begin()
    scene.look()
    assert scene.ended == 0
    scene.hear("serving")
    scene.look()
    assert scene.ended == 1


def test_clients_that_rest_go_at_once(scene):
    """The process ends when the successor has them all."""
    clients = [scene.call().client for _ in range(2)]
    scene.leaving.begin()
    scene.hear("serving")
    assert scene.numbers() == [1, 2]
    scene.hear("taken", number=1)
    scene.look()
    assert scene.ended == 0
    scene.hear("taken", number=2)
    scene.look()
    assert scene.ended == 1
    assert all(client.gone and client.protocol.lost for client in clients)


def test_a_busy_client_goes_when_it_rests(scene):
    """It is looked at again and again."""
    caller = scene.call()
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.leaving.begin()
    scene.look()
    assert scene.numbers() == []
    scene.stage.serve()
    scene.look()
    assert scene.numbers() == [1]
    assert caller.payload()[0] == 0


def test_a_client_that_is_not_taken_works_on_here_and_is_sent_again_later(scene):
    """What was in its way may have gone by then; the log has it once."""
    caller = scene.call()
    scene.leaving.begin()
    with capture_logs() as lines:
        scene.hear("refused", number=1, why="there are max_clients already")
        scene.look()
        assert scene.numbers() == [1]
        caller.query(b"INSERT INTO t VALUES (1)")
        scene.stage.serve()
        assert caller.payload()[0] == 0
        scene.stage.run(AGAIN_SECONDS)
        scene.hear("refused", number=1, why="there are max_clients already")
    scene.stage.run(AGAIN_SECONDS)
    scene.hear("taken", number=1)
    assert scene.numbers() == [1, 1, 1]
    assert caller.client.protocol.lost
    told = [line for line in lines if "max_clients" in str(line.get("why"))]
    assert len(told) == 1


def test_a_client_of_whose_connection_there_is_no_copy_is_sent_later(scene, monkeypatch):
    """Where there are no descriptors left; everybody else goes on."""
    clients = [scene.call().client for _ in range(2)]
    set_out = moving.set_out

    def fail(client):
        if client is clients[0]:
            raise CannotMoveError("no copy of its connection: Too many open files")
        return set_out(client)

    with monkeypatch.context() as lacking:
        lacking.setattr(moving, "set_out", fail)
        scene.leaving.begin()
    assert scene.numbers() == [2]
    scene.stage.run(AGAIN_SECONDS)
    assert scene.numbers() == [2, 1]


def test_few_are_on_their_way_at_once(scene):
    """The next one goes when one has arrived."""
    for _ in range(UNDER_WAY + 1):
        scene.call()
    scene.leaving.begin()
    assert len(scene.numbers()) == UNDER_WAY
    scene.hear("taken", number=1)
    assert len(scene.numbers()) == UNDER_WAY + 1


def test_the_process_waits_for_clients_of_the_one_before_it(scene):
    """They come here first, and then go on."""
    scene.may_end = False
    scene.leaving.begin()
    scene.hear("serving")
    scene.look()
    assert scene.ended == 0
    scene.may_end = True
    scene.look()
    assert scene.ended == 1


def test_the_time_of_those_who_cannot_go_is_limited(scene):
    """Afterwards the process ends, as it would for SIGTERM."""
    scene.call().query(b"INSERT INTO t VALUES (1)")
    scene.leaving.begin()
    scene.stage.run(SECONDS)
    assert scene.ended == 1


def test_clients_on_their_way_to_a_process_that_dies_come_back(scene):
    """They hear nothing of it."""
    caller = scene.call()
    scene.leaving.begin()
    scene.ear.is_open = False
    scene.leaving.lost()
    scene.look()
    assert scene.numbers() == [1]
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.stage.serve()
    assert caller.payload()[0] == 0


def test_of_those_on_their_way_is_heard_from_somebody_in_between(scene):
    """They are served here again when that says so, and nobody is sent any more."""
    back, arrived, busy = scene.call(), scene.call(), scene.call()
    busy.query(b"INSERT INTO t VALUES (1)")
    scene.leaving.begin()
    scene.leaving.stay()
    assert scene.leaving.is_awaited
    scene.stage.serve()
    scene.stage.run(2 * AGAIN_SECONDS)
    scene.hear("refused", number=1, why="the new process has ended")
    scene.hear("taken", number=2)
    assert not scene.leaving.is_awaited
    assert arrived.client.protocol.lost
    assert {*scene.stage.clients.values()} == {back.client, busy.client}
    scene.stage.run(2 * AGAIN_SECONDS)
    assert scene.numbers() == [1, 2]
    back.query(b"INSERT INTO t VALUES (1)")
    scene.stage.serve()
    assert back.payload()[0] == 0


def test_what_is_said_of_nobody_is_nothing(scene):
    """Such as of a client that has come back."""
    scene.leaving.begin()
    scene.hear("taken", number=9)
    scene.hear("refused")


def test_who_is_on_the_way_when_the_process_stops_is_the_successors(scene):
    """As soon as that has said so; what it refuses is served here to the end."""
    taken, refused = scene.call(), scene.call()
    scene.leaving.begin()
    scene.leaving.stop()
    assert scene.leaving.is_awaited
    assert scene.ear.is_open
    scene.hear("taken", number=1)
    assert taken.client.protocol.lost
    scene.hear("refused", number=2, why="it stops")
    assert [*scene.stage.clients.values()] == [refused.client]
    assert not scene.leaving.is_awaited
    assert not scene.ear.is_open
    assert scene.numbers() == [1, 2]


def test_who_is_on_the_way_to_nobody_when_the_process_stops_comes_back(scene):
    """The other process has ended too; there is nothing to warn of."""
    caller = scene.call()
    scene.leaving.begin()
    with capture_logs() as lines:
        scene.leaving.stop()
        scene.leaving.lost()
    assert [*scene.stage.clients.values()] == [caller.client]
    assert not [line for line in lines if line["log_level"] == "warning"]


def test_idle_connections_to_targets_are_given_up(scene):
    """The successor has its own."""
    scene.call().query(b"INSERT INTO t VALUES (1)")
    scene.stage.serve()
    scene.leaving.begin()
    scene.stage.run(2)
    scene.stage.pool.sweep()
    scene.stage.run()
    assert scene.stage.ledger.total == 0
    assert "1 on their way" in repr(scene.leaving)


def test_idle_connections_are_given_up_after_another_share_of_them(scene):
    """The supervisor goes on sharing out while a worker is left by its clients."""
    caller = scene.call()
    scene.leaving.begin()
    scene.stage.pool.allowance.cap(2)
    scene.stage.pool.allowance.learn(50)
    caller.query(b"INSERT INTO t VALUES (1)")
    scene.hear("refused", number=1, why="it is full")
    scene.stage.serve()
    assert scene.stage.ledger.total == 1
    scene.stage.run(2)
    scene.stage.pool.sweep()
    scene.stage.run()
    assert scene.stage.ledger.total == 0
