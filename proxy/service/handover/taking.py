"""Clients that another process has served so far, and that are served here from now on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from proxy.front import moving
from proxy.front.client import Client
from proxy.front.moving import CannotMoveError, Passage
from proxy.front.proxy import Proxy


class Answering(Protocol):
    """Leads to the process that had the client."""

    def say(self, what: str, **more: Any) -> None:
        """Send a message."""

    def flush(self) -> None:
        """Send at once what the kernel takes."""


class Taking:
    """See the module.

    Attributes:
        count: How many have come.
    """

    def __init__(self, reactor: Any, proxies: Callable[[], Mapping[str, Proxy]]) -> None:
        self._reactor = reactor
        self._proxies = proxies
        self._waiting: dict[int, Client] = {}
        self.count = 0

    def __repr__(self) -> str:
        """How many have come."""
        return f"<Taking {self.count} have come>"

    def take(
        self,
        document: Any,
        connection: socket.socket | None,
        road: Answering,
        *,
        waits: bool = False,
    ) -> None:
        """Serve a client, or say why not.

        Args:
            document: All that is known of it, see `Passage`.
            connection: Its connection; None where that got lost.
            road: To whom had it.
            waits: Read nothing of it before `go_on`: the road leads by way of somebody who may
                die before it is known at its end.
        """
        number = document.get("number") if isinstance(document, dict) else None
        try:
            client = self._take_in(document, connection)
        except CannotMoveError as error:
            road.say("refused", number=number, why=str(error))
        else:
            # Before anything is read of it: if this process dies, the one before has to know
            # whose command has been lost with it, and who is still its own.
            road.say("taken", number=number)
            road.flush()
            self.count += 1
            if waits:
                client.protocol.pauseProducing()
                self._waiting[client.number] = client
            else:
                client.protocol.proceed()

    def go_on(self, number: int) -> None:
        """The process that had this client knows that it is served here."""
        client = self._waiting.pop(number, None)
        if client is not None and _is_here(client):
            client.protocol.resumeProducing()
            client.protocol.proceed()

    def give_up(self) -> None:
        """Who had the clients may not know that they are here: they are not touched."""
        while self._waiting:
            _, client = self._waiting.popitem()
            if _is_here(client):
                moving.leave_to_others(client)

    def _take_in(self, document: Any, connection: socket.socket | None) -> Client:
        if connection is None:
            raise CannotMoveError("there is no descriptor left for its connection")
        with connection:
            passage = Passage.decode(document)
            proxy = self._proxies().get(passage.proxy)
            if proxy is None:
                raise CannotMoveError(f"there is no proxy {passage.proxy} any more")
            return moving.take_in(self._reactor, proxy, passage, connection)


def _is_here(client: Client) -> bool:
    """Whether it is neither gone nor on its way to somebody else."""
    return client.proxy.clients.get(client.number) is client
