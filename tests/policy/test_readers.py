"""Tests of `proxy.policy.readers`."""

from __future__ import annotations

import attrs
import pytest

from proxy.policy.observation import Failure
from proxy.policy.readers import FIRST_SHARE, LAG_RETURN, Reader, ReaderRules, shares
from tests.support.looked_at import Target

RULES = ReaderRules(max_replica_lag=10.0, slow_start=0.0)
SLOW = attrs.evolve(RULES, slow_start=10.0)
ALONE = attrs.evolve(RULES, alone=True)


class Replica(Target):
    """A replica of db, and how it is as a reader."""

    def __init__(self, name):
        super().__init__(name)
        self.reader = Reader(name, self.health)

    def is_at(self, at, **what):
        """What a look saw; its replication runs and has nothing left to do, unless said."""
        usual = {"writable": False, "sources": ("db:3306",), "replicates": True}
        return self.saw(at, **(usual | {"lag_seconds": 0.0} | what))

    def serves(self, at, rules=RULES, *, writes=True):
        """Whether it serves by now; it says why where it does not."""
        serves = self.reader.judge(rules, at, writes=writes)
        assert bool(self.reader.why) is not serves
        assert (self.reader.since is not None) is serves
        return serves


@pytest.fixture
def one():
    """A replica that was not looked at yet."""
    return Replica("one")


def shared(*replicas, at, rules=RULES, **more):
    """The shares of several."""
    return shares([replica.reader for replica in replicas], rules, at, **more)


def test_a_reader_serves_once_it_was_seen_well(one):
    """Not before: it may be an hour behind."""
    assert not one.serves(0.5)
    assert one.reader.why == "it has not been looked at yet"
    assert one.reader.share(RULES, 0.5) == 0.0
    assert one.is_at(1.0).serves(1.0)
    assert (one.reader.since, one.reader.share(RULES, 1.0)) == (1.0, 1.0)
    assert one.is_at(2.0).serves(2.0)
    assert one.reader.since == 1.0


# Trouble


def test_one_lost_packet_moves_no_clients_of_a_reader(one):
    """It serves on until looks have found it gone, and its share does not start anew."""
    one.is_at(1.0).serves(1.0)
    assert one.failed(2.0, Failure.SILENT).serves(2.0)
    assert one.is_at(2.1).serves(2.1)
    assert one.reader.since == 1.0
    assert not one.failed(3.0, times=3).serves(3.0)
    assert one.reader.why == Failure.REFUSED.value


def test_a_reader_of_which_the_last_look_failed_does_not_begin_to_serve(one):
    """There is no hurry; a doubt of traffic's is no reason against it."""
    one.is_at(1.0).failed(1.1)
    assert not one.serves(1.2)
    one.is_at(1.3).health.doubt("a client lost its connection", 1.4)
    assert one.serves(1.4)


def test_a_reader_that_is_back_is_watched_first(one):
    """Then it begins with a small share again."""
    one.is_at(1.0).serves(1.0, SLOW)
    one.failed(20.0, times=3).serves(20.0, SLOW)
    assert not one.is_at(21.0).serves(21.0, SLOW)
    assert one.is_at(22.0).serves(22.0, SLOW)
    assert one.reader.share(SLOW, 22.0) == FIRST_SHARE


def test_a_member_without_a_quorum_serves_no_reads(one):
    """It would tell of the past."""
    one.is_at(1.0).serves(1.0)
    assert not one.is_at(2.0, serves=False, why="it has no quorum").serves(2.0)
    assert one.reader.why == "it has no quorum"


# Lag


def test_a_reader_that_lags_is_left_out_until_it_has_caught_up(one):
    """It comes back well below the limit only, so that it does not come and go at it."""
    assert one.is_at(1.0, lag_seconds=0.0).serves(1.0)
    assert one.is_at(2.0, lag_seconds=10.0).serves(2.0)
    assert not one.is_at(3.0, lag_seconds=30.0).serves(3.0)
    assert one.reader.why == "it is 30 s behind the writer"
    assert not one.is_at(4.0, lag_seconds=10.0).serves(4.0)
    assert not one.is_at(5.0, lag_seconds=10 * LAG_RETURN + 0.1).serves(5.0)
    assert one.is_at(6.0, lag_seconds=10 * LAG_RETURN).serves(6.0)
    assert one.is_at(7.0, lag_seconds=9.9).serves(7.0)


def test_a_reader_whose_lag_is_not_known_serves(one):
    """Galera nodes, and groups, tell of none."""
    assert one.is_at(1.0, lag_seconds=None).serves(1.0)


def test_no_lag_at_all_can_be_demanded(one):
    """Zero is within a limit of zero."""
    strict = attrs.evolve(RULES, max_replica_lag=0.0)
    assert one.is_at(1.0, lag_seconds=0.0).serves(1.0, strict)
    assert not one.is_at(2.0, lag_seconds=1.0).serves(2.0, strict)


# Replication


def test_a_reader_whose_replication_has_stopped_serves_for_as_long_as_it_may_lag(one):
    """It tells no lag then, and gets older all the time."""
    stopped = {"replicates": False, "lag_seconds": None}
    one.is_at(1.0).serves(1.0)
    assert one.is_at(2.0, **stopped).serves(2.0)
    assert one.is_at(11.0, **stopped).serves(11.0)
    assert not one.is_at(11.1, **stopped).serves(11.1)
    assert one.reader.why == "its replication has stopped"
    assert one.is_at(12.0).serves(12.0)


