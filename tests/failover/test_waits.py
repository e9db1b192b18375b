"""Tests of `proxy.failover.waits`."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from twisted.internet.task import Clock

from proxy.failover.waits import PAUSED, Waits
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger


@pytest.fixture
def clock():
    """Time in the test's hand."""
    return Clock()


@pytest.fixture
def waits(clock):
    """Nobody waits."""
    one = Waits(clock, Counters(), get_logger())
    assert (one.why, one.seconds, one.for_writer) == ("", 0.0, False)
    assert repr(one) == "<Waits for nothing>"
    return one


def test_the_reasons_do_not_end_each_other(waits):
    """Who waits for several goes on when the last one is gone."""
    waits.pause(on=True)
    waits.begin_order("b is being promoted")
    waits.note_hold("a is gone", "a")
    assert repr(waits) == "<Waits: a is gone>"
    waits.note_hold("", "b")
    assert (waits.why, waits.for_writer) == ("b is being promoted", True)
    waits.end_order()
    assert (waits.why, waits.for_writer) == (PAUSED, False)
    waits.pause(on=False)
    assert waits.why == ""


def test_the_time_is_that_of_the_first_reason(waits, clock):
    """It goes on when another one takes its place, and is none when there is none."""
    waits.pause(on=True)
    clock.advance(3)
    waits.begin_order("b is being promoted")
    waits.pause(on=False)
    clock.advance(2)
    assert waits.seconds == 5
    waits.end_order()
    assert waits.seconds == 0
    clock.advance(7)
    waits.note_hold("a is gone", "a")
    clock.advance(1)
    assert waits.seconds == 1


def test_a_search_begins_with_a_hold_or_an_order(waits, clock):
    """A pause looks for nobody, and a reason that changes begins nothing."""
    waits.pause(on=True)
    assert waits.sought_since == float("-inf")
    clock.advance(10)
    waits.note_hold("a is gone", "a")
    clock.advance(1)
    waits.note_hold("a is still gone", "a")
    assert waits.sought_since == 10
    waits.begin_order("b is being promoted")
    assert waits.sought_since == 11


def test_holds_are_counted_with_their_time(clock):
    """Not that of an order that began in the midst of one."""
    counters = Counters()
    waits = Waits(clock, counters, get_logger())
    with capture_logs() as lines:
        waits.note_hold("a is gone", "a")
        clock.advance(30)
        waits.begin_order("b is being promoted")
        clock.advance(1)
        waits.note_hold("", "b")
        waits.note_hold("", "b")
    assert (counters.writer_holds, counters.writer_hold_seconds) == (1, 31)
    assert lines[-1]["seconds"] == 31
