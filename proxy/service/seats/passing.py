"""A worker's part in moving clients: to other workers, to another release, and from both."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.front import moving
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.net.clock import Timer, cancel
from proxy.service.channel import Message
from proxy.service.handover.departures import Departures
from proxy.service.handover.leaving import Leaving
from proxy.service.handover.taking import Taking
from proxy.service.link import Link
from proxy.service.supervising.member import proxy_of

LOOK_SECONDS: Final = 0.02
"""Pause between two looks at who rests: who is busy is met between two statements by chance."""

LOOKS: Final = 25
"""Clients that were not met in so many looks stay: they are in transactions, or pinned."""

ACTIVE_SECONDS: Final = 2.0
"""Clients that have sent something within so many seconds are those that make work; to a second
is how exactly that is known."""


class LinkRoad:
    """The way to the supervisor, as those who send and take clients want it."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def is_open(self) -> bool:
        """See `proxy.service.handover.departures.Road`."""
        return self._link.is_open

    def say(self, what: str, handles: Iterable[int] = (), **more: Any) -> None:
        """See `proxy.service.handover.departures.Road`."""
        self._link.tell(what, handles, **more)

    def flush(self) -> None:
        """See `proxy.service.handover.taking.Answering`."""
        self._link.flush()


class Passing:
    """See the module.

    Args:
        link: To the supervisor.
        clients: All of this process.
        proxies: Likewise, by name.
        reactor: Ours.
        end: Ends this process.
        came: Told whose client has come from another worker.
        log: For what an operator may care about.
    """

    def __init__(
        self,
        link: Link,
        clients: Mapping[int, Client],
        proxies: Callable[[], Mapping[str, Proxy]],
        reactor: Any,
        end: Callable[[], None],
        came: Callable[[str], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._came = came
        self._clients = clients
        self._proxies = proxies
        self._reactor = reactor
        self._end = end
        self._log = log
        self._road = LinkRoad(link)
        self._departures = Departures(self._road, reactor, log)
        self._taking = Taking(reactor, proxies)
        self._leaving: Leaving | None = None
        self._timer: Timer | None = None
        self._stopped = False
        for what, call in {
            "leave": self._leave,
            "move": self._move,
            "heard": self._heard,
            "stay": self._stay,
            "go_on": self._go_on,
        }.items():
            link.on(what, _without_sockets(call))
        link.on("client", self._take)

    def __repr__(self) -> str:
        """How many have gone and come."""
        return f"<Passing {self._departures!r} {self._taking!r}>"

    @property
    def is_awaited(self) -> bool:
        """Whether somebody has still to say of a client whether it is served there."""
        return bool(self._departures) and self._road.is_open

    def stop(self) -> None:
        """Send nobody any more, and take nobody: this process ends."""
        self._stopped = True
        cancel(self._timer)
        if not self._road.is_open:
            self._taking.give_up()
            self._departures.abandon()
        if self._leaving is not None:
            self._leaving.stop()

    # All have to go

    def _leave(self, message: Message) -> None:
        """Another release takes over: this process ends when all have gone."""
        cancel(self._timer)
        self._leaving = Leaving(
            self._departures,
            _nothing,
            self._clients,
            [*self._proxies().values()],
            self._reactor,
            message["seconds"],
            lambda: True,
            self._end,
            self._log,
        )
        self._leaving.begin()

    def _stay(self, _message: Message) -> None:
        """The other release has gone; of each client on its way is heard whether it has it.

        Until then its descriptor may still have to be sent, and it may be at a worker.
        """
        if self._leaving is not None:
            self._leaving.stay()

    def _heard(self, message: Message) -> None:
        if self._leaving is not None:
            self._leaving.heard(message["message"])
        else:
            self._departures.heard(message["message"])

    # Some shall go

    def _move(self, message: Message) -> None:
        """Send some of those who make work to another worker, that has less."""
        if self._leaving is None and not self._stopped:
            cancel(self._timer)
            self._departures.forget_gone()
            self._look(round(message["part"] * len(self._active())), LOOKS)

    def _active(self) -> list[Client]:
        return [
            client
            for client in self._clients.values()
            if client.proxy.deadlines.now - client.last_active < ACTIVE_SECONDS
            and not client.proxy.draining  # else it has no place elsewhere either
            and moving.may_move(client)
        ]

    def _look(self, count: int, looks: int) -> None:
        for client in self._active():
            if count <= 0 or not self._departures.has_room:
                break
            moving.call_back(client)
            count -= self._departures.send(client)
        if count > 0 and looks > 0:
            self._timer = self._reactor.callLater(LOOK_SECONDS, self._look, count, looks - 1)

    # Some come

    def _take(self, message: Message, sockets: list[socket.socket]) -> None:
        self._came(proxy_of(message["client"]))
        if self._stopped:
            for one in sockets:
                one.close()
            number = message["client"].get("number")
            self._road.say("refused", number=number, why="the worker ends")
            return
        connection = sockets[0] if sockets else None
        self._taking.take(message["client"], connection, self._road, waits=True)

    def _go_on(self, message: Message) -> None:
        """Whoever had this client knows that it is here."""
        self._taking.go_on(message["number"])


def _without_sockets(call: Callable[[Message], None]) -> Any:
    return lambda message, _sockets: call(message)


def _nothing() -> None:
    """The link stays open: the supervisor needs it."""
