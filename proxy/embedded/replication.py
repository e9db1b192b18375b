"""A primary and its replicas, all on this machine."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import attrs

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.launch import MAX_CONNECTIONS, Way, start_local_server, tell
from proxy.embedded.local import LocalServer, start_local
from proxy.embedded.server import Server

CAUGHT_UP_LIMIT_SECONDS = 30.0
REPLICATION_USER = "replication"


@attrs.define(eq=False)
class ReplicatedServers:
    """
    A primary and its replicas. As a context manager all are closed at the end of the block.

    Attributes:
        primary: takes writes.
        replicas: follow the primary by GTID and refuse writes; on MySQL those of accounts
            with all privileges too (super_read_only), which MariaDB cannot refuse.
    """

    primary: LocalServer
    replicas: list[LocalServer]
    replication_password: str = attrs.field(repr=False)

    @property
    def servers(self) -> tuple[LocalServer, ...]:
        """The primary, then the replicas."""
        return (self.primary, *self.replicas)

    def wait_until_caught_up(self, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS) -> None:
        """
        Wait until each replica has what the primary has committed by now.

        Raises:
            ServerFailedError: a replica has not in time; its own words are told.
        """
        for replica in self.replicas:
            wait_until_caught_up(replica, self.primary, limit_seconds)

    def close(self) -> None:
        """End all servers at once and remove their data."""
        for server in self.servers:
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start_replicated(
    flavor: Flavor,
    replicas: int = 1,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
) -> ReplicatedServers:
    """
    Start a primary and replicas that have caught up with it.

    Args:
        flavor: which family is wanted.
        replicas: how many.
        ways: see `proxy.embedded.launch.start_server`; containers are not among them.
        progress: is told what takes time.
        max_connections: each server's own limit of clients.

    Raises:
        ServerNotFoundError: there are no server programs; the text says what to install.
        ServerFailedError: a replica does not follow.
    """
    with ExitStack() as started:
        primary = start_local_server(
            flavor, ways=ways, progress=progress, max_connections=max_connections
        )
        started.enter_context(primary)
        group = ReplicatedServers(primary, [], secrets.token_urlsafe(12))
        primary.create_user(
            REPLICATION_USER,
            group.replication_password,
            grants=("REPLICATION SLAVE ON *.*",),
        )
        for _ in range(replicas):
            replica = start_local(
                primary.distribution, progress, max_connections=max_connections
            )
            started.enter_context(replica)
            follow(replica, primary, group.replication_password)
            refuse_writes(replica)
            group.replicas.append(replica)
        group.wait_until_caught_up()
        started.pop_all()
    return group


def follow(replica: Server, primary: Server, replication_password: str) -> None:
    """
    Make a server replicate from another, from the last transaction it has itself.

    Args:
        replica: has nothing that the primary has not; if it followed another server, it
            stops doing so.
        primary: its new source.
        replication_password: of the account `REPLICATION_USER` on the primary.
    """
    if replica.flavor is Flavor.MYSQL:
        replica.execute(
            "STOP REPLICA",
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{primary.host}', "
            f"SOURCE_PORT = {primary.port}, SOURCE_USER = '{REPLICATION_USER}', "
            f"SOURCE_PASSWORD = '{replication_password}', SOURCE_AUTO_POSITION = 1, "
            "SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400, "
            # Without TLS, caching_sha2_password needs the primary's RSA key.
            "GET_SOURCE_PUBLIC_KEY = 1",
            "START REPLICA",
        )
        return
    replica.execute(
        "STOP SLAVE",
        f"CHANGE MASTER TO MASTER_HOST = '{primary.host}', MASTER_PORT = {primary.port}, "
        f"MASTER_USER = '{REPLICATION_USER}', MASTER_PASSWORD = '{replication_password}', "
        "MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1",
        "START SLAVE",
    )


def refuse_writes(replica: LocalServer) -> None:
    """Make a server read-only, now and at each later start."""
    mysql = replica.flavor is Flavor.MYSQL
    replica.settings["super-read-only" if mysql else "read-only"] = "ON"
    replica.execute(f"SET GLOBAL {'super_read_only' if mysql else 'read_only'} = ON")


def wait_until_caught_up(
    replica: Server, primary: Server, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS
) -> None:
    """
    Wait until a replica has what its primary has committed by now.

    Raises:
        ServerFailedError: it has not in time; its own words are told.
    """
    if replica.flavor is Flavor.MYSQL:
        [[position]] = primary.execute("SELECT @@GLOBAL.gtid_executed")
        question = f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {limit_seconds})"
    else:
        [[position]] = primary.execute("SELECT @@GLOBAL.gtid_binlog_pos")
        question = f"SELECT MASTER_GTID_WAIT('{position}', {limit_seconds})"
    [[answer]] = replica.execute(question)
    if answer != 0:
        raise ServerFailedError(
            f"The replica on port {replica.port} did not catch up within "
            f"{limit_seconds:g} s: {_last_error(replica) or 'it told no error'}."
        )


def _last_error(replica: Server) -> str:
    """The replica's own words, of the thread that reads or of the one that applies."""
    mysql = replica.flavor is Flavor.MYSQL
    with replica.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW REPLICA STATUS" if mysql else "SHOW SLAVE STATUS")
        row = cursor.fetchone()
        assert cursor.description is not None
        names = [column[0] for column in cursor.description]
    status = dict(zip(names, row or (), strict=False))
    return str(status.get("Last_IO_Error") or status.get("Last_SQL_Error") or "")
