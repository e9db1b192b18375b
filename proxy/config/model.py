"""Every setting: its name, what it may be, its default and what it is for.

Names and defaults are RDS Proxy's where it has the setting (in snake case).  A field holds a
section (another class of this package), a tuple of sections, or a value under a rule; its text
in `metadata` is what the reference in the manual says.  Rules that look at several settings at
once are in `proxy.config.checks`.
"""

from __future__ import annotations

import enum

import attrs

from proxy.config.address import TcpAddress, UnixAddress, parse_address
from proxy.config.admin import AdminConfig
from proxy.config.auth import AuthEntry
from proxy.config.aws import AwsConfig, IamConfig
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.log import LogConfig
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.rules import (
    AddressText,
    Choice,
    ListOf,
    Network,
    OrNull,
    OrWord,
    Seconds,
    Switch,
    Text,
    Whole,
)
from proxy.config.tls import BackendTls, ClientTls
from proxy.vocabulary import Role

MAX_WORKERS = 63
"""The numbers of clients name their workers by their last six bits."""

DEFAULT_TARGET_SET = "default"
"""The name of the targets that stand in the group itself."""

# RDS Proxy's rule for names: letters, digits and single hyphens between them.
_NAME = Text(
    r"(?=.{1,63}\Z)[a-zA-Z](?:-?[a-zA-Z0-9])*",
    "1 to 63 letters, digits and single hyphens, a letter first and no hyphen last",
)
_TEXT = Text()
_NETWORKS = ListOf(Network())
_MIB = 1024 * 1024


class EngineFamily(enum.Enum):
    """Which databases a proxy serves."""

    MYSQL = "MYSQL"


class DefaultAuthScheme(enum.Enum):
    """How users are served whom no entry of `auth` names."""

    NONE = "NONE"
    IAM_AUTH = "IAM_AUTH"


class WorkerCount(enum.Enum):
    """How many processes serve, where that is no number."""

    AUTO = "auto"


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
        metadata={
            "doc": "With the topology STATIC: whether it takes writes; exactly one does. With "
            "any other, READ_ONLY means that it is never the writer, whatever it says of "
            "itself, and a READ_WRITE one is the writer when it is seen to be."
        },
    )
    tls_server_name: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "The name that its certificate has to be made for with the mode "
            "verify_identity; null takes the host of the address."
        },
    )
    proxy_protocol: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether each connection to it begins with a header of the PROXY protocol, "
            "version 2, for a server or load balancer that wants one. It names the proxy's own "
            "address, as a connection serves many clients."
        },
    )

    @property
    def place(self) -> TcpAddress | UnixAddress:
        """The address, taken apart."""
        return parse_address(self.address)


@attrs.frozen(kw_only=True)
class TargetSet:
    """Other servers, to which a target group can be switched in one step."""

    name: str = attrs.field(
        validator=_NAME,
        metadata={
            "doc": "Its name, to switch to it; unique in its group. That of the targets of the "
            "group itself is default."
        },
    )
    targets: tuple[Target, ...] = attrs.field(
        metadata={"doc": "Its servers, by the same rules as the targets of the group."}
    )


