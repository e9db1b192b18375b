"""Tests of `proxy.policy.observation`."""

from __future__ import annotations

import pytest

from proxy.policy.observation import Failure, Look, Member, Seen


@pytest.mark.parametrize("failure", list(Failure))
def test_some_failures_say_more_of_the_monitor_than_of_the_target(failure):
    """A target that refuses the monitor's user, or is full, may serve everybody else."""
    blind = failure.name in {"FULL", "DENIED", "ODD"}
    assert failure.is_blindness is blind


def test_what_is_not_told_is_not_taken_for_bad():
    """A target that shows its id and version only can be read from, and may be written to."""
    seen = Seen(server="a", version="9.7.4", writable=None)
    assert seen.serves
    assert (seen.replicates, seen.lag_seconds, seen.position) == (None, None, None)
    assert (seen.sources, seen.members, seen.unseen, seen.why) == ((), (), (), "")
    assert Member(address="db:3306").online
    assert Member(address="db:3306").writes is None


def test_looks_are_values():
    """Two that saw the same in the same time are the same."""
    seen = Seen(server="a", version="9.7.4", writable=True)
    assert Look(began=1.0, ended=1.5, seen=seen) == Look(began=1.0, ended=1.5, seen=seen)
    failed = Look(began=1.0, ended=2.0, failure=Failure.SILENT, why="no answer")
    assert failed.seen is None
    assert len({failed, Look(began=1.0, ended=1.5, seen=seen)}) == 2
