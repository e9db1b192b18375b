"""Every setting: its name, what it may be, its default and what it is for.

Names and defaults are RDS Proxy's where it has the setting (in snake case).  A field holds a
section (another class of this module), a tuple of sections, or a value under a rule; its text
in `metadata` is what the reference in the manual says.  Rules that look at several settings at
once are in `proxy.config.checks`.
"""

from __future__ import annotations

import enum
from typing import Literal

import attrs

from proxy.config.address import TcpAddress, UnixAddress, parse_address
from proxy.config.rules import (
    AddressText,
    Choice,
    ListOf,
    OrNull,
    Seconds,
    SecretText,
    Text,
    Whole,
    Word,
)
from proxy.config.secret import Secret
from proxy.vocabulary import Role

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]

# RDS Proxy's rule for names: letters, digits and single hyphens between them.
_NAME = Text(
    r"(?=.{1,63}\Z)[a-zA-Z](?:-?[a-zA-Z0-9])*",
    "1 to 63 letters, digits and single hyphens, a letter first and no hyphen last",
)
# 32 characters in MySQL, 128 in MariaDB.
_USERNAME = Text(r"[^\x00]{1,128}", "a text of 1 to 128 characters")
_TEXT = Text()
_DAY = 86_400
_MIB = 1024 * 1024


class EngineFamily(enum.Enum):
    """Which databases a proxy serves."""

    MYSQL = "MYSQL"


class AuthScheme(enum.Enum):
    """Where the password of a user comes from."""

    STATIC = "STATIC"


class ClientPasswordAuthType(enum.Enum):
    """How clients prove their password to the proxy."""

    MYSQL_NATIVE_PASSWORD = "MYSQL_NATIVE_PASSWORD"  # noqa: S105 - the name of a method
    MYSQL_CACHING_SHA2_PASSWORD = "MYSQL_CACHING_SHA2_PASSWORD"  # noqa: S105 - likewise


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
class AuthEntry:
    """A user whom the proxy knows: clients log in with it, and the proxy does at the target."""

    auth_scheme: AuthScheme = attrs.field(
        default=AuthScheme.STATIC,
        validator=Choice(AuthScheme),
        metadata={"doc": "Where the password comes from: STATIC means from this entry."},
    )
    username: str = attrs.field(
        validator=_USERNAME,
        metadata={"doc": "The name of the user, the same at the proxy and at the target."},
    )
    password: Secret | None = attrs.field(
        default=None,
        validator=OrNull(SecretText()),
        repr=False,
        metadata={
            "doc": "The password itself. Give one of password, password_file, password_env."
        },
    )
    password_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "A file whose first line is the password. A relative path starts at the "
            "folder of the configuration file."
        },
    )
    password_env: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={"doc": "An environment variable of the proxy that holds the password."},
    )
    client_password_auth_type: ClientPasswordAuthType | None = attrs.field(
        default=None,
        validator=OrNull(Choice(ClientPasswordAuthType)),
        metadata={
            "doc": "How clients prove the password to the proxy; null takes what suits the "
            "target. The way from the proxy to the target does not depend on it."
        },
    )


@attrs.frozen(kw_only=True)
class Target:
    """A MySQL or MariaDB server that the proxy may use."""

    address: str = attrs.field(
        validator=AddressText(),
        metadata={
            "doc": "Where it is: host:port, [IPv6]:port or unix:/path; "
            "the port is 3306 when it is left out."
        },
    )
    role: Role = attrs.field(
        default=Role.READ_WRITE,
        validator=Choice(Role),
        metadata={"doc": "Whether it takes writes. There is one READ_WRITE target in a group."},
    )

    @property
    def place(self) -> TcpAddress | UnixAddress:
        """The address, taken apart."""
        return parse_address(self.address)


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


@attrs.frozen(kw_only=True)
class TargetGroup:
    """The servers behind a proxy, and the pool of connections to each."""

    targets: tuple[Target, ...] = attrs.field(
        metadata={"doc": "The servers: exactly one READ_WRITE target."}
    )
    connection_pool_config: ConnectionPoolConfig = attrs.field(
        factory=ConnectionPoolConfig,
        metadata={"doc": "Limits and times of the pool of each target."},
    )


