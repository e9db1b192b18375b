"""Servers that replicate from one another, asynchronously or semi-synchronously.

Sources: MySQL manual, "SHOW REPLICA STATUS Statement", "SHOW REPLICAS Statement" and, before
8.0.22, "SHOW SLAVE STATUS" and "SHOW SLAVE HOSTS"; MariaDB knowledge base, "SHOW REPLICA
STATUS" and "SHOW REPLICA HOSTS".  A normal look takes two round trips, with discovery three.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from proxy.failover.probes.asking import Asking, Probe, Row
from proxy.failover.probes.facts import Facts, address_of, ask_facts, value_of
from proxy.policy.gtids import parse
from proxy.policy.observation import Member, Seen
from proxy.vocabulary import ServerKind

_SAYS_REPLICA: Final = 80022
"""MySQL's first version with SHOW REPLICA STATUS; 8.4 has no SHOW SLAVE STATUS any more."""

_STATUS = "its replication and lag (SHOW REPLICA STATUS: REPLICATION CLIENT)"
_STATUS_MARIADB = "its replication and lag (SHOW ALL SLAVES STATUS: REPLICA MONITOR)"
_REPLICAS = "its replicas (SHOW REPLICAS: REPLICATION SLAVE)"
_REPLICAS_MARIADB = "its replicas (SHOW SLAVE HOSTS: REPLICATION MASTER ADMIN)"


@attrs.frozen(kw_only=True)
class Told:
    """What a server told.

    Attributes:
        facts: Its variables.
        status: A row for each source; None where that cannot be seen.
        replicas: A row for each replica; None where that cannot be seen or was not asked.
    """

    facts: Facts
    status: Sequence[Row] | None
    replicas: Sequence[Row] | None = None


class ReplicationProbe(Probe):
    """Looks at a server that may replicate from others.

    Args:
        discovers: Whether replicas are asked for.
    """

    def __init__(self, *, discovers: bool = False) -> None:
        super().__init__()
        self._discovers = discovers

    async def ask(self, asking: Asking) -> Seen:
        """See `Probe`."""
        told = await ask_replication(asking, discovers=self._discovers)
        return seen_of(told, asking.unseen)


async def ask_replication(asking: Asking, *, discovers: bool) -> Told:
    """Ask for what decides first, then for sources and replicas.

    Raises:
        BackendLostError: as `Asking.rows` does.
    """
    facts = await ask_facts(asking)
    mariadb = facts.kind is ServerKind.MARIADB
    newer = not mariadb and facts.version_number >= _SAYS_REPLICA
    all_slaves = b"SHOW ALL SLAVES STATUS" if mariadb else b"SHOW SLAVE STATUS"
    status = await asking.rows_if_any(
        b"SHOW REPLICA STATUS" if newer else all_slaves,
        _STATUS_MARIADB if mariadb else _STATUS,
    )
    replicas = None
    if discovers:
        replicas = await asking.rows_if_any(
            b"SHOW REPLICAS" if newer else b"SHOW SLAVE HOSTS",
            _REPLICAS_MARIADB if mariadb else _REPLICAS,
        )
    return Told(facts=facts, status=status, replicas=replicas)


def seen_of(told: Told, unseen: Sequence[str]) -> Seen:
    """What a server's words come to.

    One that replicates and is not read-only counts as writable: its `sources` show the rest.

    Args:
        told: Its words.
        unseen: See `Seen`.
    """
    facts = told.facts
    channels = channels_of(told.status or ())
    replicas = (_replica(row) for row in told.replicas or ())
    offline = facts.is_on("offline_mode")
    return Seen(
        server=facts.server,
        version=facts.version,
        writable=not facts.bar,
        serves=not offline,
        why="offline_mode is on" if offline else facts.bar,
        position=facts.position,
        sources=tuple(filter(None, map(_source, channels))),
        replicates=all(map(_runs, channels)) if channels else None,
        lag_seconds=_lag(channels),
        members=tuple(Member(address=address) for address in replicas if address),
        unseen=tuple(unseen),
    )


def channels_of(status: Sequence[Row]) -> list[Row]:
    """Those that have a source; the channels of a replication group have members instead."""
    return [
        row
        for row in status
        if not value_of(row, "channel_name").startswith("group_replication_")
    ]


def _source(row: Row) -> str:
    return address_of(
        value_of(row, "source_host", "master_host"), value_of(row, "source_port", "master_port")
    )


def _replica(row: Row) -> str:
    """Empty for a replica that has no report_host."""
    return address_of(value_of(row, "host"), value_of(row, "port"))


def _runs(row: Row) -> bool:
    """Whether it receives and applies; a receiver that says Connecting does not."""
    receives = value_of(row, "replica_io_running", "slave_io_running")
    applies = value_of(row, "replica_sql_running", "slave_sql_running")
    return receives == applies == "Yes"


def _lag(channels: Sequence[Row]) -> float | None:
    """Seconds behind the source that it is furthest behind; None where one is not known."""
    lags = [_lag_of(row) for row in channels]
    known = [lag for lag in lags if lag is not None]
    return max(known) if known and len(known) == len(lags) else None


def _lag_of(row: Row) -> float | None:
    """Seconds behind a source; NULL, so None, while one of the two threads is stopped.

    A multi-threaded replica moves Seconds_Behind_Source on at its checkpoints only, and shows
    seconds where it is up to date: then it has executed all that it has received.
    """
    told = value_of(row, "seconds_behind_source", "seconds_behind_master")
    if not told.isdecimal():
        return None
    received = parse(value_of(row, "retrieved_gtid_set"))
    executed = parse(value_of(row, "executed_gtid_set"))
    if received and executed and not received.is_empty and executed.contains(received):
        return 0.0
    return float(told)
