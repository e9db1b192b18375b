"""The shapes of answers that are more than one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    EndpointStatus,
    EventStatus,
    MomentStatus,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
)
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.policy.standing import ProxyStatus, TargetStatus


@attrs.frozen(kw_only=True)
class Refusal:
    """Why something was not done.

    Attributes:
        error: A sentence.
        known: What there is, where something is asked for that is not there.
    """

    error: str
    known: tuple[str, ...] = attrs.field(default=(), metadata={"may_lack": True})


@attrs.frozen(kw_only=True)
class WorkersAnswer:
    """The processes that serve clients.

    Attributes:
        workers: By their numbers; one where a single process does everything.
    """

    workers: tuple[WorkerStatus, ...]


@attrs.frozen(kw_only=True)
class ProxiesAnswer:
    """All proxies.

    Attributes:
        proxies: In the order of the configuration.
    """

    proxies: tuple[ProxyStatus, ...]


@attrs.frozen(kw_only=True)
class TargetsAnswer:
    """The targets of a proxy.

    Attributes:
        targets: The writer first.
    """

    targets: tuple[TargetStatus, ...]


@attrs.frozen(kw_only=True)
class EndpointsAnswer:
    """Where a proxy serves.

    Attributes:
        endpoints: In the order of the configuration.
        left_off: How many more there are.
    """

    endpoints: tuple[EndpointStatus, ...]
    left_off: int


@attrs.frozen(kw_only=True)
class PoolsAnswer:
    """The connections of a proxy, target by target.

    Attributes:
        pools: One for each target.
        left_off: How many more there are.
    """

    pools: tuple[PoolStatus, ...]
    left_off: int


@attrs.frozen(kw_only=True)
class ConnectionsAnswer:
    """The connections of a proxy.

    Attributes:
        connections: To all targets.
        left_off: How many more there are.
        missing_workers: Numbers of workers that did not tell theirs in time.
    """

    connections: tuple[ConnectionStatus, ...]
    left_off: int
    missing_workers: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class ClientsAnswer:
    """The clients of a proxy.

    Attributes:
        clients: Those that have been connected longest first.
        left_off: How many more there are.
        missing_workers: Numbers of workers that did not tell theirs in time.
    """

    clients: tuple[ClientStatus, ...]
    left_off: int
    missing_workers: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class PinsAnswer:
    """The pins of a proxy.

    Attributes:
        pins: Those that have lasted longest first.
        left_off: How many more there are.
        missing_workers: Numbers of workers that did not tell theirs in time.
    """

    pins: tuple[PinStatus, ...]
    left_off: int
    missing_workers: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class PinReasonsAnswer:
    """How often each reason pins.

    Attributes:
        pin_reasons: Those that pin most clients now first.
        left_off: How many more there are.
    """

    pin_reasons: tuple[PinReasonStatus, ...]
    left_off: int


@attrs.frozen(kw_only=True)
class DigestsAnswer:
    """What statements take most of the time.

    Attributes:
        digests: Those that took most of it first.
        left_off: How many more there are.
        missing_workers: Numbers of workers that did not tell theirs in time.
    """

    digests: tuple[DigestStatus, ...]
    left_off: int
    missing_workers: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class HistoryAnswer:
    """The last minutes, second by second.

    Attributes:
        seconds: How many are kept.
        proxies: By the name of the proxy, the oldest second first.
    """

    seconds: int
    proxies: Mapping[str, tuple[MomentStatus, ...]]


@attrs.frozen(kw_only=True)
class EventsAnswer:
    """What has happened.

    Attributes:
        events: The oldest first.
        last: The number to ask for what comes next with.
    """

    events: tuple[EventStatus, ...]
    last: int


@attrs.frozen(kw_only=True)
class ConfigurationAnswer:
    """The configuration in force.

    Attributes:
        path: Of its file; empty when there is none.
        configured: ISO 8601: when it was put in force.
        configuration: All settings; secrets are masked.
    """

    path: str
    configured: str
    configuration: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class LogAnswer:
    """What the log shows.

    Attributes:
        level: The least serious lines that are written.
        debug_logging: Names of the proxies whose statements are logged.
    """

    level: str
    debug_logging: tuple[str, ...]


@attrs.frozen(kw_only=True)
class HealthAnswer:
    """Whether it is well.

    Attributes:
        status: "ok", or "not ready".
        why: Why it is not; empty when it is.
    """

    status: str
    why: str = ""


@attrs.frozen(kw_only=True)
class ActionAnswer:
    """What came of an action.

    Attributes:
        action: Its name.
        proxy: Which one it is about; empty where it is about the process.
        done: Whether it is over; when not, it goes on, and asking again waits for its end.
        target: Its address, where the action is about one.
        target_set: Its name, where the action is about one.
        number: Of the client or the connection, where the action is about one.
    """

    action: str
    proxy: str
    done: bool
    target: str = ""
    target_set: str = ""
    number: int = 0