@attrs.frozen(kw_only=True)
class EndpointConfig:
    """An address where a proxy serves clients."""

    name: str = attrs.field(
        validator=_NAME, metadata={"doc": "Its name in logs and metrics; unique in its proxy."}
    )
    target_role: Role = attrs.field(
        default=Role.READ_WRITE,
        validator=Choice(Role),
        metadata={
            "doc": "Which targets its clients get. READ_ONLY is refused until a proxy can have "
            "readers."
        },
    )
    listen: str = attrs.field(
        validator=_TEXT,
        metadata={
            "doc": "A Twisted server endpoint string, such as tcp:3306, "
            "tcp:3306:interface=127.0.0.1, unix:/run/mysqlproxy/shop.sock or "
            "systemd:domain=INET:index=0. Up to 4,096 new connections wait to be accepted; "
            "tcp:3306:backlog=8192 has another number, as far as net.core.somaxconn allows."
        },
    )


@attrs.frozen(kw_only=True)
class ProxyConfig:
    """A proxy: its users, the servers behind it and the addresses where it serves."""

    name: str = attrs.field(
        validator=_NAME, metadata={"doc": "Its name in logs and metrics; unique."}
    )
    engine_family: EngineFamily = attrs.field(
        default=EngineFamily.MYSQL,
        validator=Choice(EngineFamily),
        metadata={"doc": "Which databases it serves: MYSQL stands for MySQL and MariaDB."},
    )
    auth: tuple[AuthEntry, ...] = attrs.field(
        metadata={"doc": "The users whom it knows; nobody else can log in."}
    )
    idle_client_timeout: float = attrs.field(
        default=1800.0,
        validator=Seconds(1, 28_800),
        metadata={"doc": "A client that sends nothing for so long is disconnected."},
    )
    login_timeout: float = attrs.field(
        default=10.0,
        validator=Seconds(0.1, 300),
        metadata={
            "doc": "How long a client may take to log in. Ten seconds is the server's own "
            "connect_timeout."
        },
    )
    max_clients: int = attrs.field(
        default=10_000,
        validator=Whole(1, 1_000_000, unit="clients"),
        metadata={
            "doc": "The most clients at once, all endpoints together; the next one hears error "
            "1040. Each takes a file descriptor of the process, so its limit on open files "
            "(LimitNOFILE in the systemd unit) has to be larger than the sum over all proxies."
        },
    )
    max_allowed_packet: int = attrs.field(
        default=64 * _MIB,
        validator=Whole(1024, 1024 * _MIB, unit="bytes"),
        metadata={
            "doc": "The largest command that a client may send; it is kept in memory until it "
            "is whole. The range and the default are those of the server's own variable."
        },
    )
    server_version: str | None = attrs.field(
        default=None,
        validator=OrNull(
            Text(r"[\x20-\x7e]{1,60}", "a text of 1 to 60 printable ASCII characters")
        ),
        metadata={
            "doc": "The version that clients are greeted with. When left out it is the "
            "target's own."
        },
    )
    target_group: TargetGroup = attrs.field(
        metadata={"doc": "The servers behind it and the pool of connections to them."}
    )
    endpoints: tuple[EndpointConfig, ...] = attrs.field(
        metadata={"doc": "The addresses where it serves."}
    )


@attrs.frozen(kw_only=True)
class LogConfig:
    """What the log shows and how."""

    level: LogLevel = attrs.field(
        default="info",
        validator=Word(LogLevel),
        metadata={"doc": "The least serious lines that are written."},
    )
    format: LogFormat = attrs.field(
        default="auto",
        validator=Word(LogFormat),
        metadata={
            "doc": "console is for people, json for programs; auto takes console on a terminal "
            "and json elsewhere."
        },
    )


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration."""

    proxies: tuple[ProxyConfig, ...] = attrs.field(
        metadata={"doc": "The proxies that one process serves."}
    )
    log: LogConfig = attrs.field(factory=LogConfig, metadata={"doc": "The log."})
    drain_timeout: float = attrs.field(
        default=30.0,
        validator=Seconds(0, 3600),
        metadata={
            "doc": "How long running transactions may go on after SIGTERM before they are cut "
            "off. systemd's TimeoutStopSec has to be longer."
        },
    )
