"""Tests of `proxy.policy.health`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.health import STATES, Condition, Health, Patience
from proxy.policy.observation import Failure, Look, Seen

BLIND = (Failure.DENIED, Failure.FULL, Failure.ODD)
PATIENCE = Patience(unavailable_after=3, available_after=2, probe_timeout=1.0)


def saw(began, *, ended=None, **what):
    """A look that went well."""
    what.setdefault("writable", True)
    seen = Seen(server="a", version="9.7.4", **what)
    return Look(began=began, ended=began + 0.01 if ended is None else ended, seen=seen)


def failed(began, failure=Failure.REFUSED, *, ended=None, why=""):
    """A look that failed."""
    ended = began + 0.01 if ended is None else ended
    return Look(began=began, ended=ended, failure=failure, why=why)


def patience_of(unavailable_after):
    """The usual patience, but for one thing."""
    return Patience(unavailable_after, PATIENCE.available_after, PATIENCE.probe_timeout)


def good(patience=PATIENCE):
    """A target that was seen well at 1 s."""
    health = Health(patience, 0.0)
    health.feed(saw(1.0))
    return health


def traits(health):
    """Which of the three it is: usable, writable, read-only."""
    return tuple(
        name
        for name, holds in (
            ("usable", health.is_usable),
            ("writable", health.is_writable),
            ("read-only", health.is_read_only),
        )
        if holds
    )


def bad():
    """A target that refuses connections since 2.3 s."""
    health = good()
    for began in (2.1, 2.2, 2.3):
        health.feed(failed(began))
    assert health.condition is Condition.BAD
    return health


def test_a_target_is_unknown_until_somebody_has_looked():
    """RDS Proxy calls that REGISTERING; nobody is lent it, and it is not thought dead."""
    health = Health(PATIENCE, 7.0)
    assert (health.condition, health.since) == (Condition.UNKNOWN, 7.0)
    assert STATES[health.condition] == "REGISTERING"
    assert traits(health) == ()
    assert not health.is_trusted
    assert not health.was_seen_within(1e9, 7.0)
    assert repr(health) == "<Health UNKNOWN: it has not been looked at yet>"


def test_the_first_good_look_is_enough():
    """Hysteresis is for those who were away: a start does not take longer than it must."""
    health = Health(PATIENCE, 0.0)
    assert health.feed(saw(1.0))
    assert health.condition is Condition.GOOD
    assert health.is_writable
    assert not health.is_read_only
    assert not health.feed(saw(2.0))
    assert repr(health) == "<Health GOOD>"


def test_a_target_that_is_away_from_the_start_is_bad_in_the_end():
    """Until then nothing is known of it."""
    health = Health(PATIENCE, 0.0)
    assert not health.feed(failed(0.1))
    assert not health.feed(failed(0.2))
    assert health.condition is Condition.UNKNOWN
    assert health.feed(failed(0.3, why="ECONNREFUSED"))
    assert health.condition is Condition.BAD
    assert health.why == "it cannot be connected to: ECONNREFUSED"


@pytest.mark.parametrize("failure", [one for one in Failure if one not in BLIND])
def test_one_lost_packet_moves_nobody(failure):
    """A single failed look makes a target doubtful; the next good one ends that."""
    health = good()
    health.feed(failed(2.0, failure))
    assert health.condition is Condition.DOUBTFUL
    assert STATES[health.condition] == "AVAILABLE"
    assert health.is_usable
    assert not health.is_trusted
    health.feed(saw(2.1))
    assert (health.condition, health.failure, health.why) == (Condition.GOOD, None, "")


def test_a_target_that_refuses_is_bad_after_so_many_looks():
    """As many as unavailable_after says, and in a row."""
    health = good()
    for began in (2.1, 2.2):
        health.feed(failed(began))
    health.feed(saw(2.3))
    for began in (2.4, 2.5):
        health.feed(failed(began))
        assert health.condition is Condition.DOUBTFUL
    health.feed(failed(2.6))
    assert (health.condition, health.since) == (Condition.BAD, 2.61)
    assert STATES[health.condition] == "UNAVAILABLE"
    assert health.failure is Failure.REFUSED
    assert traits(health) == ()


@pytest.mark.parametrize("unavailable_after", [2, 3, 10])
def test_two_silent_looks_are_enough(unavailable_after):
    """Each has taken as long as a look may: a frozen host is not waited for ten times."""
    health = good(patience_of(unavailable_after))
    health.feed(failed(2.0, Failure.SILENT, ended=3.0))
    assert health.condition is Condition.DOUBTFUL
    health.feed(failed(2.1, Failure.SILENT, ended=3.1))
    assert health.condition is Condition.BAD


def test_without_patience_the_first_failure_is_enough():
    """Whoever wants it so gets it, for silence too."""
    for failure in (Failure.REFUSED, Failure.SILENT):
        health = good(patience_of(1))
        health.feed(failed(2.0, failure))
        assert health.condition is Condition.BAD


def test_a_look_that_hung_says_nothing_once_a_later_one_went_well():
    """It waited over a connection that leads nowhere; the target is well."""
    health = good()
    health.feed(saw(2.3))
    assert not health.feed(failed(2.0, Failure.SILENT, ended=3.0))
    assert not health.feed(failed(2.1, Failure.SILENT, ended=3.1))
    assert health.condition is Condition.GOOD


def test_an_older_picture_does_not_take_the_place_of_a_newer_one():
    """Looks over two connections end in any order."""
    health = good()
    health.feed(saw(3.0, writable=False))
    health.feed(saw(2.0, ended=3.5, writable=True))
    assert health.is_read_only
    assert health.seen_at == 3.0


def test_a_look_that_was_broken_off_is_nothing():
    """It neither saw nor failed."""
    health = good()
    assert not health.feed(Look(began=2.0, ended=2.5))
    assert health.condition is Condition.GOOD


def test_who_comes_back_is_watched_before_it_is_used():
    """One good look is not enough: it takes available_after of them, in a row."""
    health = bad()
    assert health.feed(saw(3.0))
    assert health.condition is Condition.RECOVERING
    assert STATES[health.condition] == "UNAVAILABLE"
    assert not health.is_usable
    assert not health.is_writable
    assert health.feed(failed(3.1))
    assert health.condition is Condition.BAD
    health.feed(saw(3.2))
    assert health.condition is Condition.RECOVERING
    health.feed(saw(3.3))
    assert health.condition is Condition.GOOD
    assert health.is_writable


def test_who_comes_and_goes_stays_away():
    """A target of which every other look fails is never lent."""
    health = bad()
    for turn in range(20):
        health.feed(saw(3.0 + turn))
        health.feed(failed(3.5 + turn))
        assert not health.is_usable


def test_a_bad_target_stays_bad_while_looks_fail():
    """The reason is the latest, and the time is that of the change."""
    health = bad()
    since = health.since
    assert not health.feed(failed(3.0, Failure.SILENT))
    assert (health.condition, health.since) == (Condition.BAD, since)
    assert health.why == Failure.SILENT.value


def test_a_member_that_lost_its_quorum_is_bad_at_once():
    """It says so itself, so that no second look is needed; its way back is that of others."""
    health = good()
    health.feed(saw(2.0, writable=False, serves=False, why="it has no quorum"))
    assert (health.condition, health.why) == (Condition.BAD, "it has no quorum")
    health.feed(failed(2.1))
    assert health.condition is Condition.BAD
    health.feed(saw(2.2))
    assert health.condition is Condition.RECOVERING
    health.feed(saw(2.3, writable=False, serves=False))
    assert (health.condition, health.why) == (Condition.BAD, "it does not serve")


# A monitor that cannot look


@pytest.mark.parametrize("failure", BLIND)
def test_a_blind_monitor_is_not_taken_for_a_dead_database(failure):
    """Somebody has answered; the monitor's trouble is told, and the target stays in use."""
    health = good()
    for began in range(2, 20):
        health.feed(failed(float(began), failure, why="Access denied"))
        assert health.condition is Condition.GOOD
    assert health.blind == f"{failure.value}: Access denied"
    assert health.is_usable
    assert health.is_trusted
    health.feed(saw(30.0))
    assert health.blind == ""


