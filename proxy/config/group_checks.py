"""Rules that look at several settings of a target group at once."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.address import TcpAddress
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import DEFAULT_TARGET_SET, Target, TargetGroup, TargetSet
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.problem import Finding, KeyPath, repeated
from proxy.config.tls import BackendTls, TlsMode
from proxy.vocabulary import Role

_SECOND_WRITER = (
    "is a second READ_WRITE target, and with the topology STATIC there is one: make it "
    "READ_ONLY, or name the topology by which the writer is found"
)


def find_faults_in_group(group: TargetGroup, path: KeyPath) -> Iterator[Finding]:
    """Say what does not go together in a target group, which stands at this path."""
    yield from _in_targets(group.targets, group.topology, (*path, "targets"))
    yield from _in_target_sets(group.target_sets, group.topology, (*path, "target_sets"))
    yield from _in_failover(group.failover, group.topology, (*path, "failover"))
    yield from _in_backend_tls(group.tls, (*path, "tls"))
    yield from _in_pool(group.connection_pool_config, (*path, "connection_pool_config"))


def lacking_readers(group: TargetGroup) -> Iterator[str]:
    """What a READ_ONLY endpoint would need, for each set of targets that cannot serve it."""
    if group.failover.fall_back_to_writer:
        return
    sets = ((one.name, one.targets) for one in group.target_sets)
    for name, targets in ((DEFAULT_TARGET_SET, group.targets), *sets):
        if group.topology is Topology.STATIC:
            need = "a READ_ONLY target"
            lacks = all(target.role is Role.READ_WRITE for target in targets)
        else:
            need = "a second target or failover.discover"
            lacks = len(targets) < 2 and not group.failover.discover
        if lacks:
            where = "" if name == DEFAULT_TARGET_SET else f" in the target set {name!r}"
            yield f"READ_ONLY needs {need}{where}, or failover.fall_back_to_writer"


def _in_target_sets(
    target_sets: tuple[TargetSet, ...], topology: Topology, path: KeyPath
) -> Iterator[Finding]:
    yield from repeated(((*path, i, "name"), one.name) for i, one in enumerate(target_sets))
    for i, one in enumerate(target_sets):
        if one.name == DEFAULT_TARGET_SET:
            yield (*path, i, "name"), f"{one.name!r} is the name of the group's own targets"
        yield from _in_targets(one.targets, topology, (*path, i, "targets"))


def _in_targets(
    targets: tuple[Target, ...], topology: Topology, path: KeyPath
) -> Iterator[Finding]:
    yield from repeated(
        ((*path, i, "address"), _place_of(target)) for i, target in enumerate(targets)
    )
    writers = [i for i, target in enumerate(targets) if target.role is Role.READ_WRITE]
    if not writers:
        yield path, "needs a READ_WRITE target"
    if topology is Topology.STATIC:
        for i in writers[1:]:
            yield (*path, i), _SECOND_WRITER


def _place_of(target: Target) -> str:
    """Its address, written in one way only: names of hosts are the same in any case."""
    place = target.place
    return str(place).lower() if isinstance(place, TcpAddress) else str(place)


def _in_failover(
    failover: FailoverConfig, topology: Topology, path: KeyPath
) -> Iterator[Finding]:
    doubt, usual = failover.doubt_interval, failover.probe_interval
    if doubt > usual:
        message = f"must not be above probe_interval: {doubt:g} is more than {usual:g}"
        yield (*path, "doubt_interval"), message
    if failover.discover and topology is Topology.STATIC:
        yield (
            (*path, "discover"),
            "does not go with the topology STATIC: all targets are listed",
        )
    has_pattern = failover.instance_host_pattern is not None
    if has_pattern and topology is not Topology.AURORA:
        message = f"does not go with the topology {topology.value}: it is for AURORA"
        yield (*path, "instance_host_pattern"), message
    if failover.discover and topology is Topology.AURORA and not has_pattern:
        message = "is needed with discover: Aurora tells of its instances by identifier"
        yield (*path, "instance_host_pattern"), message


def _in_backend_tls(tls: BackendTls, path: KeyPath) -> Iterator[Finding]:
    if (tls.certificate is None) != (tls.private_key is None):
        missing = "certificate" if tls.certificate is None else "private_key"
        yield (*path, missing), "is missing: a certificate and its key go together"
    if tls.mode is TlsMode.DISABLED and tls.certificate is not None:
        yield (*path, "certificate"), "is of no use with the mode disabled"


def _in_pool(pool: ConnectionPoolConfig, path: KeyPath) -> Iterator[Finding]:
    idle = pool.max_idle_connections_percent
    if idle is not None and idle > pool.max_connections_percent:
        limit = pool.max_connections_percent
        message = f"must not be above max_connections_percent: {idle} is more than {limit}"
        yield (*path, "max_idle_connections_percent"), message
