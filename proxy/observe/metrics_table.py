"""Every series that a proxy makes: its name, what RDS Proxy calls it, and what it means.

The names are those of `proxy.observe.counters` and `proxy.observe.metrics_now`, which have the
numbers.
"""

from __future__ import annotations

from proxy.observe.series import COUNTER, GAUGE, HISTOGRAM, PREFIX, Series, series

__all__ = [
    "ALL",
    "AVAILABILITY",
    "COUNTER",
    "DATABASE_LATENCY",
    "GAUGE",
    "HISTOGRAM",
    "OF_ENDPOINT",
    "OF_PROCESS",
    "OF_PROXY",
    "OF_TARGET",
    "OF_WORKER",
    "PREFIX",
    "SESSION_PINS",
    "SESSION_PINS_NOW",
    "TARGET_STATE",
    "Series",
]

PROCESS: tuple[str, ...] = ()
PROXY = ("proxy",)
ENDPOINT = ("proxy", "endpoint")
ROLE = ("proxy", "target_group", "target_role")
TARGET = ("proxy", "target_group", "target", "target_role")
WORKER = ("worker",)

OF_PROCESS = (
    Series("build_info", GAUGE, ("version", "form"), "", "1, with what runs in its labels."),
    Series(
        "log_events",
        COUNTER,
        ("level",),
        "",
        "Lines of the log, by level: info, warning or error.",
    ),
    Series(
        "configuration_reloads",
        COUNTER,
        ("result",),
        "",
        "Reloads of the configuration: succeeded, or refused with nothing changed.",
    ),
    Series(
        "configuration_timestamp_seconds",
        GAUGE,
        PROCESS,
        "",
        "When the configuration in force was put in force, in seconds since 1970.",
    ),
    Series(
        "reactor_delay",
        HISTOGRAM,
        PROCESS,
        "",
        "How late what is due each second comes: how long everybody has to wait for a turn.",
    ),
)

OF_WORKER = (
    *series(
        GAUGE,
        WORKER,
        ("worker_up", "", "1 while the worker serves clients; 0 while another one is started."),
        ("worker_clients", "", "Clients that it serves."),
        ("worker_uptime_seconds", "", "Seconds since it began to."),
        ("worker_resident_memory_bytes", "", "Memory that it takes."),
        ("worker_open_fds", "", "File descriptors that it has open."),
        ("worker_max_fds", "", "How many it may have."),
    ),
    *series(
        COUNTER,
        WORKER,
        ("worker_requests", "", "Commands of its clients."),
        ("worker_process_cpu_seconds", "", "Processor time that it has used."),
        ("worker_restarts", "", "Times that another process took the place of one that ended."),
    ),
    *series(
        HISTOGRAM,
        WORKER,
        ("worker_reactor_delay", "", "How late what is due each second comes there."),
    ),
)
"""Those of each worker; there are none where one process does everything."""

OF_PROXY = (
    *series(
        COUNTER,
        PROXY,
        ("secret_fetches", "", "Times that a secret was read, or that this was tried."),
        ("secret_fetch_failures", "", "Those that failed."),
        ("writer_switches", "", "Times that another target became the writer."),
        (
            "writer_holds",
            "",
            "Times that clients had to wait for a target that takes writes.",
        ),
        ("writer_hold_seconds", "", "Seconds that they had to, all together."),
    ),
    *series(
        GAUGE,
        PROXY,
        (
            "secret_age_seconds",
            "",
            "Seconds since the secret was read whose last reading is longest ago.",
        ),
        ("max_clients", "", "The most clients that there may be."),
        ("writer_held", "", "1 while clients wait for a writer, an order or a resume."),
        ("writer_held_seconds", "", "For how long they do by now."),
        ("writer_paused", "", "1 while an operator has paused the proxy."),
        (
            "writer_last_switch_timestamp_seconds",
            "",
            "When the writer became another one, in seconds since 1970; 0 for never.",
        ),
        ("statement_digests", "", "Different statements in the table of digests."),
    ),
)

SESSION_PINS = Series(
    "session_pins",
    COUNTER,
    ("proxy", "reason"),
    "",
    "Times that a client was pinned to its connection, by reason.",
)
SESSION_PINS_NOW = Series(
    "session_pins_now", GAUGE, ("proxy", "reason"), "", "Clients that are pinned, by reason."
)
AVAILABILITY = Series(
    "availability_percentage",
    GAUGE,
    ROLE,
    "AvailabilityPercentage",
    "Share of the last minute's looks, one a second, that found a target fit for the role.",
)
TARGET_STATE = Series(
    "target_state",
    GAUGE,
    (*TARGET, "state"),
    "",
    "1 for the state of the target: REGISTERING, AVAILABLE, UNAVAILABLE or UNUSED; 0 else.",
)

