"""Tests of `proxy.policy.failover`: who takes the writes, and whether clients wait."""

from __future__ import annotations

import pytest

from proxy.policy.failover import Plan
from proxy.policy.health import Condition
from proxy.policy.observation import Failure
from tests.support.looked_at import FENCED, FIXED, MOVES, ONE, TWO, Target, decide


@pytest.fixture
def db():
    """The first target, which is the writer."""
    return Target("db")


@pytest.fixture
def sub():
    """The second one."""
    return Target("sub")


# While all is well


def test_a_writer_that_was_seen_to_take_writes_stays(db, sub):
    """Nobody waits, until looks would be too old to be trusted."""
    db.saw(1.0)
    sub.saw(1.0, writable=False, sources=("db",), replicates=True)
    assert decide(db, sub) == Plan(writer="db", again_at=1.0 + MOVES.trust_seconds)


def test_nobody_is_lent_a_target_that_was_not_looked_at_yet(db, sub):
    """Clients wait for the first look, and whoever is seen first is not to blame."""
    sub.saw(1.0)
    decision = decide(db, sub, rules=FENCED)
    assert decision == Plan(writer="db", hold="db: it has not been looked at yet")


def test_the_writer_is_whoever_takes_writes(db, sub):
    """The first choice corrects the configuration at once: nothing is damped then."""
    db.saw(1.0, writable=False, why="read_only is on")
    sub.saw(1.0)
    assert decide(db, sub) == Plan(writer="sub")


def test_a_write_is_never_lent_to_a_target_that_was_not_seen_writable_lately(db, sub):
    """Monitors that stand still are no proof of anything."""
    db.saw(1.0)
    sub.saw(1.0, writable=False)
    assert decide(db, sub, now=3.0).hold == ""
    assert decide(db, sub, now=3.1) == Plan(writer="db", hold="db was not seen for 2 s")


def test_what_was_seen_writable_long_ago_does_not_become_the_writer(db, sub):
    """Nobody knows whether it still is."""
    sub.saw(1.0)
    db.saw(8.0, writable=False)
    decision = decide(db, sub, now=9.0)
    assert decision.writer == "db"
    assert decision.hold == "db takes no writes any more, and no other target takes writes"


# Doubt


def test_a_doubt_of_traffics_makes_nobody_wait(db, sub):
    """One connection that was lost is nothing yet."""
    db.saw(1.0).health.doubt("a client lost its connection", 1.2)
    assert decide(db, sub.saw(1.0, writable=False)).hold == ""


def test_a_failed_look_makes_clients_wait_but_moves_nobody(db, sub):
    """Another target that takes writes is not used for one lost packet, nor made read-only."""
    db.saw(1.0).failed(1.3, Failure.SILENT)
    sub.saw(1.4)
    decision = decide(db, sub, rules=FENCED)
    assert decision == Plan(writer="db", hold="db: it does not answer")
    db.saw(1.5)
    assert decide(db, sub.saw(1.5, writable=False)).hold == ""


@pytest.mark.parametrize("writable", [True, False, None])
def test_a_doubtful_target_does_not_become_the_writer(db, sub, writable):
    """Its last look failed: clients would only wait for the next one."""
    db.failed(1.0, times=3)
    sub.saw(1.0, writable=writable).failed(1.2)
    assert decide(db, sub).writer == "db"
    assert decide(db, sub).hold


def test_a_target_that_is_back_is_watched_before_it_is_the_writer_again(db):
    """It restarted in place: the same target goes on, as soon as it is trusted."""
    db.saw(1.0).failed(1.1, times=3)
    hold = "db: it cannot be connected to, and no other target takes writes"
    assert decide(db) == Plan(writer="db", hold=hold)
    db.saw(1.3)
    assert decide(db).hold.startswith("db: it is back, and watched")
    db.saw(1.4)
    assert decide(db).hold == ""


# Switches


def test_a_planned_switch_holds_clients_until_the_new_writer_takes_writes(db, sub):
    """First the old one turns read-only, then the new one writable."""
    db.saw(1.0, gtids=f"{ONE}:1-9")
    sub.saw(1.0, writable=False, gtids=f"{ONE}:1-8")
    assert decide(db, sub) == Plan(writer="db", again_at=3.0)
    db.saw(1.2, writable=False, gtids=f"{ONE}:1-9", why="super_read_only is on")
    hold = "db takes no writes any more, and no other target takes writes"
    assert decide(db, sub) == Plan(writer="db", hold=hold)
    sub.saw(1.4, gtids=f"{ONE}:1-9")
    assert decide(db, sub) == Plan(writer="sub")
    assert decide(db, sub, writer="sub", switched_at=1.5).hold == ""


