"""Clients on their way to another process, which says of each whether it serves it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.front import moving
from proxy.front.client import Client
from proxy.front.moving import CannotMoveError
from proxy.net.clock import Clock
from proxy.service.channel import Message

UNDER_WAY: Final = 64
"""Clients of whom the other process has not said yet whether it serves them.  They hear nothing
meanwhile, so there are few; and the kernel lets no more descriptors be on their way than a
process may have open."""

AGAIN_SECONDS: Final = 10.0
"""When a client is sent again that could not go, or was not taken: what is in its way, such as
max_clients of others, or a lack of descriptors, may have gone by then."""


class Road(Protocol):
    """Leads to the other process."""

    @property
    def is_open(self) -> bool:
        """Whether it leads anywhere."""

    def say(self, what: str, handles: Iterable[int] = (), **more: Any) -> None:
        """See `proxy.service.channel.Channel.say`."""


class Departures:
    """See the module.

    Attributes:
        moved: How many have arrived.
    """

    def __init__(self, road: Road, clock: Clock, log: FilteringBoundLogger) -> None:
        self._road = road
        self._clock = clock
        self._log = log
        self._under_way: dict[int, tuple[Client, int]] = {}
        self._stay: dict[Client, float] = {}
        self.moved = 0

    def __repr__(self) -> str:
        """How many have gone, and how many are about to."""
        return f"<Departures {self.moved} gone, {len(self)} on their way>"

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether one more may go."""
        return len(self) < UNDER_WAY and self._road.is_open

    def send(self, client: Client) -> bool:
        """Let a client go; False when it does not rest, or has to stay for a while."""
        if client.gone or self.has_to_stay(client) or not moving.rests(client):
            return False
        try:
            handle, passage = moving.set_out(client)
        except CannotMoveError as error:
            self._let_stay(client, str(error))
            return False
        self._under_way[client.number] = client, handle
        self._road.say("client", [handle], client=passage.encode())
        return True

    def has_to_stay(self, client: Client) -> bool:
        """Whether it could not go a moment ago."""
        return self._stay.get(client, 0.0) > self._clock.seconds()

    def _let_stay(self, client: Client, why: str) -> None:
        if client not in self._stay:
            self._log.warning("a client stays for now", client=client.number, why=why)
        self._stay[client] = self._clock.seconds() + AGAIN_SECONDS

    def forget_gone(self) -> None:
        """Keep nothing of clients that are gone; called now and then."""
        self._stay = {one: until for one, until in self._stay.items() if not one.gone}

    def heard(self, message: Message) -> None:
        """The other process says what it has done with a client."""
        found = self._under_way.pop(message.get("number", 0), None)
        if found is None:
            return
        client, handle = found
        os.close(handle)
        if message["what"] == "taken":
            self.moved += 1
            moving.arrived(client)
        else:
            self._let_stay(client, f"the new process does not take it: {message.get('why')}")
            moving.come_back(client)

    def abandon(self) -> None:
        """Nobody will say any more who has them: those who have them not lose them."""
        for client, handle in self._under_way.values():
            os.close(handle)
            moving.arrived(client)
        self._under_way.clear()

    def lost(self) -> None:
        """The other process has gone: those on their way are served here."""
        for client, handle in [*self._under_way.values()]:
            os.close(handle)
            moving.come_back(client)
        self._under_way.clear()
