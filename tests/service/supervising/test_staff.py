"""Tests of `proxy.service.supervising.staff`."""

from __future__ import annotations

import socket

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy import __version__
from proxy.observe.log import get_logger
from proxy.service.link import LinkSilentError
from proxy.service.supervising import staff as module
from proxy.service.supervising.staff import (
    END_SECONDS,
    PAUSES_SECONDS,
    REAP_SECONDS,
    RESERVE_SECONDS,
    SETTLED_SECONDS,
    START_SECONDS,
    Staff,
)
from proxy.service.supervising.vigil import PING_SECONDS
from tests.support.staff import Pinged, make_member

BOARD = object()


class Scene:
    """A staff whose processes do nothing by themselves.

    Attributes:
        hired: All workers that were ever started, the newest last.
    """

    def __init__(self, monkeypatch, size=2):
        self.clock, self.hired, self.joined, self.left = Clock(), [], [], []
        monkeypatch.setattr(module, "start_worker", self._hire)
        self.one = Staff(size, self.clock, self._begin, BOARD, get_logger())
        self.one.on_joining.append(self.joined.append)
        self.one.on_left.append(self.left.append)

    def _hire(self, _reactor, board, _log):
        assert board is BOARD
        member, door = make_member(0, pid=100 + len(self.hired))
        member.link = Pinged()
        door.close()
        self.hired.append(member)
        return member

    def _begin(self, seat):
        return {"number": seat.number, "restarts": seat.restarts}

    def serve(self, *members):
        """Workers come up and serve."""
        for member in members:
            member.link.hear("here", release=__version__)
            if member.number:
                member.link.hear("ready")

    def start(self):
        """All come up, and the one in reserve."""
        self.one.start()
        self.serve(*self.hired[:2])
        self.serve(self.hired[2])
        return self.hired[:3]

    def die(self, member, status=-11):
        """A process ends, and its channel with it."""
        member.process.status = status
        member.link.on_lost()


@pytest.fixture
def scene(monkeypatch):
    """Nobody has been started."""
    scene = Scene(monkeypatch)
    yield scene
    for member in scene.hired:
        member.close()


def complete(scene):
    """What waiting for all comes to."""
    results = []
    waiting = Deferred.fromCoroutine(scene.one.complete())
    waiting.addCallbacks(
        lambda _: results.append("complete"), lambda failure: results.append(failure.value.why)
    )
    return results


def test_each_gets_its_place_and_is_introduced_before_it_serves(scene):
    """Who waits for all hears it when the last one serves."""
    scene.one.start()
    first, second = scene.hired
    results = complete(scene)
    scene.serve(first)
    assert first.link.said == [("begin", {"number": 1, "restarts": 0}, 0)]
    assert scene.joined == [first]
    assert (scene.one.members, results) == ([first], [])
    scene.serve(second)
    assert (scene.one.members, results) == ([first, second], ["complete"])
    assert complete(scene) == ["complete"]
    assert repr(scene.one) == "<Staff 2 of 2 serve>"


def test_everybody_who_has_a_place_is_told(scene):
    """Also who does not serve yet; not who is in reserve."""
    scene.one.start()
    scene.serve(scene.hired[0])
    scene.hired[1].link.hear("here")
    scene.one.tell("news", of="something")
    for member in scene.hired[:2]:
        assert member.link.said[-1] == ("news", {"of": "something"}, 0)


def test_one_that_dies_is_replaced_at_once_by_the_one_in_reserve(scene):
    """A new one is kept in reserve then."""
    first, _, reserve = scene.start()
    scene.clock.advance(SETTLED_SECONDS)
    with capture_logs() as lines:
        scene.die(first)
    assert scene.left == [first]
    assert reserve.link.said == [("begin", {"number": 1, "restarts": 1}, 0)]
    assert lines[0]["how"] == "signal SIGSEGV"
    reserve.link.hear("ready")
    assert scene.one.members == [reserve, scene.hired[1]]
    assert len(scene.hired) == 4
    assert not first.link.is_open


def test_those_that_die_again_and_again_are_replaced_ever_later(scene):
    """What is wrong with them costs little then."""
    scene.start()
    for pause in PAUSES_SECONDS[1:]:
        count = len(scene.hired)
        scene.die(scene.one.seats[0].member)
        if pause == PAUSES_SECONDS[1]:
            scene.serve(scene.hired[2])  # the one in reserve had come at once
            scene.die(scene.one.seats[0].member)
        assert scene.one.seats[0].member is None
        scene.clock.advance(pause - 0.01)
        assert scene.one.seats[0].member is None
        scene.clock.advance(0.01)
        assert scene.one.seats[0].member is scene.hired[-1]
        assert len(scene.hired) > count
    assert scene.one.seats[0].restarts >= len(PAUSES_SECONDS)


def test_one_that_answers_nothing_is_killed(scene):
    """It hangs, and its clients with it; nobody asks one that is gone."""
    first, *_ = scene.start()
    scene.clock.advance(PING_SECONDS)
    for _ in range(3):
        first.link.asked[-1].errback(LinkSilentError("ping"))
    assert first.process.status == -9
    second = scene.one.members[1]
    second.link.asked[-1].callback({})
    scene.die(second)
    scene.clock.advance(PING_SECONDS)
    assert len(second.link.asked) == 1


