"""Tests of `proxy.service.supervising.distant_events`."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs
from twisted.internet.testing import MemoryReactorClock

from proxy.observe.events import ITEMS_LIMIT, Events
from proxy.observe.log import get_logger
from proxy.service.supervising.distant_events import (
    EVENTS_PER_SECOND,
    LEFT_OUT,
    EventsOfWorkers,
    EventsUp,
)
from tests.support.linked import linked, settle, wire_of

TIME = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def stage():
    """A worker that has an event already, and a supervisor."""
    clock = MemoryReactorClock()
    down, up = linked(clock)
    worker, kept = Events(), Events()
    worker.add(TIME, "info", "before", {})
    stage = SimpleNamespace(clock=clock, link=down, up=up, worker=worker, kept=kept)
    joined = EventsOfWorkers(kept, get_logger())
    joined.join(SimpleNamespace(number=3, link=down))
    assert repr(joined) == "<EventsOfWorkers to <Events: 0 up to 0>>"
    stage.sender = EventsUp(up, worker, clock)
    return stage


def names(stage):
    """What the supervisor has by now."""
    settle(stage.clock)
    return [event.event for event in stage.kept.after(0)]


def test_events_of_a_worker_are_kept_with_its_number(stage):
    """With their own times; the numbers count up in the supervisor."""
    stage.kept.add(TIME, "info", "its own", {})
    stage.worker.add("2026-01-02T00:00:00.000Z", "error", "lost", {"target": "db", "worker": 9})
    assert names(stage) == ["its own", "before", "lost"]
    event = [*stage.kept.after(0)][-1]
    assert (event.number, event.time, event.level) == (3, "2026-01-02T00:00:00.000Z", "error")
    assert event.fields == {"worker": 3, "target": "db"}
    assert stage.kept.by_level == {"info": 2, "warning": 0, "error": 1}


def test_nothing_is_written_again(stage):
    """The line of the worker stands in the log already."""
    with capture_logs() as logs:
        stage.worker.add(TIME, "warning", "held up", {})
        assert names(stage) == ["before", "held up"]
    assert logs == []


def test_the_number_has_room_beside_any_fields(stage):
    """There are as many fields as an event may have."""
    stage.worker.add(TIME, "info", "wide", {f"f{one}": one for one in range(ITEMS_LIMIT)})
    assert names(stage)[-1] == "wide"
    event = [*stage.kept.after(0)][-1]
    assert event.fields["worker"] == 3
    assert len(event.fields) == ITEMS_LIMIT


def test_beyond_a_limit_events_are_only_counted(stage):
    """The supervisor says how many, and the next second has its own room."""
    for number in range(EVENTS_PER_SECOND + 4):
        stage.worker.add(TIME, "error" if number % 2 else "info", f"kind {number}", {})
    assert len(names(stage)) == EVENTS_PER_SECOND
    assert repr(stage.sender) == f"<EventsUp {EVENTS_PER_SECOND} of {EVENTS_PER_SECOND}>"
    with capture_logs() as logs:
        stage.clock.advance(1)
        settle(stage.clock)
    (line,) = logs
    assert (line["event"], line["worker"], line["lines"]) == (LEFT_OUT, 3, 5)
    assert stage.kept.by_level == stage.worker.by_level
    stage.worker.add(TIME, "info", "after", {})
    assert names(stage)[-1] == "after"


def test_a_worker_without_events_costs_nothing(stage):
    """No timer runs once the second is over."""
    stage.clock.advance(1)
    settle(stage.clock)
    assert not stage.clock.getDelayedCalls()


def test_events_of_other_threads_go_by_the_reactor(stage):
    """Only its own thread may use the link."""
    thread = threading.Thread(target=stage.worker.add, args=(TIME, "info", "thread", {}))
    before = wire_of(stage.up).sent
    calls = []
    stage.clock.callFromThread = lambda *call: calls.append(call)
    thread.start()
    thread.join()
    assert wire_of(stage.up).sent == before
    ((call, *arguments),) = calls
    call(*arguments)
    assert names(stage) == ["before", "thread"]


def test_a_worker_that_ends_says_what_was_left_out(stage):
    """And sends no more; its own events go on being kept."""
    for number in range(EVENTS_PER_SECOND):
        stage.worker.add(TIME, "info", f"kind {number}", {})
    with capture_logs() as logs:
        stage.sender.stop()
        stage.worker.add(TIME, "info", "behind", {})
        settle(stage.clock)
    assert logs[0]["lines"] == 1
    assert "behind" not in names(stage)
    assert not stage.clock.getDelayedCalls()


def test_a_worker_without_a_supervisor_goes_on_logging(stage):
    """What it says goes nowhere, and does no harm."""
    wire_of(stage.up).break_off()
    stage.worker.add(TIME, "info", "alone", {})
    stage.sender.stop()
    assert [event.event for event in stage.worker.after(0)] == ["before", "alone"]