def test_a_reader_that_was_never_seen_to_replicate_does_not_serve(one):
    """Nobody knows how old it is: not even while there is no writer to replicate from."""
    stopped = {"replicates": False, "lag_seconds": None}
    assert not one.is_at(1.0, **stopped).serves(1.0)
    assert not one.is_at(2.0, **stopped).serves(2.0, writes=False)


def test_a_reader_that_was_away_is_not_taken_for_current_when_it_comes_back(one):
    """Its replication has stood still for an hour; that the writer has died is no excuse."""
    one.is_at(1.0).serves(1.0)
    for turn in range(3600):
        one.failed(2.0 + turn)
        one.serves(2.0 + turn)
    stopped = {"replicates": False, "lag_seconds": None}
    one.is_at(3602.0, **stopped).is_at(3603.0, **stopped)
    assert not one.serves(3603.0)
    assert one.reader.why == "its replication has stopped"
    assert not one.is_at(3604.0, **stopped).serves(3604.0, writes=False)


def test_while_there_is_no_writer_a_reader_without_replication_serves_on(one):
    """There is nothing that it could lack; it has max_replica_lag to follow the new writer."""
    stopped = {"replicates": False, "lag_seconds": None}
    one.is_at(1.0).serves(1.0)
    for turn in range(60):
        assert one.is_at(2.0 + turn, **stopped).serves(2.0 + turn, writes=False)
    assert one.is_at(71.0, **stopped).serves(71.0)
    assert not one.is_at(71.1, **stopped).serves(71.1)


def test_readers_serve_that_are_found_while_the_writer_is_away(one):
    """They have all that there is, as far as anybody knows."""
    one.is_at(1.0, replicates=False, lag_seconds=None)
    assert shared(one, at=1.0, writes=False) == {"one": 1.0}


@pytest.mark.parametrize(
    ("rules", "unseen", "serves"),
    [(RULES, (), False), (ALONE, (), True), (RULES, ("SHOW REPLICA STATUS",), True)],
)
def test_a_reader_that_replicates_from_nobody_is_not_kept_up_to_date(
    one, rules, unseen, serves
):
    """Unless all that there are do so, or the monitor may not see it."""
    one.is_at(1.0, sources=(), replicates=None, lag_seconds=None, unseen=unseen)
    assert one.serves(1.0, rules) is serves
    assert serves or one.reader.why == "it replicates from nobody"


# A monitor that cannot look


@pytest.mark.parametrize("failure", [Failure.DENIED, Failure.FULL])
def test_a_reader_that_the_monitor_cannot_see_stays_what_it_was(one, failure):
    """One that serves goes on; one that was too far behind is not taken for current."""
    assert one.failed(1.0, failure).serves(1.0)
    one.is_at(2.0).serves(2.0)
    assert one.failed(60.0, failure).serves(60.0)
    one.is_at(61.0, lag_seconds=900.0).serves(61.0)
    assert not one.failed(62.0, failure).serves(62.0)
    one.is_at(63.0, replicates=False, lag_seconds=None).serves(63.0)
    assert not one.failed(99.0, failure).serves(99.0)


# Shares


def test_readers_that_are_there_from_the_start_have_full_shares(one):
    """There is nobody whom their clients could spare them."""
    two, gone = Replica("two"), Replica("gone").failed(1.0, times=3)
    found = shared(one.is_at(1.0), two.is_at(1.0), gone, at=1.0, rules=SLOW)
    assert found == {"one": 1.0, "two": 1.0}


def test_a_new_reader_gets_its_full_share_little_by_little(one):
    """Its caches are cold."""
    two = Replica("two")
    shared(one.is_at(1.0), two, at=1.0, rules=SLOW)
    two.is_at(100.0)
    one.is_at(100.0)
    assert shared(one, two, at=100.0, rules=SLOW) == {"one": 1.0, "two": FIRST_SHARE}
    assert shared(one, two, at=105.0, rules=SLOW) == {"one": 1.0, "two": 0.5}
    assert shared(one, two, at=110.0, rules=SLOW) == {"one": 1.0, "two": 1.0}
    assert shared(one, two, at=500.0, rules=SLOW) == {"one": 1.0, "two": 1.0}


def test_a_new_reader_that_is_the_only_one_has_all(one):
    """A share is one of what is there."""
    two = Replica("two")
    shared(one.is_at(1.0), two, at=1.0, rules=SLOW)
    shared(one, two.is_at(100.0), at=100.0, rules=SLOW)
    assert shared(one.failed(101.0, times=3), two, at=101.0, rules=SLOW) == {"two": 1.0}


def test_without_slow_start_all_shares_are_full(one):
    """And where nobody serves there is none."""
    two = Replica("two")
    assert shared(one, two, at=0.5) == {}
    assert shared(one.is_at(1.0), two, at=1.0) == {"one": 1.0}
    assert shared(one, two.is_at(50.0), at=50.0) == {"one": 1.0, "two": 1.0}
