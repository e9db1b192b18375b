"""What operators see of one proxy, and what they do to its clients and connections.

Whoever serves the clients may be this process or several others: the admin API and the console
need not know.  What is counted or summed up is there at once, and no older than a second; what
is looked at row by row, and what is done to one client, may have to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

import attrs

from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
)
from proxy.config.model import ProxyConfig
from proxy.observe.counters import Counters

Row = TypeVar("Row", covariant=True)  # noqa: PLC0105 - of each kind of rows there is one name


@attrs.frozen
class Seen(Generic[Row]):
    """Rows of something that there may be very much of.

    Attributes:
        rows: No more than were asked for; taken once, some at a time, so they may be made
            meanwhile.
        total: How many there are.
        missing: Numbers of the workers that did not tell theirs in time.
    """

    rows: Iterable[Row]
    total: int
    missing: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class Standing:
    """How a proxy stands, in a few numbers.

    Attributes:
        clients: Connected.
        connections: To targets.
        lent: Of these, with clients.
        waiting: Clients in the queues.
        pinned: Clients that are pinned.
    """

    clients: int = 0
    connections: int = 0
    lent: int = 0
    waiting: int = 0
    pinned: int = 0


class Sight(Protocol):
    """One proxy, as operators see it; there is one for as long as there is the proxy.

    Where `most` is None all rows are meant.
    """

    @property
    def name(self) -> str:
        """The name of the proxy."""

    @property
    def config(self) -> ProxyConfig:
        """Its configuration in force."""

    @property
    def counters(self) -> Counters:
        """What has happened in it; no number in it but those of clients ever falls."""

    @property
    def count(self) -> int:
        """Its clients."""

    @property
    def debug(self) -> bool:
        """Whether the log shows each statement."""

    @debug.setter
    def debug(self, on: bool) -> None:
        """Show each statement in the log from now on, or no more."""

    def standing(self) -> Standing:
        """How it stands."""

    def pools(self) -> list[PoolStatus]:
        """The connections to its targets, target by target."""

    def pin_reasons(self) -> list[PinReasonStatus]:
        """By reason, those that pin now or have pinned, most now first."""

    async def clients(self, most: int | None = None) -> Seen[ClientStatus]:
        """Its clients, those that have been connected longest first."""

    async def connections(self, most: int | None = None) -> Seen[ConnectionStatus]:
        """Its connections to targets."""

    async def pins(self, most: int | None = None) -> Seen[PinStatus]:
        """What keeps clients on their connections, the longest first."""

    async def digests(self, most: int) -> Seen[DigestStatus]:
        """The statements that took most of the time, the most first."""

    async def has_client(self, number: int) -> bool:
        """Whether there is a client of this number."""

    async def kill_client(self, number: int) -> bool:
        """End a client, which can read why; False when there is none of this number."""

    async def stop_statement(self, number: int) -> bool:
        """Stop what a client waits for; False when there is none of this number."""

    async def has_connection(self, target: str, number: int) -> bool:
        """Whether there is a connection to a target that the server knows by this number."""

    async def kill_connection(self, target: str, number: int) -> bool:
        """End one: whoever has it hears that it was lost; False when it is not there."""
