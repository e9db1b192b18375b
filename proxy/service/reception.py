"""Where clients come in when several processes serve: each goes to who has the fewest.

The kernel's own ways leave that to chance: listeners that share a port (SO_REUSEPORT) are
chosen by a hash, and of those that wait for one listener whoever wakes up first takes it.  With
few clients that live long some processes would be busy and others idle.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from proxy.net.clock import Timer, cancel
from proxy.service.member import Member
from proxy.service.staff import Staff

MAX_HELD: Final = 1000
"""Connections that wait for a worker: each takes a descriptor of this process.  Those beyond
wait in the kernel's queue of the port; a worker takes thousands a second."""

AGAIN_SECONDS: Final = 0.01
"""When those that wait are dealt again; a worker that is busy looks up after some of these."""


class Arrival:
    """A connection that is about to be dealt: takes the place of a protocol."""

    def __init__(self, reception: Reception, proxy: str, endpoint: str) -> None:
        self.reception = reception
        self.proxy = proxy
        self.endpoint = endpoint

    def makeConnection(self, _transport: object) -> None:
        """See `twisted.internet.interfaces.IProtocol`; it was dealt before."""


class Dealing(Factory):
    """Deals the clients of one endpoint."""

    noisy = False

    def __init__(self, reception: Reception, proxy: str, endpoint: str) -> None:
        self._arrival = Arrival(reception, proxy, endpoint)

    def buildProtocol(self, _addr: IAddress | None) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        return self._arrival


def deal(connection: socket.socket, arrival: Arrival, *_: object) -> None:
    """What a port of Twisted's calls in the place of its own transport's class."""
    arrival.reception.take(connection, arrival)


class Reception:
    """See the module."""

    def __init__(self, staff: Staff, reactor: Any, log: FilteringBoundLogger) -> None:
        self._staff = staff
        self._reactor = reactor
        self._log = log
        self._held: deque[tuple[socket.socket, Arrival]] = deque()
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """How many wait."""
        return f"<Reception {len(self._held)} wait>"

    def endpoint(self, proxy: str, endpoint: str) -> Dealing:
        """What makes the clients of an endpoint."""
        return Dealing(self, proxy, endpoint)

    def take(self, connection: socket.socket, arrival: Arrival) -> None:
        """Deal a connection, now or as soon as somebody can take it."""
        if self._held or not self._deal(connection, arrival):
            self._hold(connection, arrival)

    def _deal(self, connection: socket.socket, arrival: Arrival) -> bool:
        able = sorted(self._staff.members, key=_load)
        proxy = arrival.proxy
        clients = sum(member.clients_of(proxy) for member in able)
        for member in able:
            elsewhere = clients - member.clients_of(proxy)
            if member.deal(connection, proxy, arrival.endpoint, elsewhere):
                connection.close()
                return True
        return False

    def _hold(self, connection: socket.socket, arrival: Arrival) -> None:
        if len(self._held) >= MAX_HELD:
            connection.close()
            self._log.warning("a client was turned away: no worker takes it", limit=MAX_HELD)
            return
        self._held.append((connection, arrival))
        if self._timer is None:
            self._timer = self._reactor.callLater(AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        self._timer = None
        while self._held and self._deal(*self._held[0]):
            self._held.popleft()
        if self._held:
            self._timer = self._reactor.callLater(AGAIN_SECONDS, self._again)

    def stop(self) -> None:
        """Nobody is dealt any more."""
        cancel(self._timer)
        while self._held:
            self._held.popleft()[0].close()


def _load(member: Member) -> int:
    return member.load
