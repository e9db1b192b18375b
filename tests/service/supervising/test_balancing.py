"""Tests of `proxy.service.supervising.balancing`."""

from __future__ import annotations

import os
import time

import pytest
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service.link import LinkSilentError
from proxy.service.supervising.balancing import (
    LOOK_SECONDS,
    REST_LOOKS,
    Balancing,
    core_seconds,
)
from tests.support.staff import Staffed


class Moves:
    """A relay that notes who shall move."""

    def __init__(self):
        self.moves = []

    def move(self, giver, taker, part):
        self.moves.append((giver.number, taker.number, round(part, 3)))


class Scene:
    """Two workers that use as much of a core as the test says."""

    def __init__(self):
        self.staff, self.relay, self.clock = Staffed(), Moves(), Clock()
        self.used = {one.pid: 0.0 for one in self.staff.members}
        self.asked, self.answers = [], True
        for member in self.staff.members:
            member.link.ask = self.ask
        self.one = Balancing(self.staff, self.relay, self.clock, get_logger(), self.used.get)
        self.one.start()

    async def ask(self, what, *, seconds):
        self.asked.append((what, seconds))
        if not self.answers:
            raise LinkSilentError(what)
        return {}

    def work(self, first, second):
        """Let one look go by, in which they have used these parts of a core."""
        for member, part in zip(self.staff.members, (first, second), strict=True):
            self.used[member.pid] += part * LOOK_SECONDS
        self.clock.advance(LOOK_SECONDS)


@pytest.fixture
def scene():
    """They have done nothing yet."""
    scene = Scene()
    yield scene
    scene.one.stop()
    assert scene.clock.calls == []
    scene.staff.end()


def test_clients_leave_a_worker_that_does_everything(scene):
    """At the first look that shows it."""
    scene.work(0.8, 0.0)
    assert scene.relay.moves == [(1, 2, 0.5)]


def test_after_a_move_it_is_seen_first_what_that_has_changed(scene):
    """The next looks still show what was before."""
    scene.work(0.8, 0.0)
    for _ in range(REST_LOOKS):
        scene.work(0.8, 0.0)
    assert len(scene.relay.moves) == 1
    scene.work(0.0, 0.8)
    assert scene.relay.moves[1:] == [(2, 1, 0.5)]


def test_nobody_moves_to_a_worker_that_does_not_answer(scene):
    """It does nothing because it hangs."""
    scene.answers = False
    scene.work(0.8, 0.0)
    assert scene.asked == [("ping", LOOK_SECONDS)]
    assert scene.relay.moves == []


def test_who_ends_neither_gives_nor_takes(scene):
    """It is about to be gone."""
    scene.staff.members[1].ends = True
    scene.work(0.8, 0.0)
    assert scene.relay.moves == []
    assert scene.asked == []


def test_nobody_moves_where_all_do_the_same(scene):
    """Nor where nobody does anything."""
    scene.work(0.7, 0.65)
    scene.work(0.0, 0.0)
    assert scene.relay.moves == []


def test_a_worker_that_has_just_come_is_looked_at_twice_first(scene):
    """Nobody knows what it has done before."""
    first = scene.staff.members[0]
    del scene.used[first.pid]
    scene.clock.advance(LOOK_SECONDS)
    scene.used[first.pid] = 50.0
    scene.clock.advance(LOOK_SECONDS)
    assert scene.relay.moves == []
    scene.work(0.8, 0.0)
    assert scene.relay.moves == [(1, 2, 0.5)]


def test_what_a_process_has_used_is_read_from_the_system():
    """It grows; of a process that is gone nothing is known."""
    before = core_seconds(os.getpid())
    used = time.process_time()
    while time.process_time() < used + 0.05:  # it is brought up to date now and then
        sum(range(10_000))
    assert 0 < before < core_seconds(os.getpid())
    assert core_seconds(2**30) is None
