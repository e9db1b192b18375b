"""Tests of `proxy.service.supervising.staff_leaving`."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service.supervising.staff_leaving import (
    DEALING_SECONDS,
    DEALT_SECONDS,
    LOOK_SECONDS,
    StaffLeaving,
)
from tests.support.staff import Staffed


class Carrying:
    """A relay that carries as many as the test says."""

    def __init__(self):
        self.count, self.successor, self.heard, self.lost = 0, None, [], 0
        self.halted = False

    def __len__(self):
        return self.count

    def answered(self, message):
        self.heard.append(message)
        self.count -= 1

    def leave(self, successor):
        self.successor = successor

    def successor_lost(self):
        self.lost += 1

    def halt(self):
        self.halted = True


class Scene:
    """Two workers, and a release that takes over."""

    def __init__(self):
        self.staff, self.relay, self.clock = Staffed(), Carrying(), Clock()
        self.clock.stop = lambda: self.ends.append("stopped")
        self.ends, self.closed, self.may_end, self.are_dealt = [], [], True, True
        self.one = StaffLeaving(
            self,
            self.staff,
            self.relay,
            60.0,
            lambda: self.may_end,
            lambda: self.are_dealt,
            self.clock,
            get_logger(),
        )

    def told(self):
        """What each worker was told; they all were told the same."""
        first, second = (member.link.whats() for member in self.staff.members)
        assert first == second
        return first

    def close(self):
        self.closed.append(True)


@pytest.fixture
def scene():
    """It has begun."""
    scene = Scene()
    scene.one.begin()
    yield scene
    scene.one.stop()
    scene.staff.end()


def test_all_workers_are_told_to_send_their_clients(scene):
    """Nobody takes the place of one that ends."""
    assert scene.staff.closed
    assert scene.relay.successor is scene
    for member in scene.staff.members:
        assert member.link.said == [("leave", {"seconds": 60.0}, 0)]
    assert repr(scene.one) == "<StaffLeaving 2 workers are left>"


def test_it_ends_when_all_workers_have(scene):
    """And nobody else has clients for it."""
    scene.may_end = False
    for member in [*scene.staff.members]:
        scene.clock.advance(LOOK_SECONDS)
        assert scene.ends == []
        scene.staff.lose(member)
    scene.clock.advance(LOOK_SECONDS)
    assert scene.ends == []
    scene.may_end, scene.relay.count = True, 1
    scene.clock.advance(LOOK_SECONDS)
    assert scene.ends == []
    scene.relay.count = 0
    scene.clock.advance(LOOK_SECONDS)
    assert scene.ends == ["stopped"]


def test_the_workers_hear_that_the_other_release_serves(scene):
    """What it says of a client goes to the relay."""
    scene.one.heard({"what": "serving"})
    for member in scene.staff.members:
        assert member.link.said[-1] == ("heard", {"message": {"what": "serving"}}, 0)
    scene.relay.count = 1
    assert scene.one.is_awaited
    scene.one.heard({"what": "taken", "number": 5})
    assert scene.relay.heard == [{"what": "taken", "number": 5}]
    assert not scene.one.is_awaited


def test_clients_stay_when_the_other_release_is_lost(scene):
    """The workers are told."""
    scene.one.lost()
    assert scene.relay.lost == 1
    assert all(member.link.whats()[-1] == "stay" for member in scene.staff.members)


def test_the_channel_is_closed_when_all_has_been_said(scene):
    """Not before: whoever is on the way is served there or here."""
    scene.relay.count = 1
    scene.one.stop()
    assert scene.relay.halted
    assert scene.closed == []
    scene.one.heard({"what": "taken", "number": 5})
    assert scene.closed == [True]


@pytest.fixture
def dealing():
    """It has begun while somebody was on the way to a worker."""
    scene = Scene()
    scene.are_dealt = False
    scene.one.begin()
    yield scene
    scene.one.stop()
    scene.staff.end()


def test_who_was_accepted_last_comes_in_first(dealing):
    """A worker that sends its clients away turns new ones away."""
    assert dealing.told() == []
    dealing.one.heard({"what": "serving"})
    assert dealing.told() == []
    dealing.are_dealt = True
    dealing.clock.advance(DEALING_SECONDS)
    assert dealing.told() == ["leave", "heard"]


def test_they_are_not_waited_for_for_long(dealing):
    """A worker may hang."""
    steps = round(DEALT_SECONDS / DEALING_SECONDS) + 1
    dealing.clock.pump([DEALING_SECONDS] * steps)
    assert dealing.told() == ["leave"]


def test_the_other_release_is_lost_before_anybody_was_sent(dealing):
    """Clients stay; the workers still end in time, as nobody takes their places."""
    dealing.one.lost()
    assert dealing.told() == []
    dealing.are_dealt = True
    dealing.clock.advance(DEALING_SECONDS)
    assert dealing.told() == ["leave", "stay"]


def test_nobody_is_sent_to_a_release_that_was_lost_at_once():
    """It would never say anything of them."""
    scene = Scene()
    scene.one.lost()
    scene.one.begin()
    assert scene.relay.successor is None
    scene.one.stop()
    scene.staff.end()
