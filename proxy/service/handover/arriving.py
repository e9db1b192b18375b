"""The successor: takes the ports of the process before it, then its clients."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.front.proxy import SEATS, Proxy
from proxy.service.channel import (
    LAYOUT,
    Channel,
    ChannelBrokenError,
    Message,
    adopt,
    receive_now,
)
from proxy.service.handover.spawn import forget_inherited, inherited
from proxy.service.handover.taking import Taking
from proxy.service.ports import Given, PortName

BEGIN_SECONDS: Final = 10.0
"""The process before has sent its ports before this one could ask for them."""

NUMBERS_APART: Final = SEATS << 20
"""New clients get numbers so far above those of the process before, which may accept some more
until this one is ready.  It waits a minute for that, and dealing a client to a worker takes it
some 65 µs, so these are fewer than 2^20; all may go to one worker, whose numbers are `SEATS`
apart.  Hand-overs alone go once through all 32 bits in 64 processes: whoever has stayed for so
long is passed over by the process that serves it then."""


Take = Callable[[Message, list[socket.socket], Channel], None]
"""Deals with a client that came over this channel, and its connection if that came too."""


class Arriving:
    """See the module.

    Attributes:
        given: The ports, for whoever wants to listen there.
        first_number: The first id for new clients.
        is_open: Whether the process before may have clients for this one.
    """

    def __init__(self, end: socket.socket, log: FilteringBoundLogger) -> None:
        """Receive the ports.

        Raises:
            ChannelBrokenError: they do not come.
        """
        self._log = log
        self._end = end
        self.given: list[Given] = []
        self.is_open = True
        message, sockets = receive_now(end, BEGIN_SECONDS)
        if message.get("what") != "begin" or message.get("layout") != LAYOUT:
            raise ChannelBrokenError("the process before this one speaks otherwise")
        if len(message["ports"]) != len(sockets):
            for one in sockets:
                one.close()
            raise ChannelBrokenError("this process has no descriptors left for the ports")
        for named, one in zip(message["ports"], sockets, strict=True):
            self.given.append(Given(PortName(*named[:2]), named[2], one))
        self.first_number = message["next_number"] + NUMBERS_APART
        self._taking: Taking | None = None
        self._take: Take = self._take_here
        self._channel: Channel | None = None
        self._gone: Callable[[], None] | None = None
        self._go: Callable[[], None] | None = None

    def __repr__(self) -> str:
        """How far it is."""
        return f"<Arriving {self._count} clients have come>"

    @property
    def _count(self) -> int:
        return self._taking.count if self._taking is not None else 0

    @property
    def is_waiting(self) -> bool:
        """Whether the process before is still the service."""
        return self._go is not None

    def begin(
        self,
        reactor: Any,
        proxies: Sequence[Proxy],
        go: Callable[[], None],
        gone: Callable[[], None],
        take: Take | None = None,
    ) -> None:
        """Listen to the process before.

        Args:
            reactor: Ours.
            proxies: Ours.
            go: Called when this process is the service.
            gone: Called when the process before has changed its mind, or died, before that.
            take: Has others serve each client that comes; None where this process does.
        """
        self._taking = Taking(reactor, lambda: {one.config.name: one for one in proxies})
        self._take = take or self._take_here
        self._go, self._gone = go, gone
        forget_inherited(os.environ)
        self._channel = Channel(self._received, self._lost)
        adopt(reactor, self._end, self._channel)

    def ready(self) -> None:
        """This process listens."""
        if self._channel is not None:
            self._channel.say("ready", pid=os.getpid())

    def failed(self, why: str) -> Deferred[None]:
        """This process cannot serve; fires when the process before has been told."""
        told: Deferred[None] = Deferred()
        if self._channel is None or not self._channel.is_open:
            told.callback(None)
            return told
        self._gone = lambda: told.callback(None)
        self._channel.say("failed", why=why)
        self._channel.close()
        return told

    def stop(self) -> None:
        """Take nobody more."""
        self._gone = None
        if self._channel is not None:
            self._channel.close()

    def _received(self, message: Message, sockets: list[socket.socket]) -> None:
        match message.get("what"):
            case "go":
                go, self._go = self._go, None
                if go is not None:
                    go()
                if self._channel is not None:
                    self._channel.say("serving")
            case "client" if self._channel is not None:
                self._take(message, sockets, self._channel)
                return
        for one in sockets:
            one.close()

    def _take_here(
        self, message: Message, sockets: list[socket.socket], channel: Channel
    ) -> None:
        assert self._taking is not None
        self._taking.take(message.get("client"), sockets[0] if sockets else None, channel)

    def _lost(self) -> None:
        self.is_open = False
        gone, self._gone = self._gone, None
        if self.is_waiting:
            if gone is not None:
                gone()
        else:
            self._log.info("the process before has no more clients", came=self._count)


def arriving(environ: Mapping[str, str], log: FilteringBoundLogger) -> Arriving | None:
    """What this process takes over; None where it is the first one.

    Raises:
        ChannelBrokenError: it should take over, and nothing comes.
    """
    end = inherited(environ)
    return None if end is None else Arriving(end, log)
