"""Tests of `proxy.net.rounds`; those of the reactor show it at work."""

from __future__ import annotations

import select

import pytest

from proxy.net.rounds import Rounds


class Poller:
    """Gives out prepared answers, and notes for how long it was to wait."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.waits = []

    def poll(self, timeout, at_once):
        assert at_once > 0
        self.waits.append(timeout)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Reactor:
    """As much of one as rounds need."""

    def __init__(self, poller, selectables):
        self._poller = poller
        self._selectables = selectables
        self.threadCallQueue = []
        self.other = []

    def _doReadOrWrite(self, selectable, fd, event):  # noqa: N802 - Twisted's name
        self.other.append((selectable, fd, event))


class Selectable:
    """Something to read, which disturbs after so many times."""

    def __init__(self):
        self.rounds = None
        self.left = 1

    def logPrefix(self):  # noqa: N802 - Twisted's name
        return "selectable"

    def doRead(self):  # noqa: N802 - Twisted's name
        self.left -= 1
        self.rounds.disturbed = not self.left


READABLE = [(5, select.EPOLLIN)]


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_rounds_go_on_until_somebody_disturbs(timeout):
    """Then the reactor has to look at something else."""
    one = Selectable()
    poller = Poller(READABLE, READABLE, READABLE, READABLE)
    one.rounds = rounds = Rounds(Reactor(poller, {5: one}))
    one.left = 3
    rounds.serve(timeout)
    assert len(poller.waits) == 3
    assert all(wait == -1 if timeout is None else 0 < wait <= 60 for wait in poller.waits)


def test_a_round_is_the_last_when_a_timer_is_due():
    """However many events there are."""
    one = Selectable()
    one.left = 100
    poller = Poller(READABLE, READABLE)
    one.rounds = rounds = Rounds(Reactor(poller, {5: one}))
    rounds.serve(0)
    assert poller.waits == [0]


def test_a_thread_that_wants_something_ends_the_rounds():
    """Its call is there before the reactor is woken by an event."""
    one = Selectable()
    one.left = 100
    reactor = Reactor(Poller(READABLE, READABLE), {5: one})
    one.rounds = rounds = Rounds(reactor)
    reactor.threadCallQueue.append("a call")
    rounds.serve(None)
    assert one.left == 99


def test_a_signal_lets_the_reactor_look_around():
    """Python has run its handler by then."""
    rounds = Rounds(Reactor(Poller(InterruptedError()), {}))
    rounds.serve(None)


def test_other_events_and_unknown_files_are_told_apart():
    """Writing goes Twisted's way; who was closed meanwhile is nobody."""
    one = Selectable()
    poller = Poller([(7, select.EPOLLIN), (5, select.EPOLLIN | select.EPOLLOUT)])
    reactor = Reactor(poller, {5: one})
    rounds = Rounds(reactor)
    rounds.serve(0)
    assert reactor.other == [(one, 5, select.EPOLLIN | select.EPOLLOUT)]
    assert one.left == 1
