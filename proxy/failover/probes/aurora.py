"""An instance of Amazon Aurora, or of a Multi-AZ DB cluster of Amazon RDS.

Sources: Aurora user guide, "Aurora MySQL-specific information_schema tables"
(replica_host_status); RDS user guide, "Multi-AZ DB cluster deployments"; for the latter's table
mysql.rds_topology, the drivers that Amazon publishes.  A look takes two round trips at Aurora,
three at RDS.

All instances of Aurora share their storage, so none has transactions that another one lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from proxy.failover.probes import replication
from proxy.failover.probes.asking import Asking, Probe, Row
from proxy.failover.probes.facts import address_of, value_of
from proxy.failover.probes.failures import OddAnswerError
from proxy.policy.observation import Member, Seen

_FACTS: Final = (
    b"SELECT @@aurora_server_id, @@global.version, @@global.innodb_read_only, "
    b"@@global.read_only"
)
_INSTANCES: Final = (
    b"SELECT SERVER_ID, SESSION_ID, REPLICA_LAG_IN_MILLISECONDS, LAST_UPDATE_TIMESTAMP "
    b"FROM information_schema.replica_host_status"
)
_TOPOLOGY: Final = b"SELECT * FROM mysql.rds_topology"
"""With all columns: which ones there are depends on the engine's version."""

_UNSEEN_INSTANCES = (
    "the instances of its cluster (SELECT on information_schema.replica_host_status)"
)
_UNSEEN_TOPOLOGY = "the instances of its cluster (SELECT on mysql.rds_topology)"

WRITER_SESSION: Final = "MASTER_SESSION_ID"
"""SESSION_ID of the instance that writes; those of the others are unique."""

GONE_AFTER: Final = timedelta(minutes=5)
"""Rows of instances that were removed stay in the table for a while; Amazon's drivers leave
out those that are older by so much."""

GREEN: Final = "BLUE_GREEN_DEPLOYMENT_TARGET"
"""Role in mysql.rds_topology of an instance of the other set, until that is switched to."""


class AuroraProbe(Probe):
    """Looks at an instance of Aurora, or of RDS where there is no Aurora."""

    async def ask(self, asking: Asking) -> Seen:
        """See `Probe`."""
        found = await asking.rows_if_any(_FACTS, "whether it takes writes")
        if found is None:
            return await self._ask_rds(asking)
        if len(found) != 1:
            raise OddAnswerError(f"the server answers with {len(found)} rows instead of one")
        instances = await asking.rows_if_any(_INSTANCES, _UNSEEN_INSTANCES)
        return seen_of_aurora(found[0], instances or (), asking.unseen)

    async def _ask_rds(self, asking: Asking) -> Seen:
        told = await replication.ask_replication(asking, discovers=False)
        topology = await asking.rows_if_any(_TOPOLOGY, _UNSEEN_TOPOLOGY)
        return seen_of_rds(told, topology or (), asking.unseen)


def seen_of_aurora(facts: Row, instances: Sequence[Row], unseen: Sequence[str]) -> Seen:
    """What an instance of Aurora tells.

    Args:
        facts: Its only row about itself.
        instances: Rows of replica_host_status.
        unseen: See `Seen`.
    """
    server = value_of(facts, "@@aurora_server_id")
    bar = ""
    for name in ("read_only", "innodb_read_only"):
        if value_of(facts, f"@@global.{name}").upper() not in ("0", "OFF"):
            bar = f"{name} is on"
    own = [row for row in instances if value_of(row, "server_id") == server]
    return Seen(
        server=server,
        version=value_of(facts, "@@global.version"),
        writable=not bar,
        why=bar,
        lag_seconds=_lag(own[0]) if own and bar else None,
        members=_instances(instances),
        unseen=tuple(unseen),
    )


def _instances(rows: Sequence[Row]) -> tuple[Member, ...]:
    """Members by the ids of their instances.

    Rows are compared with the newest one, for the server's time zone and ours may differ.
    """
    updated = [_updated(row) for row in rows]
    newest = max((time for time in updated if time is not None), default=None)
    members = []
    for row, time in zip(rows, updated, strict=True):
        gone = time is None or (newest is not None and newest - time > GONE_AFTER)
        name = value_of(row, "server_id")
        writes = value_of(row, "session_id") == WRITER_SESSION
        if name:
            members.append(Member(address=name, writes=writes, online=writes or not gone))
    return tuple(members)


def _updated(row: Row) -> datetime | None:
    try:
        return datetime.fromisoformat(value_of(row, "last_update_timestamp"))
    except ValueError:
        return None


def _lag(row: Row) -> float | None:
    try:
        return float(value_of(row, "replica_lag_in_milliseconds")) / 1000
    except ValueError:
        return None


def seen_of_rds(told: replication.Told, topology: Sequence[Row], unseen: Sequence[str]) -> Seen:
    """What an instance of RDS tells: it may replicate, and know its cluster.

    A reader of a cluster replicates from the writer, the writer from nobody.

    Args:
        told: What it told of itself.
        topology: Rows of mysql.rds_topology; none where there is no cluster.
        unseen: See `Seen`.
    """
    seen = replication.seen_of(told, unseen)
    channels = replication.channels_of(told.status or ())
    writer = told.facts.values.get("server_id", "") if seen.writable else ""
    if channels and not seen.writable:
        writer = value_of(channels[0], "source_server_id", "master_server_id")
    members = []
    for row in topology:
        address = address_of(value_of(row, "endpoint"), value_of(row, "port"))
        if address and value_of(row, "role") != GREEN:
            writes = value_of(row, "id") == writer if writer else None
            members.append(Member(address=address, writes=writes))
    return attrs.evolve(seen, members=tuple(members))
