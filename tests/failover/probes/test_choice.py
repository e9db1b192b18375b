"""Tests of `proxy.failover.probes.choice`."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.failover.probes import Probe, probe_for

KINDS = {
    Topology.STATIC: "ReplicationProbe",
    Topology.REPLICATION: "ReplicationProbe",
    Topology.GROUP_REPLICATION: "GroupReplicationProbe",
    Topology.GALERA: "GaleraProbe",
    Topology.AURORA: "AuroraProbe",
}


@pytest.mark.parametrize("topology", list(Topology))
def test_every_topology_has_its_probe(topology):
    """Each target gets one of its own, for it remembers what its target refused."""
    one, other = probe_for(topology), probe_for(topology, discovers=True)
    assert isinstance(one, Probe)
    assert type(one).__name__ == type(other).__name__ == KINDS[topology]
    assert one is not other
