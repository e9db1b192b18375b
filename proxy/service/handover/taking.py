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
        self.count = 0

    def __repr__(self) -> str:
        """How many have come."""
        return f"<Taking {self.count} have come>"

    def take(self, document: Any, connection: socket.socket | None, road: Answering) -> None:
        """Serve a client, or say why not.

        Args:
            document: All that is known of it, see `Passage`.
            connection: Its connection; None where that got lost.
            road: To whom had it.
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
            client.protocol.proceed()

    def _take_in(self, document: Any, connection: socket.socket | None) -> Client:
        if connection is None:
            raise CannotMoveError("there is no descriptor left for its connection")
        with connection:
            passage = Passage.decode(document)
            proxy = self._proxies().get(passage.proxy)
            if proxy is None:
                raise CannotMoveError(f"there is no proxy {passage.proxy} any more")
            return moving.take_in(self._reactor, proxy, passage, connection)
