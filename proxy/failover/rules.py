"""What a configuration wants of the plan."""

from __future__ import annotations

from proxy.config.failover import SplitBrain, Topology
from proxy.config.model import TargetGroup
from proxy.policy.failover import Rules


def rules_of(group: TargetGroup) -> Rules:
    """The rules for the writer of a group."""
    config = group.failover
    return Rules(
        moves=group.topology is not Topology.STATIC,
        several_writers=group.topology is Topology.GALERA,
        refuses_split_brain=config.split_brain is SplitBrain.REFUSE,
        fences=config.fence,
        # The looks of two periods, as the second one may take its time.
        trust_seconds=config.probe_interval + config.probe_timeout + config.doubt_interval,
        min_switch_interval=config.min_switch_interval,
    )
