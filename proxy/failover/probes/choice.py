"""Which probe looks at the targets of a group."""

from __future__ import annotations

from typing import assert_never

from proxy.config.failover import Topology
from proxy.failover.probes.asking import Probe
from proxy.failover.probes.aurora import AuroraProbe
from proxy.failover.probes.galera import GaleraProbe
from proxy.failover.probes.group_replication import GroupReplicationProbe
from proxy.failover.probes.replication import ReplicationProbe


def probe_for(topology: Topology, *, discovers: bool = False) -> Probe:
    """A probe for one target.

    Args:
        topology: That of the target's group.
        discovers: Whether members are wanted where that takes a statement of its own: the
            members of a cluster are told in any case.
    """
    match topology:
        case Topology.STATIC | Topology.REPLICATION:
            return ReplicationProbe(discovers=discovers)
        case Topology.GROUP_REPLICATION:
            return GroupReplicationProbe()
        case Topology.GALERA:
            return GaleraProbe()
        case Topology.AURORA:
            return AuroraProbe()
        case _:
            assert_never(topology)
