"""How a proxy and its workers stand at the moment of a scrape, beside what it has counted."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from proxy.observe.counters import TargetCounters
from proxy.observe.latency import Histogram

TARGET_GROUP = "default"
"""The name of a proxy's target group: RDS Proxy has one for each as well, and calls it so."""


@attrs.frozen(kw_only=True)
class TargetNow:
    """How one target stands; each public number is a series of the same name.

    Attributes:
        address: As the configuration or the cluster names it.
        place: The same in full, with its port: how latencies are told apart.
        target_role: READ_WRITE or READ_ONLY.
        target_state: RDS Proxy's name for how it is; empty for one that is used no more.
        counters: What has happened there.
    """

    address: str
    place: str
    target_role: str
    counters: TargetCounters
    target_state: str = ""
    target_lag_seconds: float | None = None
    target_seen_age_seconds: float | None = None
    target_draining: bool = False
    database_connections: int = 0
    database_connections_with_tls: int = 0
    database_connections_idle: int = 0
    database_connections_lingering: int = 0
    database_connections_dialing: int = 0
    database_connections_resetting: int = 0
    database_connections_retiring: int = 0
    database_connections_currently_borrowed: int = 0
    database_connections_currently_in_transaction: int = 0
    database_connections_currently_session_pinned: int = 0
    max_database_connections_allowed: int = 0
    client_connections_waiting: int = 0
    longest_wait_seconds: float = 0.0
    pool_held: bool = False


@attrs.frozen(kw_only=True)
class ProxyNow:
    """How one proxy stands.

    Attributes:
        targets: Its targets, and those that are used no more and have connections left.
        availability_percentage: By role; a role that nobody has is not there.
        session_pins_now: Clients that are pinned, by reason.
    """

    targets: tuple[TargetNow, ...] = ()
    availability_percentage: Mapping[str, float] = attrs.field(factory=dict)
    session_pins_now: Mapping[str, int] = attrs.field(factory=dict)
    max_clients: int = 0
    secret_age_seconds: float = 0.0
    writer_held: bool = False
    writer_held_seconds: float = 0.0
    writer_paused: bool = False
    writer_last_switch_timestamp_seconds: float = 0.0
    statement_digests: int = 0


@attrs.frozen(kw_only=True)
class WorkerNow:
    """How one worker stands; each public number is a series of the same name.

    What counts up does so for the seat: a worker that takes the place of another one goes on
    where that has ended.

    Attributes:
        worker: Its number, as text.
    """

    worker: str
    worker_up: bool = False
    worker_clients: int = 0
    worker_uptime_seconds: float = 0.0
    worker_resident_memory_bytes: int = 0
    worker_open_fds: int = 0
    worker_max_fds: int = 0
    worker_requests: int = 0
    worker_process_cpu_seconds: float = 0.0
    worker_restarts: int = 0
    worker_reactor_delay: Histogram = attrs.field(factory=Histogram)
