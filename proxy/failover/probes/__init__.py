"""One look at a target: a probe for each topology, and what a failed look means."""

from proxy.failover.probes.asking import Probe
from proxy.failover.probes.choice import probe_for
from proxy.failover.probes.failures import failure_of

__all__ = ["Probe", "failure_of", "probe_for"]
