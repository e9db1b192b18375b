"""Tests of `proxy.failover.rules`."""

import pytest

from proxy.config.failover import FailoverConfig, SplitBrain, Topology
from proxy.config.model import Target, TargetGroup
from proxy.failover.rules import rules_of


@pytest.mark.parametrize(
    ("topology", "moves", "several"),
    [
        (Topology.STATIC, False, False),
        (Topology.REPLICATION, True, False),
        (Topology.GROUP_REPLICATION, True, False),
        (Topology.GALERA, True, True),
        (Topology.AURORA, True, False),
    ],
)
def test_the_topology_says_whether_roles_move(topology, moves, several):
    """And whether several targets take writes as a matter of course."""
    rules = rules_of(TargetGroup(targets=(Target(address="a"),), topology=topology))
    assert (rules.moves, rules.several_writers) == (moves, several)


def test_a_look_is_trusted_until_the_next_one_is_overdue():
    """One that begins a period later may take its time."""
    failover = FailoverConfig(
        probe_interval=2.0,
        probe_timeout=0.5,
        doubt_interval=0.25,
        fence=True,
        split_brain=SplitBrain.REFUSE,
        min_switch_interval=7.0,
    )
    rules = rules_of(TargetGroup(targets=(Target(address="a"),), failover=failover))
    assert rules.trust_seconds == 2.75
    assert (rules.fences, rules.refuses_split_brain, rules.min_switch_interval) == (
        True,
        True,
        7,
    )
