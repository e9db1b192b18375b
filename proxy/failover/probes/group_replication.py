"""A member of a replication group (MySQL Group Replication, InnoDB Cluster).

Sources: MySQL manual, "The replication_group_members Table", "The
replication_group_member_stats Table", "The replication_applier_status_by_worker Table" and
"Network Partitioning".  A look takes two round trips, at a secondary three.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxy.failover.probes.asking import Asking, Probe, Row
from proxy.failover.probes.facts import Facts, address_of, ask_facts, value_of
from proxy.policy.observation import Member, Seen

_HAS_ROLES: Final = 80011
"""MySQL 8.0's first version for everybody: roles in the table of members, commit times of what
is applied."""

_MEMBERS = (
    b"SELECT MEMBER_ID, MEMBER_HOST, MEMBER_PORT, MEMBER_STATE, MEMBER_ROLE "
    b"FROM performance_schema.replication_group_members"
)
_MEMBERS_5_7 = (
    b"SELECT MEMBER_ID, MEMBER_HOST, MEMBER_PORT, MEMBER_STATE, (SELECT VARIABLE_VALUE "
    b"FROM performance_schema.global_status "
    b"WHERE VARIABLE_NAME = 'group_replication_primary_member') AS PRIMARY_ID "
    b"FROM performance_schema.replication_group_members"
)
"""MySQL 5.7 tells the primary's id in a status variable, which is empty where all are one."""

_APPLIER = (
    b"SELECT (SELECT COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE "
    b"FROM performance_schema.replication_group_member_stats "
    b"WHERE MEMBER_ID = @@global.server_uuid) AS WAITING, "
    b"(SELECT UNIX_TIMESTAMP() - "
    b"MIN(UNIX_TIMESTAMP(APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP)) "
    b"FROM performance_schema.replication_applier_status_by_worker "
    b"WHERE CHANNEL_NAME = 'group_replication_applier' AND APPLYING_TRANSACTION <> '') AS AGE"
)

_UNSEEN_MEMBERS = (
    "the members of its group (SELECT on performance_schema.replication_group_members)"
)
_UNSEEN_LAG = (
    "how far it is behind (SELECT on performance_schema.replication_group_member_stats and "
    "replication_applier_status_by_worker)"
)

_PRESENT: Final = ("ONLINE", "RECOVERING")
"""States of members that have a vote and use it; those that are UNREACHABLE have one too."""


class GroupReplicationProbe(Probe):
    """Looks at a member of a replication group."""

    async def ask(self, asking: Asking) -> Seen:
        """See `Probe`."""
        facts = await ask_facts(asking)
        modern = facts.version_number >= _HAS_ROLES
        members = await asking.rows_if_any(
            _MEMBERS if modern else _MEMBERS_5_7, _UNSEEN_MEMBERS
        )
        seen = seen_of(facts, members, None, asking.unseen)
        if not modern or not members or not seen.serves or seen.writable:
            return seen
        applier = await asking.rows_if_any(_APPLIER, _UNSEEN_LAG)
        return seen_of(facts, members, applier, asking.unseen)


def seen_of(
    facts: Facts,
    members: Sequence[Row] | None,
    applier: Sequence[Row] | None,
    unseen: Sequence[str],
) -> Seen:
    """What a member's words come to.

    Args:
        facts: Its variables.
        members: The group as it sees it; None where that cannot be seen.
        applier: How many transactions wait to be applied, and the age in seconds of the
            oldest that is being applied; None where that was not asked or cannot be seen.
        unseen: See `Seen`.
    """
    if members is None and not unseen:
        members = ()  # a server that knows of no groups is in none
    offline = "offline_mode is on" if facts.is_on("offline_mode") else ""
    alone = "" if members is None else _lack_of_quorum(facts.server, members)
    bar = offline or alone or facts.bar
    if members is not None and not bar and not _is_primary(facts.server, members):
        bar = "it is no primary"
    return Seen(
        server=facts.server,
        version=facts.version,
        # Without the quorum a primary is not read-only, but lets no write through.
        writable=None if members is None and not bar else not bar,
        serves=not offline and not alone,
        why=bar,
        position=facts.position,
        lag_seconds=_lag(applier[0]) if applier else None,
        members=tuple(filter(None, map(_member, members or ()))),
        unseen=tuple(unseen),
    )


def _own(server: str, members: Sequence[Row]) -> Row | None:
    return next((row for row in members if value_of(row, "member_id") == server), None)


def _is_primary(server: str, members: Sequence[Row]) -> bool:
    own = _own(server, members)
    return own is not None and _writes(own)


def _writes(row: Row) -> bool:
    """Whether a member is a primary; in multi-primary mode all are."""
    if "primary_id" in row:
        return row["primary_id"] in ("", row["member_id"])
    return value_of(row, "member_role") == "PRIMARY"


def _lack_of_quorum(server: str, members: Sequence[Row]) -> str:
    """Why a server does not take part; empty when it does."""
    own = _own(server, members)
    state = value_of(own, "member_state") if own else "OFFLINE"
    if state != "ONLINE":
        return f"it is {state} in its group"
    present = sum(value_of(row, "member_state") in _PRESENT for row in members)
    if 2 * present <= len(members):
        return f"it sees {present} of the {len(members)} members of its group: no majority"
    return ""


def _member(row: Row) -> Member | None:
    address = address_of(value_of(row, "member_host"), value_of(row, "member_port"))
    if not address:
        return None
    online = value_of(row, "member_state") == "ONLINE"
    return Member(address=address, writes=_writes(row), online=online)


def _lag(applier: Row) -> float | None:
    """None while transactions wait and none is being applied: their age is not told."""
    waiting, age = value_of(applier, "waiting"), value_of(applier, "age")
    try:
        # The clocks of two servers differ, and one of them has whole seconds.
        return max(0.0, float(age))
    except ValueError:
        return 0.0 if waiting == "0" else None
