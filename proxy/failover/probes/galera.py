"""A node of a Galera cluster (MariaDB, Percona XtraDB Cluster, MySQL with wsrep).

Sources: Galera documentation, "Galera Status Variables" and "Node Provisioning"; MariaDB
knowledge base, "Galera Cluster System Variables"; Percona XtraDB Cluster manual, "Maintenance
mode".  A look takes two round trips.  A node outside the cluster answers SHOW and SET only,
and each family has variables that the others have not: so all is asked by SHOW, which any
user may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from proxy.config.address import TcpAddress, parse_address
from proxy.failover.probes.asking import Asking, Probe, Row
from proxy.failover.probes.facts import Facts, value_of
from proxy.policy.gtids import Position, parse
from proxy.policy.observation import Member, Seen

_NAMES: Final = (
    *("version", "server_uuid", "server_id", "hostname", "port"),
    *("read_only", "super_read_only", "innodb_read_only", "offline_mode"),
    *("wsrep_on", "wsrep_desync", "wsrep_reject_queries", "wsrep_sst_donor_rejects_queries"),
    "pxc_maint_mode",
)
_VARIABLES: Final = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("
    + ", ".join(f"'{name}'" for name in _NAMES)
    + ")"
).encode()
_STATUS: Final = b"SHOW GLOBAL STATUS LIKE 'wsrep%'"

_SYNCED: Final = "4"
_DONOR: Final = "2"
"""Values of wsrep_local_state: in step with the cluster; gives its data to a node that joins,
or was told not to keep step (wsrep_desync)."""


class GaleraProbe(Probe):
    """Looks at a node of a Galera cluster."""

    async def ask(self, asking: Asking) -> Seen:
        """See `Probe`."""
        variables = await asking.rows(_VARIABLES)
        status = await asking.rows(_STATUS)
        return seen_of(Facts(asking.kind, pairs_of(variables)), pairs_of(status))


def pairs_of(rows: Sequence[Row]) -> dict[str, str]:
    """Names and values, as SHOW VARIABLES and SHOW STATUS tell them."""
    return {value_of(row, "variable_name").lower(): value_of(row, "value") for row in rows}


def seen_of(facts: Facts, status: Mapping[str, str]) -> Seen:
    """What a node's words come to.

    All nodes in step take writes, and which one shall is not theirs to say.  How far a node is
    behind, it does not tell in seconds.
    """
    apart = _apart(facts, status)
    addresses = status.get("wsrep_incoming_addresses", "").split(",")
    return Seen(
        server=facts.server,
        version=facts.version,
        writable=not apart and not facts.bar,
        serves=not apart,
        why=apart or facts.bar,
        position=_position(status),
        members=tuple(filter(None, map(_member, addresses))),
    )


def _apart(facts: Facts, status: Mapping[str, str]) -> str:
    """Why a node cannot be used for anything; empty when it can."""
    state = status.get("wsrep_local_state", "")
    described = status.get("wsrep_local_state_comment") or f"in state {state or 'none'}"
    partition = status.get("wsrep_cluster_status") or "none"
    maintenance = facts.values.get("pxc_maint_mode", "").upper()
    reasons = (
        (facts.is_on("offline_mode"), "offline_mode is on"),
        (not facts.is_on("wsrep_on"), "it is in no cluster: wsrep_on is off"),
        (partition != "Primary", f"its part of the cluster is {partition}, not Primary"),
        (status.get("wsrep_ready", "").upper() != "ON", "wsrep_ready is off"),
        (state not in (_SYNCED, _DONOR), f"it is {described}, not Synced"),
        (facts.is_on("wsrep_desync"), "wsrep_desync is on"),
        (
            state == _DONOR and facts.is_on("wsrep_sst_donor_rejects_queries"),
            "it is a donor, and wsrep_sst_donor_rejects_queries is on",
        ),
        (
            facts.values.get("wsrep_reject_queries", "NONE").upper() != "NONE",
            "wsrep_reject_queries is set",
        ),
        (maintenance not in ("", "DISABLED"), f"pxc_maint_mode is {maintenance}"),
    )
    return next((why for holds, why in reasons if holds), "")


def _position(status: Mapping[str, str]) -> Position | None:
    """The cluster's own count, written as a GTID set: the same on all nodes."""
    last = status.get("wsrep_last_committed", "")
    if not last.isdecimal() or last == "0":
        return None
    return parse(f"{status.get('wsrep_cluster_state_uuid', '')}:1-{last}")


def _member(text: str) -> Member | None:
    """None for an arbitrator, which takes no clients, and for AUTO: not told yet."""
    text = text.strip()
    if not text or text.upper() == "AUTO":
        return None
    try:
        address = parse_address(text)
    except ValueError:
        return None
    return Member(address=str(address)) if isinstance(address, TcpAddress) else None