def test_a_monitor_that_never_saw_anything_does_not_keep_a_target_from_serving():
    """It is alive, that is all that is known."""
    health = Health(PATIENCE, 0.0)
    assert health.feed(failed(1.0, Failure.DENIED))
    assert health.condition is Condition.GOOD
    assert traits(health) == ("usable",)


def test_a_blind_look_ends_a_doubt():
    """The target has answered; looks that failed before do not count any more."""
    health = good()
    health.feed(failed(2.0))
    health.feed(failed(2.1))
    health.feed(failed(2.2, Failure.FULL))
    assert health.condition is Condition.GOOD
    health.feed(failed(2.3))
    assert health.condition is Condition.DOUBTFUL


def test_a_dead_target_that_answers_blindly_is_watched_as_any_other():
    """A server that is being started is full, or refuses, for a moment."""
    health = bad()
    health.feed(failed(3.0, Failure.FULL))
    assert health.condition is Condition.RECOVERING
    health.feed(failed(3.1))
    assert health.condition is Condition.BAD
    health.feed(failed(3.2, Failure.FULL))
    health.feed(failed(3.3, Failure.FULL))
    assert health.condition is Condition.GOOD


def test_who_was_seen_not_to_serve_is_not_believed_to_because_it_is_full():
    """A member without a quorum has no connection to spare: all its clients hang."""
    health = good()
    health.feed(saw(2.0, writable=False, serves=False, why="it has no quorum"))
    for began in (3.0, 4.0, 5.0):
        health.feed(failed(began, Failure.FULL))
        assert not health.is_usable
    assert health.blind


