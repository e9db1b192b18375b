"""Tests of `proxy.observe.metrics_now`."""

from __future__ import annotations

import attrs
import pytest

from proxy.observe.counters import TargetCounters
from proxy.observe.metrics_now import ProxyNow, TargetNow


def test_what_was_seen_does_not_change():
    """A look at a proxy is a value."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ProxyNow().max_clients = 5


def test_what_is_not_known_of_a_target_is_none():
    """How far it is behind, and when it was seen."""
    one = TargetNow(
        address="db", place="db:3306", target_role="READ_ONLY", counters=TargetCounters()
    )
    assert (one.target_lag_seconds, one.target_seen_age_seconds) == (None, None)