OF_ENDPOINT = (
    *series(
        GAUGE,
        ENDPOINT,
        (
            "client_connections",
            "ClientConnections",
            "Connections of clients, logins under way included.",
        ),
        (
            "client_connections_in_setup",
            "ClientConnectionsInSetup",
            "Those that have not logged in yet.",
        ),
        (
            "client_connections_tls",
            "ClientConnectionsTLS",
            "Those that have logged in with TLS.",
        ),
        (
            "client_connections_no_tls",
            "ClientConnectionsNoTLS",
            "Those that have logged in without TLS.",
        ),
    ),
    *series(
        COUNTER,
        ENDPOINT,
        (
            "client_connections_received",
            "ClientConnectionsReceived",
            "Connections that clients opened.",
        ),
        (
            "client_connections_setup_succeeded",
            "ClientConnectionsSetupSucceeded",
            "Logins that succeeded.",
        ),
        (
            "client_connections_setup_failed_auth",
            "ClientConnectionsSetupFailedAuth",
            "Logins that failed: a wrong user or password, or TLS did.",
        ),
        (
            "client_connections_setup_failed_limit",
            "",
            "Clients turned away by max_clients.",
        ),
        (
            "client_connections_closed",
            "ClientConnectionsClosed",
            "Connections of clients that ended.",
        ),
        (
            "client_connections_broken",
            "",
            "Clients cut off because they broke the protocol.",
        ),
        (
            "query_requests",
            "QueryRequests",
            "Commands of clients; a multi-statement text is one.",
        ),
        ("query_requests_tls", "QueryRequestsTLS", "Those that came with TLS."),
        ("query_requests_no_tls", "QueryRequestsNoTLS", "Those that came without TLS."),
        ("query_requests_express", "", "Those that began in the express lane."),
        (
            "query_requests_repeated",
            "",
            "Times that one ran again, unheard, because its connection was lost.",
        ),
        ("query_errors", "", "Commands that were answered by an error."),
    ),
    *series(
        HISTOGRAM,
        ENDPOINT,
        (
            "query_response_latency",
            "QueryResponseLatency",
            "From the arrival of a command to the end of its answer.",
        ),
        (
            "database_connections_borrow_latency",
            "DatabaseConnectionsBorrowLatency",
            "How long it took to get a connection to a target for a client.",
        ),
    ),
)

DATABASE_LATENCY = Series(
    "query_database_response_latency",
    HISTOGRAM,
    ("proxy", "endpoint", "target_group", "target", "target_role"),
    "QueryDatabaseResponseLatency",
    "The part of it that the target and the network to it took.",
)

OF_TARGET = (
    *series(
        COUNTER,
        TARGET,
        (
            "database_connection_requests",
            "DatabaseConnectionRequests",
            "Attempts to open a connection to the target.",
        ),
        (
            "database_connection_requests_with_tls",
            "DatabaseConnectionRequestsWithTLS",
            "Those that were opened with TLS.",
        ),
        (
            "database_connections_setup_succeeded",
            "DatabaseConnectionsSetupSucceeded",
            "Connections to the target that opened.",
        ),
        (
            "database_connections_setup_failed",
            "DatabaseConnectionsSetupFailed",
            "Attempts to open one that failed.",
        ),
        ("database_connections_closed", "", "Connections to the target that ended."),
        (
            "database_connections_lost",
            "",
            "Those that ended while a client had them or they were free.",
        ),
        ("database_connections_reset", "", "Resets of a connection for its next client."),
        (
            "database_connections_borrow_requests",
            "DatabaseConnectionsBorrowRequests",
            "Times that a client needed a connection.",
        ),
        (
            "database_connections_borrow_requests_waited",
            "",
            "Those that had to wait for one.",
        ),
        (
            "database_connections_borrow_requests_aborted",
            "DatabaseConnectionsBorrowRequestsAborted",
            "Those whose client left first.",
        ),
        (
            "database_connections_borrow_requests_timed_out",
            "",
            "Those that ended in error 9501.",
        ),
        (
            "session_replays",
            "",
            "Times that a connection was brought into another session.",
        ),
        ("session_replay_statements", "", "Statements that this took."),
    ),
    *series(
        GAUGE,
        TARGET,
        (
            "database_connections",
            "DatabaseConnections",
            "Connections to the target, opening ones included.",
        ),
        (
            "database_connections_with_tls",
            "DatabaseConnectionsWithTLS",
            "Those that have TLS.",
        ),
        ("database_connections_idle", "", "Those that are free."),
        (
            "database_connections_lingering",
            "",
            "Those with a client that keeps them until somebody else needs one.",
        ),
        ("database_connections_dialing", "", "Those that are being opened."),
        ("database_connections_resetting", "", "Those that are being reset."),
        ("database_connections_retiring", "", "Those that are being closed."),
        (
            "database_connections_currently_borrowed",
            "DatabaseConnectionsCurrentlyBorrowed",
            "Those with a client, lingering ones included.",
        ),
        (
            "database_connections_currently_in_transaction",
            "DatabaseConnectionsCurrentlyInTransaction",
            "Those in a transaction.",
        ),
        (
            "database_connections_currently_session_pinned",
            "DatabaseConnectionsCurrentlySessionPinned",
            "Those pinned to their client.",
        ),
        (
            "max_database_connections_allowed",
            "MaxDatabaseConnectionsAllowed",
            "The most connections to the target that there may be.",
        ),
        (
            "client_connections_waiting",
            "",
            "Clients that wait for a connection to the target.",
        ),
        ("longest_wait_seconds", "", "For how long the first of them has waited."),
        ("pool_held", "", "1 while no connection to the target is lent."),
        ("target_draining", "", "1 while it finishes what runs and takes nothing new."),
        (
            "target_lag_seconds",
            "",
            "How far it is behind the writer; not there while that is not known.",
        ),
        (
            "target_seen_age_seconds",
            "",
            "Seconds since the last look at it that went well; not there before the first.",
        ),
    ),
)

ALL: tuple[Series, ...] = (
    *OF_PROCESS,
    *OF_WORKER,
    *OF_PROXY,
    SESSION_PINS,
    SESSION_PINS_NOW,
    AVAILABILITY,
    *OF_ENDPOINT,
    DATABASE_LATENCY,
    TARGET_STATE,
    *OF_TARGET,
)
"""In the order of the manual."""
