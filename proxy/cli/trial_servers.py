"""The database of a trial: a primary and its replica, or one server where there is no more."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import attrs
import click

from proxy.embedded import (
    EmbeddedError,
    Flavor,
    ReplicatedServers,
    Server,
    start_replicated,
    start_server,
)


def address_of(server: Server) -> str:
    """The server as the proxy's configuration names it."""
    return f"{server.host}:{server.port}"


@attrs.frozen(eq=False)
class TrialServers:
    """What was started. As a context manager all are closed at the end of the block.

    Attributes:
        first: The one that takes writes at the beginning.
        group: It and its replica; None where there is no replica.
    """

    first: Server
    group: ReplicatedServers | None = None

    @property
    def primary(self) -> Server:
        """The one that takes writes now."""
        return self.first if self.group is None else self.group.primary

    @property
    def all(self) -> tuple[Server, ...]:
        """The primary first."""
        return (self.first,) if self.group is None else self.group.servers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self.all:
            server.close()


def start_trial_servers(flavor: Flavor) -> TrialServers:
    """Start a primary and a replica that has what was acknowledged; or one server at least.

    Raises:
        EmbeddedError: there is no way to any.
    """
    try:
        group = start_replicated(flavor, semi_sync=True)
    except EmbeddedError as error:
        server = start_server(flavor)
        click.echo(f"There is one server only, and no failover: {error}", err=True)
        return TrialServers(server)
    return TrialServers(group.primary, group)
