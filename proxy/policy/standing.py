"""How a proxy and its targets stand, for people: what is shown, and what is refused."""

from __future__ import annotations

import attrs

ROLES = ("READ_WRITE", "READ_ONLY", "")
"""RDS Proxy's names; empty while the role of a target is not known."""

STATES = ("REGISTERING", "AVAILABLE", "UNAVAILABLE", "UNUSED")
"""RDS Proxy's names for the state of a target."""


class OperationRefusedError(Exception):
    """What an operator asked for is not possible now.

    Args:
        why: A sentence for the operator.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@attrs.frozen(kw_only=True)
class TargetStatus:
    """How a target stands.

    Attributes:
        address: As the configuration or the cluster names it.
        role: One of `ROLES`.
        state: One of `STATES`.
        reason: RDS Proxy's word for why it is not AVAILABLE; empty otherwise.
        description: Why, for people; empty where there is nothing to say.
        lag_seconds: How far it is behind the writer; None where that is not known.
        connections: Those of its pool.
        lent: Those of them that clients have.
        draining: Whether it finishes what runs and takes nothing new.
        seen_seconds_ago: When the last look at it went well; None for never.
        writable: Whether it takes writes; None where that was not seen.
        server: What the server calls itself, such as its server_uuid; empty while unknown.
    """

    address: str
    role: str = attrs.field(default="", validator=attrs.validators.in_(ROLES))
    state: str = attrs.field(default="REGISTERING", validator=attrs.validators.in_(STATES))
    reason: str = ""
    description: str = ""
    lag_seconds: float | None = None
    connections: int = 0
    lent: int = 0
    draining: bool = False
    seen_seconds_ago: float | None = None
    writable: bool | None = None
    server: str = ""


@attrs.frozen(kw_only=True)
class ProxyStatus:
    """How a proxy stands.

    Attributes:
        name: Of the proxy.
        writer: Address of the target that takes the writes; None while there is none.
        held: Whether clients are held: they wait for a writer, or for the end of a pause.
        held_why: Why, for people; empty when they are not.
        held_seconds: For how long; 0 when they are not.
        paused: Whether an operator paused it.
        waiting: Clients that wait for a connection.
        clients: All clients.
        target_set: The set of targets in use; None where the group has no more than one.
        last_switch: Seconds since the writer was another one; None for never.
    """

    name: str
    writer: str | None = None
    held: bool = False
    held_why: str = ""
    held_seconds: float = 0.0
    paused: bool = False
    waiting: int = 0
    clients: int = 0
    target_set: str | None = None
    last_switch: float | None = None


@attrs.frozen(kw_only=True)
class ReloadReport:
    """What a new configuration has changed.

    Attributes:
        changed: Key paths of the settings that are in force now, such as
            `proxies[shop].max_clients`.
        needs_restart: Key paths of those that will be after a restart, and are not until then.
    """

    changed: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
