"""Tests of `proxy.service.supervising.directing`; `tests/failover` has the rest."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.config.model import Target
from proxy.credentials.secrets_manager import CURRENT
from proxy.credentials.shared import SharedSecrets
from proxy.failover.course import Course
from proxy.failover.reports import PoolReport, encode_report
from proxy.policy.observation import Failure
from proxy.service.supervising.directing import Directing
from tests.credentials.secrets_stage import Stage as Secrets
from tests.credentials.secrets_stage import version
from tests.support.staffed import MemoryLink

A = Target(address="a:3306")


class Stage:
    """A supervisor's word, and the ends of its workers.

    Attributes:
        links: Those of the workers, by seat.
        heard: What each has heard since, by seat.
    """

    def __init__(self):
        self.clock = Clock()
        self.links, self.heard, self.members = {}, {}, {}
        self.directing = Directing(self._tell)

    def _tell(self, what, **more):
        for member in self.members.values():
            member.link.tell(what, **more)

    def join(self, seat):
        """A worker that joins."""
        ours, theirs = MemoryLink.pair(self.clock)
        heard = self.heard[seat] = []
        kinds = ("course", "order", "course_over", "attention", "wrote", "secrets")
        for what in (*kinds, "secrets_over"):
            theirs.on(what, lambda message, _: heard.append(message))
        self.links[seat] = theirs
        self.members[seat] = SimpleNamespace(number=seat, link=ours)
        self.directing.join(self.members[seat])

    def leave(self, seat):
        """A worker that has gone."""
        self.directing.leave(self.members.pop(seat))

    def take(self, seat):
        """What a worker has heard since: what, and of which proxy or key."""
        self.clock.advance(0)
        heard, self.heard[seat][:] = [*self.heard[seat]], []
        return [(one["what"], one.get("proxy", one.get("key"))) for one in heard]


@pytest.fixture
def stage():
    """Two workers."""
    stage = Stage()
    stage.join(1)
    stage.join(2)
    return stage


def test_who_joins_hears_all_that_is_there(stage):
    """And then what all hear."""
    course = Course("shop", A, stage.clock)
    stage.directing.begin(course)
    stage.join(3)
    for seat in (1, 2, 3):
        assert stage.take(seat) == [("course", "shop")]
    course.writers.pool.hold()
    for seat in (1, 2, 3):
        assert stage.take(seat) == [("order", "shop")]
    assert repr(stage.directing) == "<Directing 1 proxies in 3 workers>"


def test_reports_go_to_their_course(stage):
    """Those of workers that are there."""
    course = Course("shop", A, stage.clock)
    stage.directing.begin(course)
    for seat, name in ((1, "shop"), (2, "shop"), (2, "store")):
        pools = {"a:3306": encode_report(PoolReport(total=seat))}
        stage.links[seat].tell("pools", proxy=name, serial=course.serial, pools=pools)
    stage.clock.advance(0)
    assert course.writers.pool.ledger.total == 3
    assert course.attend()
    stage.leave(2)
    assert course.writers.pool.ledger.total == 1
    stage.directing.leave(SimpleNamespace(number=1, link=None))  # another one has its seat
    assert course.writers.pool.ledger.total == 1


def test_trouble_goes_to_its_course_and_the_reply_to_who_met_it(stage):
    """Others are not told."""
    course, met = Course("shop", A, stage.clock), []
    stage.directing.begin(course)
    course.writers.pool.watcher = object()
    course.on_trouble = lambda *told: met.append(told)
    stage.take(1), stage.take(2)
    for name in ("shop", "store"):
        failure = Failure.READ_ONLY.value
        stage.links[1].tell("trouble", proxy=name, target="a:3306", failure=failure, why="1")
    stage.clock.advance(0)
    assert met == [(course.writers.pool, Failure.READ_ONLY, "1")]
    assert stage.take(1) == [("order", "shop")]
    assert stage.take(2) == []


def test_another_course_of_a_name_takes_its_place(stage):
    """Whoever had it before is told nothing, not even that it ends."""
    old, new = (Course("shop", A, stage.clock) for _ in range(2))
    stage.directing.begin(old)
    stage.directing.begin(new)
    stage.take(1)
    old.writers.pool.hold()
    stage.directing.end(old)
    assert stage.take(1) == []
    stage.directing.end(new)
    assert stage.take(1) == [("course_over", "shop")]
    stage.join(3)
    assert stage.take(3) == []


def test_what_one_worker_tells_of_writes_the_others_hear(stage):
    """With its seat."""
    stage.join(3)
    stage.links[2].tell("wrote", proxy="shop", slots={"7": [0, 1, None]})
    stage.clock.advance(0)
    stage.clock.advance(0)
    told = {"what": "wrote", "proxy": "shop", "seat": 2, "slots": {"7": [0, 1, None]}}
    assert [stage.heard[seat] for seat in (1, 2, 3)] == [[told], [], [told]]


def test_secrets_are_told_to_all_and_to_who_joins(stage):
    """As long as somebody reads them."""
    secrets = Secrets("a", a=version("1", "app", "one"))
    source = secrets.source
    source.__class__ = SharedSecrets
    stage.directing.share("key", source)
    source.start()
    assert {*stage.take(1)} == {("secrets", "key")}
    stage.join(3)
    stage.clock.advance(0)
    (told,) = stage.heard[3]
    assert told["users"] == {"app": [0, ["one"]]}
    stage.take(3)
    other = Secrets("a").source
    other.__class__ = SharedSecrets
    stage.directing.share("key", other)
    other.stop()
    assert stage.take(3) == []
    source.stop()
    assert stage.take(3) == [("secrets_over", "key")]


def test_a_secret_is_read_anew_for_who_asks(stage):
    """Who hears that it was has heard what was found; of an unknown key nothing is read."""
    secrets = Secrets("a", a=version("1", "app", "one"))
    source = secrets.source
    source.__class__ = SharedSecrets
    stage.directing.share("key", source)
    source.start()
    secrets.clock.advance(60)
    stage.clock.advance(0)
    stage.heard[1].clear()
    secrets.secrets["a", CURRENT] = version("2", "app", "new")
    for key in ("key", "other"):
        asked = Deferred.fromCoroutine(stage.links[1].ask("secret", key=key, user="app"))
        for _ in range(3):
            stage.clock.advance(0)
        assert asked.result == {}
    assert {repr(one["users"]) for one in stage.heard[1]} == {"{'app': [0, ['new']]}"}
    assert len(secrets.asked) == 5
    source.stop()