def test_a_switch_that_is_given_up_ends_where_it_began(db, sub):
    """The old writer is writable again, and the other one never was."""
    db.saw(1.2, writable=False)
    sub.saw(1.2, writable=False)
    assert decide(db, sub).hold
    db.saw(1.4)
    assert decide(db, sub) == Plan(writer="db", again_at=1.4 + MOVES.trust_seconds)


def test_a_killed_writer_is_followed_by_who_was_promoted(db, sub):
    """Clients wait in between, and longer than a look is trusted if need be."""
    db.saw(1.0, gtids=f"{ONE}:1-9").failed(1.2, times=3)
    sub.saw(1.2, writable=False, gtids=f"{ONE}:1-9", sources=("db",), replicates=False)
    assert decide(db, sub).hold
    sub.saw(60.0, gtids=f"{ONE}:1-9,{TWO}:1")
    assert decide(db, sub, now=60.1) == Plan(writer="sub")


def test_what_the_new_writer_lacks_is_told(db, sub):
    """It is the writer all the same: there is no other, and someone has promoted it."""
    db.saw(1.0, gtids=f"{ONE}:1-9").failed(1.2, times=3)
    sub.saw(1.3, gtids=f"{ONE}:1-7")
    decision = decide(db, sub)
    assert decision.writer == "sub"
    assert decision.hold == ""
    assert decision.alarms == ("sub lacks transactions that db had",)


def test_a_new_writer_that_still_replicates_is_told(db, sub):
    """Somebody has promoted it by half; a replication that was stopped is none."""
    db.failed(1.2, times=3)
    sub.saw(1.3, sources=("db:3306",), replicates=True)
    alarm = "sub takes writes, and still replicates from db:3306"
    assert decide(db, sub) == Plan(writer="sub", alarms=(alarm,))
    sub.saw(1.4, sources=("db:3306",), replicates=False)
    assert decide(db, sub) == Plan(writer="sub")


def test_traffic_that_is_turned_away_starts_the_search(db, sub):
    """It is faster than any look, and only a look that began later ends the search."""
    db.saw(1.0).health.turn_away("1290 --super-read-only", 1.2)
    sub.saw(1.0, writable=False)
    hold = "db takes no writes any more, and no other target takes writes"
    assert decide(db, sub) == Plan(writer="db", hold=hold)
    db.saw(1.3)
    assert decide(db, sub).hold == ""
    db.health.turn_away("1290 --super-read-only", 1.4)
    assert decide(db, sub.saw(1.4)).writer == "sub"


def test_a_writer_that_is_no_target_any_more_is_followed_by_another(sub):
    """Whoever left has left; until there is one, clients wait."""
    sub.saw(1.0, writable=False)
    hold = "db is no target any more, and no other target takes writes"
    assert decide(sub) == Plan(writer="db", hold=hold)
    assert decide(sub.saw(1.2)) == Plan(writer="sub")
    assert decide(sub, rules=FIXED) == Plan(writer="sub")


def test_a_target_that_may_not_be_the_writer_never_is(db):
    """Its role is READ_ONLY, or an operator drains it."""
    db.failed(1.0, times=3)
    assert decide(db, Target("sub", may_write=False).saw(1.2)).writer == "db"


def test_a_writer_that_is_drained_goes_when_there_is_another(db, sub):
    """Not before: its clients have no other place."""
    db.saw(1.0).drained()
    assert decide(db, sub.saw(1.0, writable=False)).hold == ""
    sub.saw(1.2)
    assert decide(db, sub) == Plan(writer="sub")
    decision = decide(db, sub, switched_at=1.0)
    assert decision.writer == "db"
    assert decision.hold.startswith("db is to take no writes; sub takes over soon")


# Damping


def test_roles_that_move_to_and_fro_are_damped(db, sub):
    """Between two changes of the writer clients wait, and go on when that time is over."""
    db.failed(11.0, times=3)
    sub.saw(11.0)
    decision = decide(db, sub, switched_at=10.0, now=11.5)
    assert decision.writer == "db"
    assert decision.hold.endswith("sub takes over soon, as the writer has just changed")
    assert decision.again_at == 10.0 + MOVES.min_switch_interval
    sub.saw(15.0)
    assert decide(db, sub, switched_at=10.0, now=15.0) == Plan(writer="sub")


