"""Settings of failover: how targets are looked at, and what follows from it."""

from __future__ import annotations

import enum

import attrs

from proxy.config.auth import USERNAME
from proxy.config.rules import Choice, OrNull, Seconds, Switch, Text, Whole

_DAY = 86_400

_HOST_PATTERN = Text(
    r"[A-Za-z0-9.-]*\?[A-Za-z0-9.-]*",
    "the name of a host with one ? in it, without a port",
)


class Topology(enum.Enum):
    """How the targets of a group belong together, and who says which one takes writes."""

    STATIC = "STATIC"
    REPLICATION = "REPLICATION"
    GROUP_REPLICATION = "GROUP_REPLICATION"
    GALERA = "GALERA"
    AURORA = "AURORA"


class SplitBrain(enum.Enum):
    """What is done while two targets take writes."""

    KEEP = "KEEP"
    REFUSE = "REFUSE"


@attrs.frozen(kw_only=True)
class FailoverConfig:
    """How targets are watched, when the writer changes, and whom readers serve."""

    monitor_username: str | None = attrs.field(
        default=None,
        validator=OrNull(USERNAME),
        metadata={
            "doc": "The user of auth as whom monitors log in to the targets; null takes the "
            "first user. One of its own, with for_monitor and the few rights that a monitor "
            "needs, is better."
        },
    )
    probe_interval: float = attrs.field(
        default=1.0,
        validator=Seconds(0.1, 60),
        metadata={"doc": "How often each target is looked at while all is well."},
    )
    doubt_interval: float = attrs.field(
        default=0.1,
        validator=Seconds(0.02, 10),
        metadata={
            "doc": "How often each target is looked at while anything is in doubt: a look that "
            "failed, an error that a client met, a change of the writer. At most "
            "probe_interval."
        },
    )
    probe_timeout: float = attrs.field(
        default=1.0,
        validator=Seconds(0.05, 60),
        metadata={
            "doc": "How long a look may take, login included where there is one; after that it "
            "has failed. It is what a target that has frozen is noticed by."
        },
    )
    unavailable_after: int = attrs.field(
        default=3,
        validator=Whole(1, 100, unit="looks"),
        metadata={
            "doc": "After so many failed looks in a row a target counts as UNAVAILABLE, so "
            "that one lost packet moves nobody."
        },
    )
    available_after: int = attrs.field(
        default=2,
        validator=Whole(1, 100, unit="looks"),
        metadata={"doc": "After so many good looks in a row it counts as AVAILABLE again."},
    )
    min_switch_interval: float = attrs.field(
        default=5.0,
        validator=Seconds(0, 3600),
        metadata={
            "doc": "The least time between two changes of the writer. Where roles move to and "
            "fro faster than that, clients are held meanwhile."
        },
    )
    transaction_grace: float = attrs.field(
        default=5.0,
        validator=Seconds(0, 300),
        metadata={
            "doc": "How long open transactions may go on when the writer is changed by plan; "
            "who has not finished by then hears that its transaction was rolled back "
            "(SQLSTATE 40001)."
        },
    )
    split_brain: SplitBrain = attrs.field(
        default=SplitBrain.KEEP,
        validator=Choice(SplitBrain),
        metadata={
            "doc": "What is done while two targets take writes where one should. KEEP: the "
            "known writer goes on. REFUSE: writes wait until there is one writer, for as long "
            "as a connection is waited for."
        },
    )
    fence: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether the proxy makes a target read-only that takes writes and is not "
            "the writer (super_read_only at MySQL, read_only at MariaDB). The user of the "
            "monitors needs the right to do so."
        },
    )
    discover: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether members of the cluster, and replicas, that targets tell of are "
            "targets too. Not with the topology STATIC."
        },
    )
    instance_host_pattern: str | None = attrs.field(
        default=None,
        validator=OrNull(_HOST_PATTERN),
        metadata={
            "doc": "For the topology AURORA: the host name of an instance, such as "
            "?.abcdefghijkl.eu-west-1.rds.amazonaws.com. The ? stands for the identifier, "
            "which is all that the cluster tells; the port is that of the target that told."
        },
    )
    max_replica_lag: float = attrs.field(
        default=10.0,
        validator=Seconds(0, _DAY),
        metadata={"doc": "A reader that is behind by more is left out until it has caught up."},
    )
    fall_back_to_writer: bool = attrs.field(
        default=True,
        validator=Switch(),
        metadata={
            "doc": "Whether READ_ONLY endpoints use the writer while there is no reader. "
            "Otherwise their clients wait for one, as for a connection."
        },
    )
    slow_start: float = attrs.field(
        default=10.0,
        validator=Seconds(0, 600),
        metadata={
            "doc": "How long a reader that is new, or back again, takes to get its full share "
            "of the clients."
        },
    )
    read_your_writes: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether a session that wrote waits on a reader for its own commits. The "
            "targets need global transaction ids."
        },
    )
    read_your_writes_timeout: float = attrs.field(
        default=1.0,
        validator=Seconds(0, 60),
        metadata={"doc": "How long it waits so, before the writer serves the read."},
    )
