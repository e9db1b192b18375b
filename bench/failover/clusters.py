"""Servers that belong together, with the accounts and tables of the bench."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator, Sequence

import attrs

from bench.failover.clients import TABLES
from bench.failover.proxying import MONITOR, MONITOR_PASSWORD
from bench.site import PASSWORD, SCHEMA, USER
from proxy.embedded import Flavor, LocalServer, ReplicatedServers, start_replicated
from proxy.embedded.group import GroupServers, start_group

MAX_CONNECTIONS = 500
"""Each server's own limit, with room for clients that come directly."""


class Cluster(abc.ABC):
    """A primary that may be lost, and somebody to take its place.

    Attributes:
        topology: how the proxy's configuration calls it.
    """

    topology: str

    @property
    @abc.abstractmethod
    def servers(self) -> Sequence[LocalServer]:
        """All of them, the primary first."""

    @property
    def primary(self) -> LocalServer:
        """Who takes writes."""
        return self.servers[0]

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Where they all are, the primary first."""
        return tuple((server.host, server.port) for server in self.servers)

    @abc.abstractmethod
    def promote(self) -> None:
        """Give the place of a primary that is dead or frozen to another one."""

    @abc.abstractmethod
    def repair(self, lost: LocalServer) -> None:
        """Bring the one that was lost back, and wait until all have the same."""


@attrs.define(eq=False)
class Pair(Cluster):
    """A primary and replicas that follow it by GTID; a script promotes one of them."""

    group: ReplicatedServers
    topology = "REPLICATION"

    @property
    def servers(self) -> Sequence[LocalServer]:
        """See `Cluster`."""
        return self.group.servers

    def promote(self) -> None:
        """See `Cluster`."""
        self.group.promote()

    def repair(self, lost: LocalServer) -> None:
        """See `Cluster`."""
        self.group.rejoin(lost)
        self.group.wait_until_caught_up()


@attrs.define(eq=False)
class Group(Cluster):
    """Members of MySQL's Group Replication, which elect their primary themselves."""

    group: GroupServers
    topology = "GROUP_REPLICATION"

    @property
    def servers(self) -> Sequence[LocalServer]:
        """See `Cluster`."""
        primary = self.group.wait_for_primary()
        return (primary, *(one for one in self.group.members if one is not primary))

    def promote(self) -> None:
        """See `Cluster`; they need nobody for that."""

    def repair(self, lost: LocalServer) -> None:
        """See `Cluster`."""
        self.group.rejoin(lost)


def prepare(primary: LocalServer) -> None:
    """Make accounts and tables.

    Clients may do all to their own schema and nothing else; monitors may do everything, as
    they change roles when they are asked to.
    """
    primary.execute(f"CREATE DATABASE {SCHEMA}")
    primary.create_user(USER, PASSWORD, grants=(f"ALL PRIVILEGES ON {SCHEMA}.*",))
    primary.create_user(MONITOR, MONITOR_PASSWORD)
    primary.execute(f"USE {SCHEMA}", *TABLES)


@contextlib.contextmanager
def pair(replicas: int = 1, *, semi_sync: bool = False) -> Iterator[Pair]:
    """A primary and replicas for the time of the block.

    Raises:
        EmbeddedError: they do not start.
    """
    with start_replicated(
        Flavor.MYSQL, replicas, semi_sync=semi_sync, max_connections=MAX_CONNECTIONS
    ) as group:
        prepare(group.primary)
        group.wait_until_caught_up()
        yield Pair(group)


@contextlib.contextmanager
def group(members: int = 3) -> Iterator[Group]:
    """A group for the time of the block.

    Raises:
        EmbeddedError: it does not start.
    """
    with start_group(members, max_connections=MAX_CONNECTIONS) as servers:
        prepare(servers.wait_for_primary())
        yield Group(servers)
