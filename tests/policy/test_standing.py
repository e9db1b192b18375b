"""Tests of `proxy.policy.standing`."""

from __future__ import annotations

import pytest

from proxy.policy.standing import OperationRefusedError, ProxyStatus, TargetStatus


def test_a_target_begins_unknown():
    """Of a target that nobody has looked at yet, nothing is claimed."""
    status = TargetStatus(address="db1:3306")
    assert (status.role, status.state) == ("", "REGISTERING")
    assert (status.lag_seconds, status.seen_seconds_ago, status.writable) == (None,) * 3
    assert not status.draining


@pytest.mark.parametrize("wrong", [{"role": "WRITER"}, {"state": "DOWN"}])
def test_roles_and_states_are_those_of_rds_proxy(wrong):
    """Another word is a mistake of ours, and is found where it is made."""
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        TargetStatus(address="db1:3306", **wrong)


def test_a_proxy_begins_with_nobody():
    """Nobody is held, and there is no writer before one was seen."""
    status = ProxyStatus(name="shop")
    assert (status.writer, status.held, status.paused, status.last_switch) == (
        None,
        False,
        False,
        None,
    )


def test_a_refusal_says_why():
    """The reason is there for the operator, and in the log."""
    error = OperationRefusedError("db2:3306 lacks transactions")
    assert error.why == str(error) == "db2:3306 lacks transactions"
