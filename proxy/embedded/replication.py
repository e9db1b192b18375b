"""A primary and its replicas, all on this machine, whose roles may be changed."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import attrs

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.following import (
    CAUGHT_UP_LIMIT_SECONDS,
    REPLICATION_USER,
    follow,
    has_more,
    stop_following,
    wait_until_caught_up,
)
from proxy.embedded.launch import MAX_CONNECTIONS, Way, start_local_server, tell
from proxy.embedded.local import LocalServer, start_local
from proxy.embedded.roles import accept_writes, refuse_writes, rejoin
from proxy.embedded.semisync import semi_sync_settings, wait_for_replicas


@attrs.define(eq=False)
class ReplicatedServers:
    """
    A primary and its replicas. As a context manager all are closed at the end of the block.

    Attributes:
        primary: takes writes.
        replicas: follow the primary by GTID and refuse writes; on MySQL those of accounts
            with all privileges too (super_read_only), which MariaDB cannot refuse.
        semi_sync: whether a commit is acknowledged only after a replica has received it. It
            then waits while there is a replica in the list, even a dead one.
        apart: were in the group and neither lead nor follow now, such as a primary that was
            killed; `rejoin` brings them back.
    """

    primary: LocalServer
    replicas: list[LocalServer]
    replication_password: str = attrs.field(repr=False)
    semi_sync: bool = False
    apart: list[LocalServer] = attrs.field(factory=list)

    @property
    def servers(self) -> tuple[LocalServer, ...]:
        """The primary, then the replicas, then those which are apart."""
        return (self.primary, *self.replicas, *self.apart)

    def wait_until_caught_up(self, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS) -> None:
        """
        Wait until each replica has what the primary has committed by now.

        Raises:
            ServerFailedError: a replica has not in time; its own words are told.
        """
        for replica in self.replicas:
            wait_until_caught_up(replica, self.primary, limit_seconds)

    def most_advanced(self, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS) -> LocalServer:
        """
        The replica that has received the most, after all of them have applied what they had.

        The replicas forget their primary: `promote` one of them next. Those which are dead or
        frozen are passed over.

        Raises:
            ServerFailedError: no replica is alive, or the applying took longer.
        """
        alive = [replica for replica in self.replicas if _is_alive(replica)]
        if not alive:
            raise ServerFailedError("No replica is alive.")
        for replica in alive:
            stop_following(replica, limit_seconds)
        best = alive[0]
        for replica in alive[1:]:
            if has_more(replica, best):
                best = replica
        return best

    def promote(
        self,
        replica: LocalServer | None = None,
        limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS,
    ) -> LocalServer:
        """
        Make a replica the primary, as after the primary's death, which is not asked.

        The old primary, and replicas that are dead or frozen, are apart afterwards; the other
        replicas follow the new primary. The old one is not fenced: if it lives, it still
        takes writes.

        Args:
            replica: which one; by default the one which has received the most. Another one
                that has transactions which this one has not starts anew without them.
            limit_seconds: how long the applying of what was received may take.

        Returns:
            The new primary. It takes writes before the others follow it.

        Raises:
            ServerFailedError: the applying took longer; nobody was promoted.
        """
        replica = self.most_advanced(limit_seconds) if replica is None else replica
        stop_following(replica, limit_seconds)
        self._lead(replica)
        return replica

    def switch_over(
        self,
        replica: LocalServer | None = None,
        limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS,
    ) -> LocalServer:
        """
        Let a replica and the primary change places; no committed transaction is lost.

        The primary refuses writes first. It ends no transaction: what was open there fails
        when it writes or commits.

        Args:
            replica: which one; by default the first.
            limit_seconds: how long it may take to catch up.

        Returns:
            The new primary.

        Raises:
            ServerFailedError: it took longer; the old primary takes writes again.
        """
        replica = self.replicas[0] if replica is None else replica
        old = self.primary
        refuse_writes(old)
        try:
            wait_until_caught_up(replica, old, limit_seconds)
            stop_following(replica, limit_seconds)
        except BaseException:
            accept_writes(old)
            raise
        self._lead(replica)
        self._take_back(old)
        return replica

    def rejoin(self, server: LocalServer) -> None:
        """
        Bring a server that is apart back as a replica of the primary.

        It is started if it does not run. What it has and the primary has not is thrown away,
        see `proxy.embedded.roles.rejoin`.

        Raises:
            ServerFailedError: it does not start.
        """
        if self.semi_sync:
            # Told to wait no longer, a live one would acknowledge what no replica has.
            server.kill()
        self._take_back(server)

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

    def _lead(self, replica: LocalServer) -> None:
        """Give the primary's place to a server that follows nobody any more."""
        others = [server for server in self.replicas if server is not replica]
        self.apart.append(self.primary)
        self.apart += [server for server in others if not _is_alive(server)]
        self.primary = replica
        self.replicas = [server for server in others if _is_alive(server)]
        if self.semi_sync:
            # Before the first write; without a replica it would wait in vain.
            wait_for_replicas(replica, wanted=bool(self.replicas))
        accept_writes(replica)
        for server in self.replicas:
            rejoin(server, replica, self.replication_password)

    def _take_back(self, server: LocalServer) -> None:
        if self.semi_sync:
            wait_for_replicas(server, wanted=False)
        rejoin(server, self.primary, self.replication_password)
        if server in self.apart:
            self.apart.remove(server)
            self.replicas.append(server)
        if self.semi_sync:
            wait_for_replicas(self.primary, wanted=True)


def _is_alive(server: LocalServer) -> bool:
    return server.is_running() and not server.is_frozen()


def start_replicated(
    flavor: Flavor,
    replicas: int = 1,
    *,
    semi_sync: bool = False,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
) -> ReplicatedServers:
    """
    Start a primary and replicas that have caught up with it.

    Args:
        flavor: which family is wanted.
        replicas: how many.
        semi_sync: whether commits wait for a replica, so that those acknowledged outlive
            the primary.
        ways: see `proxy.embedded.launch.start_server`; containers are not among them.
        progress: is told what takes time.
        max_connections: each server's own limit of clients.

    Raises:
        ServerNotFoundError: there are no server programs; the text says what to install.
        ServerFailedError: a replica does not follow.
    """
    settings = semi_sync_settings(flavor) if semi_sync else {}
    with ExitStack() as started:
        primary = start_local_server(
            flavor,
            ways=ways,
            progress=progress,
            max_connections=max_connections,
            settings=settings,
        )
        started.enter_context(primary)
        group = ReplicatedServers(primary, [], secrets.token_urlsafe(12), semi_sync)
        primary.create_user(
            REPLICATION_USER,
            group.replication_password,
            grants=("REPLICATION SLAVE ON *.*",),
        )
        for _ in range(replicas):
            replica = start_local(
                primary.distribution,
                progress,
                max_connections=max_connections,
                settings=settings,
            )
            started.enter_context(replica)
            follow(replica, primary, group.replication_password)
            refuse_writes(replica)
            group.replicas.append(replica)
        group.wait_until_caught_up()
        if semi_sync and group.replicas:
            wait_for_replicas(primary, wanted=True)
        started.pop_all()
    return group
