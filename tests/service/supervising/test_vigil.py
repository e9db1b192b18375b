"""Tests of `proxy.service.supervising.vigil`."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service.link import LinkLostError, LinkSilentError
from proxy.service.supervising.vigil import (
    AGAIN_SECONDS,
    PING_SECONDS,
    WORKER_SILENT_SECONDS,
    Vigil,
)
from tests.support.staff import Pinged, make_member


class Scene:
    """One worker that serves, and who watches it.

    Attributes:
        dismissed: Why it was, each time.
    """

    def __init__(self):
        self.clock, self.dismissed = Clock(), []
        self.vigil = Vigil(lambda _, why: self.dismissed.append(why), self.clock, get_logger())
        self.member, self.door = make_member()
        self.member.link = Pinged()
        self.member.is_ready = True
        self.vigil.begin(self.member)

    @property
    def asked(self):
        return self.member.link.asked

    def silent(self):
        """It has not answered the last question in time."""
        self.asked[-1].errback(LinkSilentError("ping"))


@pytest.fixture
def scene():
    """It is asked for the first time."""
    scene = Scene()
    assert scene.asked == []
    scene.clock.advance(PING_SECONDS)
    yield scene
    scene.member.close()
    scene.door.close()


def test_one_that_answers_nothing_is_dismissed(scene):
    """It gets no clients from the first time on, and is asked three times."""
    assert scene.member.takes_clients
    late = []
    scene.member.on_late = lambda: late.append(scene.member.takes_clients)
    scene.silent()
    assert late == [False]
    scene.silent()
    assert scene.dismissed == []
    scene.silent()
    assert scene.dismissed == [f"it has not answered for {WORKER_SILENT_SECONDS:g} s"]
    assert len(scene.asked) == 3
    assert sum(scene.member.link.patience) == WORKER_SILENT_SECONDS + AGAIN_SECONDS


def test_one_that_answers_late_gets_clients_again(scene):
    """It may have been this process that stood still."""
    scene.silent()
    scene.silent()
    scene.asked[-1].callback({})
    assert scene.member.takes_clients
    scene.clock.advance(PING_SECONDS)
    assert len(scene.asked) == 4
    assert scene.dismissed == []


def test_one_that_answers_is_asked_again(scene):
    """Each second, until it is gone."""
    for count in range(1, 4):
        assert len(scene.asked) == count
        scene.asked[-1].callback({})
        scene.clock.advance(PING_SECONDS)
    scene.asked[-1].callback({})
    scene.vigil.end(scene.member)
    scene.clock.advance(PING_SECONDS)
    assert len(scene.asked) == 4


def test_one_that_ends_meanwhile_is_not_dismissed(scene):
    """Whoever waits for its end cares for the rest."""
    scene.asked[-1].errback(LinkLostError("gone"))
    scene.clock.advance(PING_SECONDS)
    assert (len(scene.asked), scene.dismissed) == (1, [])


def test_a_mistake_in_asking_is_in_the_log(scene):
    """And nowhere else."""
    with capture_logs() as lines:
        scene.asked[-1].errback(ZeroDivisionError())
    assert [line["event"] for line in lines] == ["a mistake in watching the workers"]
