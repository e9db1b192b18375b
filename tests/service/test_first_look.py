"""Tests of `proxy.service.first_look`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from proxy.errors import StatementRefusedError, borrow_timeout
from proxy.service.first_look import AWAITED_SECONDS, PAUSE_SECONDS, FirstLooks


class Looked:
    """A proxy of which only the first look is interesting.

    Attributes:
        looks: Those that nobody has answered yet, and those that were given up.
    """

    def __init__(self, users=("app",)):
        self.draining = False
        self.credentials = SimpleNamespace(find=succeed, users=lambda: users)
        self.pool = SimpleNamespace(facts=None, look=self._look)
        self.looks = []

    def _look(self, user):
        look = Deferred()
        self.looks.append((user, look))
        return look

    def answer(self, facts):
        """The target has told what it is."""
        self.pool.facts = facts
        self.looks[-1][1].callback(None)


@pytest.fixture
def clock():
    """The time."""
    return Clock()


@pytest.fixture
def looks(clock):
    """Nothing is looked at."""
    return FirstLooks(clock)


def test_the_target_is_looked_at_as_the_first_user(looks):
    """Once it is known nobody looks any more."""
    proxy = Looked(("app", "batch"))
    looks.begin(proxy)
    assert [user for user, _ in proxy.looks] == ["app"]
    assert (len(looks), repr(looks)) == (1, "<FirstLooks: 1>")
    proxy.answer(object())
    assert len(looks) == 0
    looks.begin(proxy)
    assert len(proxy.looks) == 1
    assert len(looks) == 0


def test_a_target_that_refuses_is_asked_again(looks, clock):
    """After a while, for as long as it takes."""
    proxy = Looked()
    looks.begin(proxy)
    proxy.looks[-1][1].errback(StatementRefusedError(borrow_timeout()))
    assert len(proxy.looks) == 1
    clock.advance(PAUSE_SECONDS)
    assert len(proxy.looks) == 2


def test_a_proxy_without_users_is_looked_at_later(looks, clock):
    """Its secrets may not have been read yet."""
    proxy = Looked(())
    looks.begin(proxy)
    proxy.credentials.users = lambda: ("app",)
    clock.advance(PAUSE_SECONDS)
    assert len(proxy.looks) == 1


def test_another_target_is_looked_at_instead(looks):
    """The one before may never answer: its address was a mistake."""
    proxy = Looked()
    looks.begin(proxy)
    (_, first), *_ = proxy.looks
    proxy.pool = SimpleNamespace(facts=None, look=proxy._look)
    looks.begin(proxy)
    assert first.called
    assert len(proxy.looks) == 2
    assert len(looks) == 1


def test_nothing_is_left_of_what_was_given_up(looks, clock):
    """Neither while it waits for a target, nor between two attempts."""
    one, other = Looked(), Looked(())
    looks.begin(one)
    looks.begin(other)
    looks.stop()
    assert len(looks) == 0
    clock.advance(PAUSE_SECONDS)
    assert len(one.looks) == 1
    assert other.looks == []


def test_mistakes_are_told(looks):
    """They end the look, and nothing else."""
    proxy = Looked()
    looks.begin(proxy)
    with capture_logs() as logs:
        proxy.looks[-1][1].errback(ZeroDivisionError("no answer"))
    (line,) = logs
    assert line["event"] == "a mistake in the first look at a target"
    assert "ZeroDivisionError" in line["exception"]
    assert len(looks) == 0


def test_who_waits_for_the_first_attempt_waits_until_the_target_is_known(looks, clock):
    """Clients may be greeted from then on as the target greets."""
    proxy = Looked()
    looks.begin(proxy)
    waiting = Deferred.fromCoroutine(looks.first_attempt(proxy))
    assert not waiting.called
    proxy.answer(object())
    assert waiting.called
    assert clock.getDelayedCalls() == []
    assert Deferred.fromCoroutine(looks.first_attempt(proxy)).called


def test_nobody_waits_for_a_second_attempt(looks):
    """A target that is down does not keep clients from connecting."""
    proxy = Looked()
    looks.begin(proxy)
    waiting = Deferred.fromCoroutine(looks.first_attempt(proxy))
    proxy.looks[-1][1].errback(StatementRefusedError(borrow_timeout()))
    assert waiting.called
    assert len(looks) == 1


def test_the_first_attempt_is_not_waited_for_longer_than_its_limit(looks, clock):
    """A target may not answer at all; it is looked at on."""
    proxy = Looked()
    looks.begin(proxy)
    waiting = Deferred.fromCoroutine(looks.first_attempt(proxy))
    clock.advance(AWAITED_SECONDS)
    assert waiting.called
    assert len(looks) == 1


def test_a_look_that_is_given_up_lets_go_who_waits_for_it(looks):
    """The process stops before it has listened."""
    proxy = Looked()
    looks.begin(proxy)
    waiting = Deferred.fromCoroutine(looks.first_attempt(proxy))
    looks.stop()
    assert waiting.called
