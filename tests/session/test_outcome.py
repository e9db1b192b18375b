"""Tests of `proxy.session.outcome`."""

from __future__ import annotations

from proxy.session.outcome import Outcome, Target
from proxy.vocabulary import ServerKind


def test_a_target_of_which_little_is_known_may_be_asked_little():
    """Rights that nobody has seen are not taken for granted; reports are the usual case."""
    target = Target(ServerKind.MYSQL)
    assert target.tracks
    assert not target.sees_user_variables
    assert not target.sees_locks
    assert (target.version, target.sql_mode) == (0, b"")


def test_an_outcome_is_that_of_a_statement_that_did_nothing():
    """What is not said did not happen: no failure, no warning, no row, no id."""
    outcome = Outcome(status=2, changes=[])
    assert not outcome.failed
    assert (outcome.warnings, outcome.row_count, outcome.insert_id) == (0, 0, 0)
    assert outcome.rows is None
    assert outcome.next_transaction is None
