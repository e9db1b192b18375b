"""Tests of `proxy.net.clock`."""

from twisted.internet.task import Clock

from proxy.net.clock import cancel


def test_a_timer_that_is_set_is_cancelled():
    """A cancelled timer does not run."""
    clock, calls = Clock(), []
    timer = clock.callLater(1, calls.append, "ran")
    cancel(timer)
    clock.advance(2)
    assert calls == []


def test_a_timer_that_has_run_or_was_never_set_is_left_alone():
    """Whoever cancels need not know whether there is anything to cancel."""
    clock, calls = Clock(), []
    timer = clock.callLater(1, calls.append, "ran")
    clock.advance(2)
    cancel(timer)
    cancel(None)
    assert calls == ["ran"]