@attrs.frozen(kw_only=True)
class TargetGroup:
    """The servers behind a proxy, and the pool of connections to each."""

    topology: Topology = attrs.field(
        default=Topology.STATIC,
        validator=Choice(Topology),
        metadata={
            "doc": "How the targets belong together. STATIC: roles are as configured. "
            "REPLICATION: MySQL or MariaDB with asynchronous or semi-synchronous replication; "
            "the writer is who is writable. GROUP_REPLICATION: MySQL Group Replication, InnoDB "
            "Cluster; the writer is the primary. GALERA: MariaDB Galera Cluster; the proxy "
            "chooses one writer. AURORA: Amazon Aurora; the writer is who its cluster says."
        },
    )
    targets: tuple[Target, ...] = attrs.field(
        metadata={
            "doc": "The servers. With the topology STATIC exactly one is READ_WRITE; with any "
            "other at least one is, and with failover.discover some suffice to find all."
        }
    )
    target_sets: tuple[TargetSet, ...] = attrs.field(
        default=(),
        metadata={
            "doc": "Other sets of servers, to which the group can be switched in one step, as "
            "for a blue/green deployment. They have its topology and all its settings."
        },
    )
    failover: FailoverConfig = attrs.field(
        factory=FailoverConfig,
        metadata={"doc": "How targets are watched, and what follows from it."},
    )
    tls: BackendTls = attrs.field(
        factory=BackendTls, metadata={"doc": "TLS on the way to the targets."}
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
            "doc": "Which targets its clients get. READ_WRITE: the writer. READ_ONLY: the "
            "readers, each client one of them."
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
    proxy_protocol_networks: tuple[str, ...] = attrs.field(
        default=(),
        validator=_NETWORKS,
        metadata={
            "doc": "Load balancers that may say, by the PROXY protocol (version 1 or 2), whom "
            "they connect: allowed networks and logs then see the client's own address. A "
            "client from these networks that says nothing is taken for itself; a header from "
            "anywhere else is refused."
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
        default=(),
        metadata={
            "doc": "The users whom it knows. Nobody else can log in, unless "
            "default_auth_scheme is IAM_AUTH. A user of several entries has the password of a "
            "STATIC one, else of a FILE, else of a secret."
        },
    )
    default_auth_scheme: DefaultAuthScheme = attrs.field(
        default=DefaultAuthScheme.NONE,
        validator=Choice(DefaultAuthScheme),
        metadata={
            "doc": "How users are served whom no entry of auth names. NONE: not at all. "
            "IAM_AUTH: a client logs in with an IAM token, and the proxy logs in to the target "
            "as the same user with a token that it makes itself."
        },
    )
    role_arn: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "An IAM role that the proxy assumes to read secrets and to make tokens for "
            "its targets; null uses the credentials of the process as they are."
        },
    )
    require_tls: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={"doc": "Whether clients without TLS are refused, with error 3159."},
    )
    allowed_networks: tuple[str, ...] = attrs.field(
        default=(),
        validator=_NETWORKS,
        metadata={
            "doc": "Where clients may come from; the others hear error 1130. An empty list "
            "allows all."
        },
    )
    failed_login_threshold: int = attrs.field(
        default=5,
        validator=Whole(0, 1_000_000, unit="failed logins"),
        metadata={
            "doc": "After so many failed logins in a row, of one user from one address, the "
            "next refusals come later and later: 1 second, 2, 4 and so on. 0 switches it off."
        },
    )
    max_failed_login_delay: float = attrs.field(
        default=30.0,
        validator=Seconds(0.1, 3600),
        metadata={"doc": "The longest that a refusal is delayed so."},
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
    debug_logging: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether the log shows each statement, whatever its level: its text, whose "
            "it is, which connection it took, how long that was and how it ended. Statements "
            "that have passwords or tokens in them are shown without their values. It can be "
            "switched on and off while the proxy runs."
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
    tls: ClientTls = attrs.field(
        factory=ClientTls, metadata={"doc": "TLS on the way to the clients."}
    )
    aws: AwsConfig = attrs.field(
        factory=AwsConfig,
        metadata={"doc": "How AWS is reached, for secrets and for tokens."},
    )
    iam: IamConfig = attrs.field(
        factory=IamConfig,
        metadata={"doc": "Whose IAM tokens are good, and for which users."},
    )
    target_group: TargetGroup = attrs.field(
        metadata={"doc": "The servers behind it and the pool of connections to them."}
    )
    endpoints: tuple[EndpointConfig, ...] = attrs.field(
        metadata={"doc": "The addresses where it serves."}
    )


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration."""

    proxies: tuple[ProxyConfig, ...] = attrs.field(
        metadata={"doc": "The proxies that one process serves."}
    )
    log: LogConfig = attrs.field(factory=LogConfig, metadata={"doc": "The log."})
    admin: AdminConfig = attrs.field(
        factory=AdminConfig,
        metadata={"doc": "Where the running proxy is asked and told things."},
    )
    workers: int | WorkerCount = attrs.field(
        default=WorkerCount.AUTO,
        validator=OrWord(Whole(1, MAX_WORKERS), WorkerCount.AUTO),
        metadata={
            "doc": "How many processes serve the clients: one uses one processor core. auto: "
            "as many as there are cores that the proxy may use. With more than one, one more "
            "process supervises them: it listens, hands clients out, watches the targets, and "
            "has the admin API and the metrics of all."
        },
    )
    drain_timeout: float = attrs.field(
        default=30.0,
        validator=Seconds(0, 3600),
        metadata={
            "doc": "How long running transactions may go on after SIGTERM before they are cut "
            "off. systemd's TimeoutStopSec has to be longer."
        },
    )
    handover_timeout: float = attrs.field(
        default=3600.0,
        validator=Seconds(0, 86_400),
        metadata={
            "doc": "How long a process that has handed its sockets to a successor goes on "
            "serving those clients that could not be handed over with them, such as those "
            "with TLS or in a transaction, before they are cut off."
        },
    )
