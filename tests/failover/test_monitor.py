"""Tests of `proxy.failover.monitor`: how often is looked, and by which eye."""

from __future__ import annotations

import itertools

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.failover.monitor import SLOW_PART, Monitor, Pace
from proxy.observe.log import get_logger
from proxy.policy.observation import Failure, Look, Seen

PACE = Pace(interval=1.0, doubt_interval=0.1, timeout=0.8)
SEEN = Seen(server="db", version="", writable=True)


class Blinking:
    """An eye whose looks a test ends.

    Attributes:
        takes: How long a look takes by itself; None: until the test ends it.
        began: See `Eye`.
        all_began: When each look began.
        shuts: How often it was shut.
    """

    def __init__(self, clock, on_loss):
        self._clock = clock
        self.on_loss = on_loss
        self.takes, self.all_began, self.shuts = 0.0, [], 0
        self.began = 0.0
        self.waiting = None
        self.mistake = False

    @property
    def is_looking(self):
        """See `Eye`."""
        return self.waiting is not None

    async def look(self):
        """See `Eye`."""
        assert self.waiting is None
        self.began = self._clock.seconds()
        self.all_began.append(self.began)
        if self.mistake:
            raise ZeroDivisionError
        self.waiting = Deferred()
        if self.takes is not None:
            self._clock.callLater(self.takes, self.end, self.waiting, seen=SEEN)
        try:
            return await self.waiting
        finally:
            self.waiting = None

    def end(self, waiting=None, **shown):
        """Let the look end so."""
        waiting = waiting or self.waiting
        if not waiting.called:
            now = self._clock.seconds()
            waiting.callback(Look(began=self.began, ended=now, **shown) if shown else None)

    def shut(self):
        """See `Eye`."""
        self.shuts += 1
        if self.waiting is not None:
            self.end()


