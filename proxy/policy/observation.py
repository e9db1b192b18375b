"""What looks at targets show: the input of every decision about failover."""

from __future__ import annotations

import enum

import attrs

from proxy.policy.gtids import Position


class Failure(enum.Enum):
    """How a look went wrong; the value is for the log."""

    REFUSED = "it cannot be connected to"
    LOST = "the connection was lost"
    SILENT = "it does not answer"
    FULL = "it has no connection to spare"
    STOPPING = "it shuts down"
    READ_ONLY = "it takes no writes"
    DENIED = "the monitor may not log in"
    ODD = "it answers something that is not understood"

    @property
    def is_blindness(self) -> bool:
        """Whether the target may be well, but the monitor cannot see it."""
        return self in (Failure.FULL, Failure.DENIED, Failure.ODD)


@attrs.frozen(kw_only=True)
class Member:
    """A server that another one knows of.

    Attributes:
        address: host:port, as the server that told it reaches it; an Aurora instance's
            identifier where there is no more.
        writes: Whether it is the one that takes writes; None where that was not told.
        online: Whether it takes part by now.
    """

    address: str
    writes: bool | None = None
    online: bool = True


@attrs.frozen(kw_only=True)
class Seen:
    """What a target says of itself.

    Attributes:
        server: Its own id (server_uuid; on MariaDB host name, port and server_id; on Aurora
            the instance's): what tells a server from another one behind the same address.
        version: Its version text.
        writable: Whether it takes writes of ordinary users by itself and by its cluster;
            None where that cannot be seen.
        serves: Whether it can be read from: in a cluster, online and in a partition that has
            the quorum.
        why: Why it is not writable or does not serve, in a few words; empty otherwise.
        position: The transactions that it has; None where that cannot be seen.
        sources: Whom it replicates from, host:port each; empty for nobody.
        replicates: Whether it receives from all its sources and applies; None where it has
            none or that cannot be seen.
        lag_seconds: How far it is behind; None where that is not known.
        members: Servers of its cluster, itself among them, or its replicas: for discovery.
        unseen: What the monitor has no right to see, in a few words each.
    """

    server: str
    version: str
    writable: bool | None
    serves: bool = True
    why: str = ""
    position: Position | None = None
    sources: tuple[str, ...] = ()
    replicates: bool | None = None
    lag_seconds: float | None = None
    members: tuple[Member, ...] = ()
    unseen: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Look:
    """One look at a target, which either saw something or failed.

    Attributes:
        began: When, in seconds of the monitors' clock.
        ended: When it was through.
        seen: What it showed.
        failure: Why it showed nothing.
        why: The same in the words of the server or the system.
    """

    began: float
    ended: float
    seen: Seen | None = None
    failure: Failure | None = None
    why: str = ""
