"""Settings of the pool of connections to each target."""

from __future__ import annotations

import enum

import attrs

from proxy.config.rules import Choice, ListOf, OrNull, Seconds, Text, Whole

_TEXT = Text()
_DAY = 86_400
_MIB = 1024 * 1024
_TIB = 1024 * 1024 * _MIB


class PinningFilter(enum.Enum):
    """What an operator declares harmless, so that it does not pin; the first is RDS Proxy's.

    `proxy.session.pins.FILTERS` says which reasons each one covers.
    """

    EXCLUDE_VARIABLE_SETS = "EXCLUDE_VARIABLE_SETS"
    EXCLUDE_USER_VARIABLES = "EXCLUDE_USER_VARIABLES"
    EXCLUDE_SESSION_VARIABLES = "EXCLUDE_SESSION_VARIABLES"
    EXCLUDE_ROUTINES = "EXCLUDE_ROUTINES"
    EXCLUDE_SEQUENCES = "EXCLUDE_SEQUENCES"
    EXCLUDE_UNREPORTED_CHANGES = "EXCLUDE_UNREPORTED_CHANGES"
    EXCLUDE_OPAQUE_STATEMENTS = "EXCLUDE_OPAQUE_STATEMENTS"


@attrs.frozen(kw_only=True)
class ConnectionPoolConfig:
    """Limits on the connections to a target, on their age and on waiting for one."""

    max_connections: int | None = attrs.field(
        default=None,
        validator=OrNull(Whole(1, 100_000, unit="connections")),
        metadata={
            "doc": "The most connections to a target. With max_connections_percent too, the "
            "smaller count holds."
        },
    )
    max_connections_percent: int = attrs.field(
        default=100,
        validator=Whole(1, 100, unit="% of the target's max_connections"),
        metadata={
            "doc": "The most connections to a target, in per cent of its own max_connections. "
            "With several proxies on one target the sum should stay within 100."
        },
    )
    max_idle_connections_percent: int | None = attrs.field(
        default=None,
        validator=OrNull(Whole(0, 100, unit="% of the target's max_connections")),
        metadata={
            "doc": "The most connections that may stay open while nobody needs them; at most "
            "max_connections_percent. When left out, half of max_connections_percent. Where "
            "max_connections is the limit, idle connections keep the same proportion to it."
        },
    )
    connection_borrow_timeout: float = attrs.field(
        default=120.0,
        validator=Seconds(0, 300),
        metadata={
            "doc": "How long a client waits for a connection before it hears error 9501. "
            "0 means: an error unless an open connection is free right now."
        },
    )
    max_waiting: int = attrs.field(
        default=10_000,
        validator=Whole(1, 1_000_000, unit="clients"),
        metadata={
            "doc": "The most clients that wait for a connection at once; the next one hears "
            "error 9501 at once. The default is that of max_clients, for while a target is "
            "away every client may have to wait. Lower it where an early error is better than "
            "a late answer."
        },
    )
    max_waiting_bytes: int = attrs.field(
        default=256 * _MIB,
        validator=Whole(_MIB, _TIB, unit="bytes"),
        metadata={
            "doc": "The most memory for commands of clients that wait for a connection, all "
            "together; a client whose command would go beyond hears error 9501 at once. The "
            "default is four of the largest commands that max_allowed_packet allows by default."
        },
    )
    session_pinning_filters: tuple[PinningFilter, ...] = attrs.field(
        default=(),
        validator=ListOf(Choice(PinningFilter)),
        metadata={
            "doc": "What does not pin a client to its connection although it leaves something "
            "there, which other clients may then meet. EXCLUDE_VARIABLE_SETS is RDS Proxy's: "
            "no SET of a variable pins. The finer ones, and what each of them risks, are "
            'under "Filters" in the chapter on pinning.'
        },
    )
    max_pinned_seconds: float | None = attrs.field(
        default=None,
        validator=OrNull(Seconds(1, 365 * _DAY)),
        metadata={
            "doc": "A client that one pin has kept on its connection for longer than this is "
            "disconnected with error 4031, and the connection is reset for the others. The "
            "default is no limit, as a transaction or a lock of the client is lost with it."
        },
    )
    init_query: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "Statements, separated by semicolons, that run once on every new connection "
            "to a target. Not a place for secrets."
        },
    )
    connect_timeout: float = attrs.field(
        default=5.0,
        validator=Seconds(0.1, 300),
        metadata={
            "doc": "How long opening a connection to a target may take, from the first packet "
            "to the end of the login."
        },
    )
    max_connection_age: float = attrs.field(
        default=float(_DAY),
        validator=Seconds(1, 365 * _DAY),
        metadata={"doc": "A connection older than this is closed as soon as nobody uses it."},
    )
    max_prepared_statements_per_connection: int = attrs.field(
        default=100,
        validator=Whole(1, 1_048_576, unit="statements"),
        metadata={
            "doc": "How many prepared statements stay open on a connection to a target; beyond "
            "that the one not used for longest is closed. A server with default settings "
            "holds 16,382 statements for all its 151 connections together, which leaves "
            "108 for each."
        },
    )

    def connection_limit(self, server_max_connections: int) -> int:
        """How many connections a target with this `max_connections` of its own may get."""
        share = max(1, server_max_connections * self.max_connections_percent // 100)
        return share if self.max_connections is None else min(share, self.max_connections)

    def idle_limit(self, server_max_connections: int) -> int:
        """How many of them may stay open unused."""
        limit = self.connection_limit(server_max_connections)
        if self.max_idle_connections_percent is None:
            return limit // 2
        return limit * self.max_idle_connections_percent // self.max_connections_percent