def test_a_writer_that_is_well_again_needs_no_change(db, sub):
    """Whoever waited for the other one goes on with the first."""
    db.saw(11.0, writable=False)
    sub.saw(11.0)
    assert decide(db, sub, switched_at=10.0, now=11.5).hold
    db.saw(11.5)
    assert decide(db, sub, switched_at=10.0, now=11.6).hold == ""


def test_the_first_choice_is_not_damped(db, sub):
    """Not even at the very beginning of time."""
    db.saw(0.0, writable=False)
    assert decide(db, sub.saw(0.0), now=0.0) == Plan(writer="sub")


# Fixed roles


def test_a_fixed_writer_is_never_changed(db, sub):
    """STATIC: clients wait for it, whoever else takes writes."""
    sub.saw(1.0)
    db.saw(1.0)
    assert decide(db, sub, rules=FIXED) == Plan(writer="db", again_at=3.0)
    db.saw(1.2, writable=False, why="read_only is on")
    hold = "db takes no writes: read_only is on"
    assert decide(db, sub, rules=FIXED) == Plan(writer="db", hold=hold)
    db.failed(1.3, times=3, why="ECONNREFUSED")
    hold = "db: it cannot be connected to: ECONNREFUSED"
    assert decide(db, sub, rules=FIXED) == Plan(writer="db", hold=hold)


def test_a_fixed_writer_that_turned_traffic_away_is_waited_for(db):
    """What it said is the reason, until a look that began later sees otherwise."""
    db.saw(1.0).health.turn_away("1290 --read-only", 1.2)
    hold = "db takes no writes: 1290 --read-only"
    assert decide(db, rules=FIXED) == Plan(writer="db", hold=hold)
    assert decide(db.saw(1.3), rules=FIXED).hold == ""
    db.saw(1.4, writable=False)
    assert decide(db, rules=FIXED).hold == "db takes no writes: read-only"


# A monitor that cannot look


@pytest.mark.parametrize("rules", [MOVES, FIXED])
def test_a_writer_that_the_monitor_cannot_see_goes_on_with_an_alarm(db, rules):
    """However long: its own user was refused, that is all."""
    db.saw(1.0).failed(50.0, Failure.DENIED, why="Access denied")
    alarm = (
        "the monitor cannot see whether db takes writes: the monitor may not log in: "
        "Access denied"
    )
    assert decide(db, rules=rules, now=50.0) == Plan(writer="db", alarms=(alarm,))


@pytest.mark.parametrize(
    ("unseen", "says"), [(("@@read_only",), "@@read_only"), ((), "it does not say")]
)
def test_a_writer_that_does_not_tell_goes_on_with_an_alarm(db, unseen, says):
    """A monitor without rights is no reason to stop everybody."""
    db.saw(1.0, writable=None, unseen=unseen)
    alarm = f"the monitor cannot see whether db takes writes: {says}"
    assert decide(db) == Plan(writer="db", alarms=(alarm,))
    db.health.turn_away("1836", 1.2)
    assert decide(db, rules=FIXED).hold == "db takes no writes: 1836"
    assert decide(db).hold


@pytest.mark.parametrize("rules", [MOVES, FIXED])
def test_a_writer_that_is_blind_and_dead_is_waited_for(db, rules):
    """That its monitor was refused before is no proof of life."""
    db.failed(1.0, Failure.DENIED).failed(1.2, times=3)
    assert decide(db, rules=rules).hold.startswith("db: it cannot be connected to")


@pytest.mark.parametrize("rules", [MOVES, FIXED])
def test_an_unseen_writer_that_turned_traffic_away_is_tried_again_by_traffic(db, rules):
    """No look will ever say otherwise: nobody waits for one."""
    db.failed(1.0, Failure.DENIED).health.turn_away("1290 --read-only", 1.2)
    assert decide(db, rules=rules).hold
    db.failed(2.9, Failure.DENIED)
    assert decide(db, rules=rules, now=3.1).hold
    assert decide(db, rules=rules, now=3.2).hold == ""
    assert decide(db, rules=FIXED, now=3.1).again_at == 3.2


def test_an_unseen_writer_that_turned_traffic_away_is_followed_by_who_takes_writes(db, sub):
    """Traffic is proof enough that it is another one."""
    db.saw(1.0).failed(1.1, Failure.FULL).health.turn_away("1290 --read-only", 1.2)
    assert decide(db, sub.saw(1.3)).writer == "sub"


def test_a_target_that_cannot_be_seen_does_not_become_the_writer(db, sub):
    """A look that saw it take writes is not the last one."""
    db.failed(1.0, times=3)
    sub.saw(1.0).failed(1.1, Failure.ODD)
    assert sub.health.condition is Condition.GOOD
    assert decide(db, sub).writer == "db"
