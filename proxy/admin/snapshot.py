"""How things stand in a process at one moment, as frozen values: what every view is made of.

The HTTP API sends them as JSON objects with the same names, the dashboard and the command line
read these, and the SQL console makes rows of them.  Times are spans in seconds up to the moment
of the snapshot; moments are ISO 8601 in UTC.  Nothing here holds a secret or a literal of a
statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from proxy.admin.snapshot_worker import WorkerStatus
from proxy.policy.standing import ProxyStatus, TargetStatus

CLIENT_STATES = ("login", "idle", "waiting", "running", "transaction")
"""Logging in; nothing to do; its statement waits for a connection; its statement runs; between
two statements of a transaction."""

CONNECTION_STATES = ("dialing", "idle", "lent", "lingering", "resetting", "retiring")
"""Being opened; free; with a client that needs it; with one that keeps it until somebody else
does; being reset for the next client; being closed."""


@attrs.frozen(kw_only=True)
class EndpointStatus:
    """An address where a proxy serves.

    Attributes:
        proxy: Its proxy.
        name: Of the endpoint.
        target_role: READ_WRITE or READ_ONLY.
        address: Where it listens; empty while it does not.
        clients: Those connected there.
    """

    proxy: str
    name: str
    target_role: str
    address: str
    clients: int


@attrs.frozen(kw_only=True)
class PoolStatus:
    """The connections to one target.

    Attributes:
        proxy: Whose.
        target: The address, as `TargetStatus.address`.
        connections: All of them; the sum of those below.
        idle: Free ones.
        lent: Those with clients that need them.
        lingering: Those with clients that keep them until somebody else needs them.
        dialing: Those being opened.
        resetting: Those being reset for the next client.
        retiring: Those being closed.
        pinned: Those lent ones that are kept by a pin.
        in_transaction: Those in a transaction.
        waiting: Clients in its queue.
        longest_wait: For how long the first of them has waited; 0 when there is none.
        max_connections: The most that there may be.
        max_idle_connections: The most that may stay free.
        held: Whether nothing is lent at the moment (failover, pause).
    """

    proxy: str
    target: str
    connections: int = 0
    idle: int = 0
    lent: int = 0
    lingering: int = 0
    dialing: int = 0
    resetting: int = 0
    retiring: int = 0
    pinned: int = 0
    in_transaction: int = 0
    waiting: int = 0
    longest_wait: float = 0.0
    max_connections: int = 0
    max_idle_connections: int = 0
    held: bool = False


@attrs.frozen(kw_only=True)
class ConnectionStatus:
    """A connection to a target.

    Attributes:
        proxy: Whose.
        target: The address.
        number: The server's id of the connection; None while it is dialed.
        user: As whom it is logged in.
        state: One of `CONNECTION_STATES`.
        client: The number of the client that has it; None without.
        in_transaction: Whether a transaction is open there.
        tls: Version, such as TLSv1.3; empty without.
        age: Since it was opened.
        idle: How long it has been free; 0 when it is not.
        uses: How often it was lent.
        worker: The number of the worker that has it; 1 where one process does everything.
    """

    proxy: str
    target: str
    number: int | None
    user: str
    state: str
    client: int | None
    in_transaction: bool
    tls: str
    age: float
    idle: float
    uses: int
    worker: int = 1


@attrs.frozen(kw_only=True)
class ClientStatus:
    """A client.

    Attributes:
        proxy: Whose.
        number: Its connection id: what it was greeted with, and what KILL names.
        endpoint: Where it came in.
        user: Empty before it has logged in.
        address: Where it is: an IP address, or localhost for a unix socket.
        schema: Its default database; empty without.
        tls: Version, such as TLSv1.3; empty without.
        state: One of `CLIENT_STATES`.
        connected: Since it came.
        silent: Since it last sent something, exact to a second.
        waiting: How long its statement has waited for a connection; 0 when it does not.
        target: Of the connection that it has; None without.
        connection: The server's id of that connection; None without.
        pins: Names of the reasons that keep it there, such as TEMPORARY_TABLE.
        worker: The number of the worker that serves it; 1 where one process does everything.
    """

    proxy: str
    number: int
    endpoint: str
    user: str
    address: str
    schema: str
    tls: str
    state: str
    connected: float
    silent: float
    waiting: float
    target: str | None
    connection: int | None
    pins: tuple[str, ...] = ()
    worker: int = 1


@attrs.frozen(kw_only=True)
class PinStatus:
    """What keeps one client on its connection.

    Attributes:
        proxy: Whose.
        client: The number of the client.
        user: The client's.
        address: The client's.
        target: Of the connection.
        connection: The server's id of it.
        reason: Name, such as TEMPORARY_TABLE.
        why: The same as a sentence.
        statement: That caused it, without its literals; empty when no text did.
        lasts: For how long already.
        ends: What ends it, as a sentence.
        advice: What can be done about it, as a sentence or some.
    """

    proxy: str
    client: int
    user: str
    address: str
    target: str | None
    connection: int | None
    reason: str
    why: str
    statement: str
    lasts: float
    ends: str
    advice: str


@attrs.frozen(kw_only=True)
class PinReasonStatus:
    """How often a reason pins.

    Attributes:
        proxy: Whose.
        reason: Name.
        why: As a sentence.
        now: Clients that it pins.
        total: Times since the start.
        advice: What can be done about it.
    """

    proxy: str
    reason: str
    why: str
    now: int
    total: int
    advice: str


@attrs.frozen(kw_only=True)
class DigestStatus:
    """Statements that differ in their literals only.

    Attributes:
        proxy: Whose.
        digest: The text with ? for each literal.
        count: How many ran, about: fast ones are counted by sample.
        errors: Those that failed, about.
        total_seconds: Until their answers had gone out, added up, about.
        mean_seconds: The mean of that.
        max_seconds: The slowest that was seen.
        last_seen: Since the last one.
    """

    proxy: str
    digest: str
    count: int
    errors: int
    total_seconds: float
    mean_seconds: float
    max_seconds: float
    last_seen: float


@attrs.frozen(kw_only=True)
class EventStatus:
    """Something that an operator may care about: a line of the log, kept for a while.

    Attributes:
        number: Counts up in this process: ask for what came after it.
        time: When, ISO 8601 in UTC with milliseconds.
        level: info, warning or error.
        event: What happened, as the log has it.
        fields: What it is about, such as proxy, target, why.
    """

    number: int
    time: str
    level: str
    event: str
    fields: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class LatencyStatus:
    """How long statements took, in seconds; all 0 where there were none.

    Attributes:
        count: Statements.
        mean: Their mean.
        p50: Half of them took no longer.
        p95: Likewise 95 %.
        p99: Likewise 99 %.
    """

    count: int = 0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


@attrs.frozen(kw_only=True)
class MomentStatus:
    """What happened in one second, and how things stood at its end.

    Attributes:
        time: The end of it, in seconds since 1970.
        statements: That clients sent.
        statement_latency: From the arrival of a statement to the end of its answer.
        database_latency: The part of it that the target took.
        borrow_latency: How long clients waited for a connection.
        clients: Connected.
        connections: To targets.
        lent: Of these, with clients.
        waiting: Clients in the queues.
        pinned: Clients that are pinned.
    """

    time: float
    statements: int
    statement_latency: LatencyStatus
    database_latency: LatencyStatus
    borrow_latency: LatencyStatus
    clients: int
    connections: int
    lent: int
    waiting: int
    pinned: int


@attrs.frozen(kw_only=True)
class ProxyOverview:
    """All about one proxy that fits on a page.

    Attributes:
        status: How it stands.
        endpoints: Where it serves.
        targets: What is behind it.
        pools: The connections to these.
        pins: By reason, those that pin now or have pinned, most now first.
        now: The last whole second.
        last_minute: The sum over the last 60 seconds: statements of all kinds and latencies.
    """

    status: ProxyStatus
    endpoints: tuple[EndpointStatus, ...]
    targets: tuple[TargetStatus, ...]
    pools: tuple[PoolStatus, ...]
    pins: tuple[PinReasonStatus, ...]
    now: MomentStatus
    last_minute: MomentStatus


@attrs.frozen(kw_only=True)
class ProcessStatus:
    """The process itself; with workers it is the one that has started them.

    Attributes:
        version: Of mysqlproxy.
        form: compiled or Python.
        pid: Its process id.
        uptime: Since it started.
        time: Now, ISO 8601 in UTC.
        ready: Whether clients are served: every endpoint listens, and nothing is being stopped.
        not_ready: Why it is not, as a sentence; empty when it is.
        log_level: In force.
        debug_logging: Names of the proxies whose statements are logged.
        configuration: Path of the file; empty when there is none.
        configured: ISO 8601: when that was last put in force.
        clients: Of all proxies.
        open_files: File descriptors in use; this and what follows are sums over the workers
            and this process.
        max_open_files: How many there may be.
        resident_bytes: Memory that is taken.
        cpu_seconds: Processor time that was used.
        workers: How many processes serve clients: those that are wanted; 1 where this process
            does everything.
    """

    version: str
    form: str
    pid: int
    uptime: float
    time: str
    ready: bool
    not_ready: str
    log_level: str
    debug_logging: tuple[str, ...]
    configuration: str
    configured: str
    clients: int
    open_files: int
    max_open_files: int
    resident_bytes: int
    cpu_seconds: float
    workers: int = 1


@attrs.frozen(kw_only=True)
class Overview:
    """What the dashboard shows.

    Attributes:
        process: The process.
        proxies: Its proxies.
        may_act: Whether whoever asked may do something, or only look.
        workers: The processes that serve clients.
    """

    process: ProcessStatus
    proxies: tuple[ProxyOverview, ...]
    may_act: bool
    workers: tuple[WorkerStatus, ...] = ()
