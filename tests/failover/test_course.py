"""Tests of `proxy.failover.course`."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from proxy.config.model import Target
from proxy.failover.course import Course
from proxy.failover.distant import encode_target
from proxy.failover.reports import PoolReport, encode_report
from proxy.policy.gtids import parse
from proxy.policy.observation import Failure
from proxy.vocabulary import Role
from tests.support.host import GTIDS

A, B = Target(address="a:3306"), Target(address="b:3306", role=Role.READ_ONLY)


class Stage:
    """A course, and what was told."""

    def __init__(self):
        self.clock = Clock()
        self.told = []
        self.course = Course("shop", A, self.clock)

    def tell(self, what, **more):
        """Note it."""
        self.told.append((what, more))

    def take(self):
        """What was told since."""
        told, self.told = self.told, []
        return told

    def report(self, seat, serial=None, **pools):
        """Have a worker report."""
        serial = self.course.serial if serial is None else serial
        told = {f"{name}:3306": encode_report(one) for name, one in pools.items()}
        self.course.reported(seat, {"serial": serial, "pools": told})


@pytest.fixture
def stage():
    """A course that is told."""
    stage = Stage()
    stage.course.begin(stage.tell)
    stage.take()
    return stage


def test_nothing_is_told_before_the_beginning_and_all_then():
    """So that who hears of it hears no half."""
    stage = Stage()
    course = stage.course
    course.readers.own_writes = course.own_writes()
    other = course.pools.get(B)
    other.watcher = object()
    other.hold()
    course.readers.serve_by({other: 0.5})
    course.readers.own_writes.saw(other, parse(GTIDS))
    assert stage.take() == []
    course.begin(stage.tell)
    assert stage.take() == [
        (
            "course",
            {
                "proxy": "shop",
                "serial": course.serial,
                "targets": [encode_target(A), encode_target(B)],
                "watched": ["b:3306"],
                "held": ["b:3306"],
                "routes": {
                    "READ_WRITE": [("a:3306", 1.0)],
                    "READ_ONLY": [("b:3306", 0.5)],
                },
                "positions": {"b:3306": GTIDS},
                "attention": False,
            },
        )
    ]
    assert "orders to 0" in repr(course)


def test_orders_are_counted(stage):
    """One after the other."""
    before = stage.course.serial
    stage.course.writers.pool.hold()
    ((what, more),) = stage.take()
    assert (what, more["do"], more["target"]) == ("order", "hold", "a:3306")
    assert (more["proxy"], more["serial"]) == ("shop", before + 1)


def test_an_end_is_told_once(stage):
    """And nothing after it."""
    stage.course.end()
    stage.course.end()
    stage.course.writers.pool.hold()
    assert stage.take() == [("course_over", {"proxy": "shop"})]


def test_one_that_gives_way_to_another_says_nothing(stage):
    """Not even that it ends."""
    stage.course.mute()
    stage.course.end()
    assert stage.take() == []


def test_all_have_done_it_when_each_says_so(stage):
    """Who has left has nothing more to do, and who is new has."""
    course = stage.course
    assert course.attend()
    course.joined(1)
    course.joined(2)
    assert not course.attend()
    stage.report(1)
    assert not course.attend()
    stage.report(2)
    assert course.attend()
    course.writers.pool.hold()
    assert not course.attend()
    stage.report(1)
    stage.report(2, serial=course.serial - 1)
    assert not course.attend()
    course.left(2)
    assert course.attend()
    course.left(2)


def test_what_workers_have_is_known_by_target(stage):
    """Until they leave; who has not joined is not heard."""
    for seat in (1, 2):
        stage.course.joined(seat)
    stage.report(1, a=PoolReport(total=2))
    stage.report(2, a=PoolReport(total=3), b=PoolReport())
    stage.report(3, a=PoolReport(total=7))
    assert stage.course.writers.pool.ledger.total == 5
    stage.course.left(2)
    assert stage.course.writers.pool.ledger.total == 2
    assert [*stage.course.reports("b:3306")] == []


def test_workers_report_often_while_somebody_asks(stage):
    """Not for longer than that."""
    stage.course.attend()
    stage.course.attend()
    stage.clock.advance(0.9)
    stage.course.sweep()
    assert stage.take() == [("attention", {"proxy": "shop", "on": True})]
    assert stage.course.snapshot()["attention"]
    stage.clock.advance(0.1)
    stage.course.sweep()
    assert stage.take() == [("attention", {"proxy": "shop", "on": False})]
    stage.clock.advance(1)
    stage.course.sweep()
    assert stage.take() == []


def test_trouble_is_told_to_who_watches(stage):
    """Where somebody does, and there is such a target."""
    met, course = [], stage.course
    course.on_trouble = lambda *told: met.append(told)
    message = {"target": "a:3306", "failure": Failure.LOST.value, "why": "reset"}
    course.trouble(message, stage.tell)
    course.trouble(message | {"target": "x"}, stage.tell)
    assert met == []
    course.writers.pool.watcher = object()
    stage.take()
    course.trouble(message, stage.tell)
    assert met == [(course.writers.pool, Failure.LOST, "reset")]
    assert stage.take() == []


def test_who_was_turned_away_hears_when_it_need_not_wait(stage):
    """For it lends nothing from the writer until then."""
    message = {"target": "a:3306", "failure": Failure.READ_ONLY.value, "why": "1290"}
    course, pool = stage.course, stage.course.writers.pool
    replies = []

    def reply(what, **more):
        replies.append((what, more))

    course.trouble(message, reply)
    told = {"proxy": "shop", "serial": course.serial, "do": "release", "target": "a:3306"}
    assert replies == [("order", told)]
    pool.hold()
    course.trouble(message, reply)
    assert len(replies) == 1


def test_pools_without_anything_are_swept(stage):
    """Those that were forgotten."""
    stage.course.pools.get(B)
    stage.course.pools.forget(B)
    stage.course.sweep()
    assert [*stage.course.pools.by_address()] == ["a:3306"]


def test_who_was_turned_away_by_a_target_that_is_gone_hears_it_too(stage):
    """Nobody decides anything of that one any more."""
    replies = []
    message = {"target": "x:3306", "failure": Failure.READ_ONLY.value, "why": "1290"}
    stage.course.trouble(message, lambda _, **more: replies.append(more["do"]))
    assert replies == ["release"]