def test_traffic_that_doubts_a_target_which_nobody_sees_is_a_mere_doubt():
    """The refusal of the monitor's user is no failure of the target."""
    health = good()
    health.feed(failed(2.0, Failure.DENIED))
    assert health.doubt("a client lost its connection", 2.5)
    assert health.condition is Condition.DOUBTFUL
    assert health.is_trusted
    health.feed(failed(3.0, Failure.LOST))
    assert not health.is_trusted


# What traffic tells


def test_traffic_may_doubt_a_target_and_no_more():
    """A connection that was lost makes one look; it takes looks to move anybody."""
    health = good()
    for turn in range(50):
        assert health.doubt("a client lost its connection", 2.0 + turn) is (turn == 0)
    assert (health.condition, health.since) == (Condition.DOUBTFUL, 2.0)
    assert health.is_trusted
    assert health.is_writable


def test_nobody_doubts_what_is_known_to_be_bad():
    """Nor what is not known at all."""
    for health in (bad(), Health(PATIENCE, 0.0)):
        before = health.condition
        assert not health.doubt("refused", 9.0)
        assert health.condition is before


def test_a_writer_that_turned_traffic_away_takes_no_writes_until_a_later_look_says_so():
    """A look that was under way then has seen the time before."""
    health = good()
    health.feed(saw(1.9))
    health.turn_away("1290 --read-only", 2.0)
    assert health.condition is Condition.DOUBTFUL
    assert health.is_read_only
    assert not health.is_writable
    health.feed(saw(1.95, ended=2.1))
    health.feed(saw(2.0, ended=2.2))
    assert health.is_read_only
    assert not health.is_writable
    health.feed(saw(2.3))
    assert health.is_writable
    assert not health.is_read_only


def test_who_was_turned_away_before_any_look_has_been_told_so():
    """Traffic may be first."""
    health = Health(PATIENCE, 0.0)
    health.turn_away("1836", 0.0)
    assert not health.is_read_only
    health.feed(failed(0.5, Failure.DENIED))
    assert health.is_read_only


def test_a_replica_is_known_not_to_take_writes():
    """What nobody could see is neither the one nor the other."""
    health = good()
    health.feed(saw(2.0, writable=False))
    assert health.is_read_only
    assert not health.is_writable
    health.feed(failed(2.5, Failure.DENIED))
    assert not health.is_read_only
    health.feed(saw(3.0, writable=None))
    assert traits(health) == ("usable",)


def test_what_was_seen_gets_old():
    """It counts from the beginning of the look, which is when the server may have said it."""
    health = Health(PATIENCE, 0.0)
    health.feed(saw(1.0, ended=1.9))
    assert health.was_seen_within(2.0, 3.0)
    assert not health.was_seen_within(2.0, 3.1)


looks_ = st.lists(
    st.one_of(
        st.sampled_from(["good", "read-only", "without quorum"]),
        st.sampled_from([*Failure]),
    ),
    max_size=30,
)


@given(looks_)
def test_whatever_was_seen_enough_good_looks_make_a_target_good_again(story):
    """There is no state without a way out; and none but GOOD says that all is well."""
    health = Health(PATIENCE, 0.0)
    for turn, what in enumerate(story):
        began = 1.0 + turn
        if isinstance(what, Failure):
            health.feed(failed(began, what))
        else:
            health.feed(saw(began, writable=what == "good", serves=what != "without quorum"))
        assert (health.why == "") is (health.condition is Condition.GOOD)
        assert health.is_usable or not (health.is_writable or health.is_read_only)
    for turn in range(PATIENCE.available_after):
        health.feed(saw(100.0 + turn))
    assert health.condition is Condition.GOOD
    assert health.is_writable
    for turn in range(PATIENCE.unavailable_after):
        health.feed(failed(200.0 + turn))
    assert health.condition is Condition.BAD
