"""Tests of `proxy.policy.failover`: several targets that take writes at once."""

from __future__ import annotations

import attrs
import pytest

from proxy.policy.failover import Plan, Rules
from proxy.policy.observation import Failure
from tests.support.looked_at import FENCED, ONE, STEPPED, TWO, Target, decide


@pytest.fixture
def db():
    """The first target, which is the writer."""
    return Target("db")


@pytest.fixture
def sub():
    """The second one."""
    return Target("sub")


def test_the_known_writer_is_kept_and_the_other_told(db, sub):
    """By default; nothing is done to the other one."""
    alarm = "sub takes writes too, while db is the writer"
    decision = decide(db.saw(1.0), sub.saw(1.0))
    assert decision == Plan(writer="db", alarms=(alarm,), again_at=3.0)


def test_by_setting_nobody_writes_while_two_take_writes(db, sub):
    """Until there is one: the known one, or the other."""
    rules = Rules(moves=True, refuses_split_brain=True)
    db.saw(1.0)
    sub.saw(1.0)
    decision = decide(db, sub, rules=rules)
    assert decision.writer == "db"
    assert decision.hold == decision.alarms[0]
    sub.saw(1.2, writable=False)
    assert decide(db, sub, rules=rules).hold == ""
    db.saw(1.3, writable=False)
    assert decide(db, sub.saw(1.3), rules=rules) == Plan(writer="sub")


def test_by_setting_the_other_one_is_made_read_only(db, sub):
    """The one that is known is not, nor a replica that takes no writes anyway."""
    third = Target("third").saw(1.0, writable=False)
    assert decide(db.saw(1.0), sub.saw(1.0), third, rules=FENCED).fence == ("sub",)


@pytest.mark.parametrize("failure", [Failure.DENIED, Failure.FULL])
def test_nobody_is_fenced_for_a_writer_that_cannot_be_seen(db, sub, failure):
    """Perhaps it is the other one by now; that two may take writes is told all the same."""
    db.saw(1.0).failed(1.2, failure)
    decision = decide(db, sub.saw(1.2), rules=FENCED)
    assert decision.fence == ()
    assert len(decision.alarms) == 2


def test_a_target_that_only_the_configuration_calls_writer_has_nobody_fenced(db, sub):
    """It was not seen to take writes: the other one may be the true writer."""
    for trouble in (db, db.saw(1.0, writable=False), db.failed(1.2, times=3)):
        assert decide(trouble, sub.saw(1.3), rules=FENCED).fence == ()


def test_the_most_advanced_follows_and_the_rest_is_told_and_fenced(db, sub):
    """Two were promoted: the one that has all that the other has is taken."""
    db.failed(1.0, times=3)
    third = Target("third").saw(1.2, gtids=f"{ONE}:1-9")
    sub.saw(1.2, gtids=f"{ONE}:1-7")
    alarm = "sub takes writes too, and third goes before"
    assert decide(db, sub, third) == Plan(writer="third", alarms=(alarm,))
    assert decide(db, sub, third, rules=FENCED).fence == ("sub",)


def test_between_equals_the_first_in_the_configuration_follows(db, sub):
    """So that all proxies take the same one."""
    db.failed(1.0, times=3)
    third = Target("third").saw(1.2, gtids="0-1-9")
    assert decide(db, sub.saw(1.2, gtids="0-1-9"), third).writer == "sub"


def test_one_that_replicates_comes_behind_one_that_does_not(db, sub):
    """A replica that was never made read-only may have more than its source for a moment."""
    db.failed(1.0, times=3)
    sub.saw(1.2, gtids=f"{ONE}:1-9", sources=("third",), replicates=True)
    third = Target("third").saw(1.2, gtids=f"{ONE}:1-8")
    assert decide(db, sub, third).writer == "third"


def test_one_whose_replication_was_stopped_is_compared_as_any_other(db, sub):
    """It was promoted; an empty server without a source is not to be taken for the writer."""
    db.saw(1.0, gtids=f"{ONE}:1-9").failed(1.1, times=3)
    sub.saw(1.2, gtids=f"{ONE}:1-9", sources=("db",), replicates=False)
    stray = Target("stray").saw(1.2, gtids="")
    assert decide(db, stray, sub).writer == "sub"


def test_of_several_replicas_that_take_writes_the_most_advanced_follows(db, sub):
    """There is none that does not replicate."""
    db.failed(1.0, times=3)
    sub.saw(1.2, gtids="0-1-8", sources=("db",), replicates=True)
    third = Target("third").saw(1.2, gtids="0-1-9", sources=("db",), replicates=True)
    assert decide(db, sub, third).writer == "third"


@pytest.mark.parametrize("gtids", [(f"{ONE}:1-9", f"{ONE}:1-8,{TWO}:1"), (None, "0-1-1")])
def test_nobody_chooses_between_two_that_went_apart(db, sub, gtids):
    """Nor where it cannot be seen: clients wait, and an operator is told."""
    db.failed(1.0, times=3)
    third = Target("third").saw(1.2, gtids=gtids[1])
    decision = decide(db, sub.saw(1.2, gtids=gtids[0]), third, rules=FENCED)
    alarm = "sub and third take writes, and none is seen to have all that the others have"
    assert decision == Plan(writer="db", hold=alarm, alarms=(alarm,))
    sub.saw(1.3, writable=False)
    assert decide(db, sub, third).writer == "third"


# All that take writes


def test_where_all_take_writes_one_is_used_and_the_others_are_no_trouble(db, sub):
    """Galera: nothing is told, nor refused, nor fenced."""
    rules = attrs.evolve(STEPPED, fences=True, refuses_split_brain=True)
    assert decide(db.saw(1.0), sub.saw(1.0), rules=rules) == Plan(writer="db", again_at=3.0)


def test_where_all_take_writes_the_next_in_order_follows(db, sub):
    """Nobody compares what is in step: a look that was earlier has seen less, no more."""
    db.saw(1.0, gtids=f"{ONE}:1-9").failed(1.2, times=3)
    third = Target("third").saw(1.2, gtids=f"{ONE}:1-9")
    rules = attrs.evolve(STEPPED, fences=True)
    assert decide(db, sub.saw(1.1, gtids=f"{ONE}:1-8"), third, rules=rules) == Plan(
        writer="sub"
    )
    assert decide(db, sub.saw(1.3), third, rules=rules) == Plan(writer="sub")