class Scene:
    """A monitor with two such eyes.

    Attributes:
        looks: What it told.
        doubts: Of what it doubted.
    """

    def __init__(self):
        self.clock = Clock()
        self.clock.advance(100)
        self.eyes, self.looks, self.doubts = [], [], []
        self.on_look = self.looks.append
        self.monitor = Monitor(
            self.clock,
            PACE,
            self._open,
            self._looked,
            self.doubts.append,
            get_logger(),
        )
        self.first, self.second = self.eyes

    def _looked(self, look):
        self.on_look(look)

    def _open(self, on_loss):
        self.eyes.append(Blinking(self.clock, on_loss))
        return self.eyes[-1]

    def run(self, seconds, step=0.01):
        """Let time pass in small steps."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)


@pytest.fixture
def scene():
    """A monitor that has begun."""
    one = Scene()
    one.monitor.start()
    return one


def test_it_looks_at_once_and_then_at_its_pace(scene):
    """By the first eye."""
    scene.run(3.5)
    assert [round(time, 2) for time in scene.first.all_began] == [
        100.01,
        101.01,
        102.01,
        103.01,
    ]
    assert len(scene.looks) == 4
    assert scene.second.all_began == []
    assert repr(scene.monitor).startswith("<Monitor calm")


def test_in_doubt_it_looks_quickly(scene):
    """From that moment on, and no more when the doubt is over."""
    scene.run(0.5)
    scene.monitor.hurry(hasty=True)
    assert repr(scene.monitor).startswith("<Monitor hasty")
    scene.run(1)
    assert 9 <= len(scene.first.all_began) - 1 <= 10
    scene.monitor.hurry(hasty=True)
    scene.monitor.hurry(hasty=False)
    looked = len(scene.looks)
    scene.run(0.9)
    assert len(scene.looks) == looked
    assert scene.second.shuts == 1


def test_the_rate_is_bounded_whatever_hints_come(scene):
    """A hundred hints each second make no more than one look in each doubt_interval."""
    began = scene.clock.seconds()
    for _ in range(200):
        scene.monitor.look_soon()
        scene.monitor.hurry(hasty=not scene.monitor.is_hasty)
        for eye in scene.eyes:
            eye.on_loss()
        scene.run(0.01)
    times = sorted(scene.first.all_began + scene.second.all_began)
    assert len(times) <= (scene.clock.seconds() - began) / PACE.doubt_interval + 1
    assert all(b - a >= PACE.doubt_interval - 1e-6 for a, b in itertools.pairwise(times))


def test_a_hint_makes_the_next_look_come_soon(scene):
    """Not two: the pace goes on from there."""
    scene.run(0.5)
    scene.monitor.look_soon()
    scene.run(0.9)
    assert len(scene.looks) == 2


def test_a_lost_connection_is_a_doubt_and_a_hint(scene):
    """The target may be gone."""
    scene.run(0.5)
    scene.first.on_loss()
    scene.run(0.1)
    assert scene.doubts == ["the monitor's connection was lost"]
    assert len(scene.looks) == 2


# The second eye


def test_a_look_that_is_long_in_coming_makes_one_wonder(scene):
    """It does so once."""
    scene.run(0.5)
    scene.first.takes = None
    scene.run(PACE.interval + 10)
    assert scene.doubts == ["it is long in answering"]
    assert scene.second.all_began == []


def test_a_look_in_time_makes_nobody_wonder(scene):
    """Just below the limit."""
    scene.first.takes = PACE.timeout * SLOW_PART - 0.02
    scene.run(5)
    assert scene.doubts == []


def test_when_the_first_eye_hangs_the_second_one_looks(scene):
    """In haste; what it sees shows that the connection of the first leads nowhere."""
    scene.first.takes = None
    scene.run(0.3)
    scene.monitor.hurry(hasty=True)
    scene.run(0.1)
    assert len(scene.second.all_began) == 1
    assert scene.looks[0].seen is SEEN
    assert scene.first.shuts == 1
    assert not scene.first.is_looking
    scene.first.takes = 0.0
    scene.run(0.1)
    assert len(scene.first.all_began) == 2


def test_when_both_eyes_hang_there_is_no_third_look(scene):
    """Looks are awaited as long as they may take, and each that failed is told."""
    scene.first.takes = scene.second.takes = None
    scene.run(0.3)
    scene.monitor.hurry(hasty=True)
    scene.run(0.6)
    assert (len(scene.first.all_began), len(scene.second.all_began)) == (1, 1)
    scene.first.end(failure=Failure.SILENT)
    scene.second.end(failure=Failure.SILENT)
    assert [look.failure for look in scene.looks] == [Failure.SILENT] * 2
    assert scene.first.shuts == scene.second.shuts == 0


def test_a_slow_server_costs_no_eye_its_connection(scene):
    """Looks that take longer than the pace go on side by side: the later one ends later."""
    scene.first.takes = scene.second.takes = 0.15
    scene.monitor.hurry(hasty=True)
    scene.run(3)
    assert len(scene.looks) > 20
    assert scene.first.shuts == scene.second.shuts == 0


def test_the_second_eye_is_closed_when_all_is_well(scene):
    """Its look is broken off, and tells nothing."""
    scene.first.takes = scene.second.takes = None
    scene.run(0.3)
    scene.monitor.hurry(hasty=True)
    scene.run(0.1)
    scene.monitor.hurry(hasty=False)
    assert not scene.second.is_looking
    assert scene.looks == []


# Mistakes, and the end


def test_a_mistake_in_a_look_does_not_end_the_watching(scene):
    """It is logged, and leaves no timer that wonders."""
    scene.run(0.5)
    scene.first.mistake = True
    with capture_logs() as lines:
        scene.run(0.6)
    assert "ZeroDivisionError" in lines[0]["exception"]
    scene.first.mistake = False
    scene.run(1)
    assert len(scene.looks) == 2
    assert scene.doubts == []


def test_a_mistake_in_what_follows_does_not_either(scene):
    """The next look is told as well."""

    def wrong(look):
        scene.looks.append(look)
        raise ZeroDivisionError

    scene.on_look = wrong
    with capture_logs() as lines:
        scene.run(2.5)
    assert len(scene.looks) == 3
    assert len(lines) == 3


@pytest.mark.parametrize("looking", [True, False])
def test_the_end_leaves_nothing(scene, looking):
    """Neither a timer nor an open eye, and nothing is told any more."""
    scene.first.takes = None if looking else 0.0
    scene.run(1.1)
    told = len(scene.looks)
    scene.monitor.stop()
    assert not scene.clock.calls
    assert scene.first.shuts == scene.second.shuts == 1
    scene.monitor.look_soon()
    scene.monitor.hurry(hasty=True)
    scene.first.on_loss()
    assert not scene.clock.calls
    assert len(scene.looks) == told
    assert scene.doubts == (["it is long in answering"] if looking else [])


def test_it_may_begin_again_after_the_end(scene):
    """As a target does that comes back."""
    scene.monitor.stop()
    scene.monitor.start()
    scene.run(0.2)
    assert len(scene.looks) >= 1