def test_a_worker_of_another_release_is_worth_a_warning(scene):
    """It serves all the same: nobody else could take the place."""
    scene.one.start()
    with capture_logs() as lines:
        scene.hired[0].link.hear("here", release="99.1")
    (line,) = lines
    assert (line["log_level"], line["release"], line["supervisor"]) == (
        *("warning", "99.1"),
        __version__,
    )
    assert scene.hired[0].link.whats() == ["begin"]


def test_one_that_does_not_come_up_is_killed(scene):
    """Another one is tried."""
    scene.one.start()
    scene.clock.advance(START_SECONDS)
    assert [one.process.status for one in scene.hired[:2]] == [-9, -9]


def test_one_that_cannot_serve_says_why(scene):
    """Who waits for all hears it."""
    scene.one.start()
    results = complete(scene)
    first = scene.hired[0]
    first.link.hear("here")
    first.link.hear("failed", why="no file")
    assert results == ["no file"]
    assert first.process.status == -9


def test_one_that_dies_in_reserve_is_replaced_there(scene, monkeypatch):
    """Not at once, and again when none could be started."""
    _, _, reserve = scene.start()
    scene.die(reserve)
    assert len(scene.hired) == 3
    hire = module.start_worker

    def fail(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module, "start_worker", fail)
    scene.clock.advance(RESERVE_SECONDS)
    monkeypatch.setattr(module, "start_worker", hire)
    assert len(scene.hired) == 3
    scene.clock.advance(RESERVE_SECONDS)
    assert len(scene.hired) == 4
    scene.serve(scene.hired[3])
    scene.clock.advance(SETTLED_SECONDS)
    scene.die(scene.hired[0])
    assert scene.hired[3].number == 1


def test_one_that_is_about_to_come_does_not_when_nobody_may(scene):
    """Else it would serve when all others have gone."""
    first, second, reserve = scene.start()
    scene.die(reserve)
    scene.die(second)
    coming = scene.hired[-1]
    assert coming not in scene.one.joined
    scene.one.close()
    assert coming.process.status == -9
    assert first.process.status is None
    scene.die(coming)
    scene.clock.advance(RESERVE_SECONDS)
    assert len(scene.hired) == 4


def test_what_it_has_not_received_is_there_when_others_hear_that_it_has_gone(scene):
    """Its end of the door is closed afterwards."""
    first, *_ = scene.start()
    first.far, other = socket.socketpair()
    scene.one.on_left.append(lambda member: scene.left.append(member.far.fileno()))
    scene.die(first)
    other.close()
    assert scene.left[1] >= 0
    assert first.far.fileno() == -1


def test_no_process_can_be_started(scene, monkeypatch):
    """It is tried again later; nothing else suffers."""

    def fail(_reactor, _board, _log):
        raise OSError(11, "Resource temporarily unavailable")

    hire = module.start_worker
    monkeypatch.setattr(module, "start_worker", fail)
    with capture_logs() as lines:
        scene.one.start()
    assert lines[0]["why"] == "Resource temporarily unavailable"
    monkeypatch.setattr(module, "start_worker", hire)
    scene.clock.advance(PAUSES_SECONDS[-1])
    assert len(scene.hired) >= 2


def test_what_a_worker_says_of_its_clients_is_known(scene):
    """And how many connections it has received."""
    first, *_ = scene.start()
    first.link.hear("clients", clients={"shop": 3}, received={"shop": 5})
    assert (first.clients, first.received) == ({"shop": 3}, {"shop": 5})


def test_at_the_end_all_are_told_and_waited_for(scene):
    """Nobody takes their places; who is late is killed."""
    first, second, reserve = scene.start()
    ended = Deferred.fromCoroutine(scene.one.end(30.0))
    assert [one.link.whats()[-1] for one in (first, second)] == ["end", "end"]
    scene.die(first, 0)
    scene.die(reserve, 0)
    assert not ended.called
    scene.clock.pump([1.0] * int(30 + END_SECONDS))
    assert second.process.status == -9
    scene.clock.advance(REAP_SECONDS)
    assert ended.called
    assert len(scene.hired) == 3


def test_at_the_end_those_are_waited_for_too_that_have_only_closed_their_channel(scene):
    """Nothing of this proxy is left running when its supervisor has ended."""
    first, second, _ = scene.start()
    first.link.on_lost()
    scene.one.close()
    ended = Deferred.fromCoroutine(scene.one.end(30.0))
    scene.die(second, 0)
    for member in scene.hired:
        if member is not first:
            member.process.status = 0
    scene.clock.advance(REAP_SECONDS)
    assert not ended.called
    first.process.status = 0
    scene.clock.advance(REAP_SECONDS)
    assert ended.called


def test_who_waits_for_all_hears_of_the_end(scene):
    """They will never all serve."""
    scene.one.start()
    results = complete(scene)
    scene.one.close()
    assert results == ["the proxy is being stopped"]
    assert complete(scene) == ["the proxy is being stopped"]
