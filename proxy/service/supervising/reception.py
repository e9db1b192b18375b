"""Where clients come in when several processes serve: each goes to who has the fewest.

The kernel's own ways leave that to chance: listeners that share a port (SO_REUSEPORT) are
chosen by a hash, and of those that wait for one listener whoever wakes up first takes it.  With
few clients that live long some processes would be busy and others idle.
"""

from __future__ import annotations

import socket
from collections import Counter, deque
from functools import partial
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from proxy.net.clock import Timer, cancel
from proxy.service.channel import Message
from proxy.service.supervising.member import Member
from proxy.service.supervising.staff import Staff

MAX_HELD: Final = 500
"""Connections that wait for a worker: each takes a descriptor of this process.  Those beyond
wait in the kernel's queue of the port, but for the hundred or so that are accepted at once; a
worker takes thousands a second."""

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


def deal(
    connection: socket.socket, arrival: Arrival, _address: object, port: Any, *_: object
) -> None:
    """What a port of Twisted's calls in the place of its own transport's class."""
    arrival.reception.take(connection, arrival, port)


class Reception:
    """See the module."""

    def __init__(self, staff: Staff, reactor: Any) -> None:
        self._staff = staff
        self._reactor = reactor
        self._held: deque[tuple[socket.socket, Arrival]] = deque()
        self._timer: Timer | None = None
        self._resting: set[Any] = set()
        self._stopped = False
        staff.on_joining.append(self._join)
        staff.on_left.append(self._take_back)

    def __repr__(self) -> str:
        """How many wait."""
        return f"<Reception {len(self._held)} wait>"

    @property
    def are_dealt(self) -> bool:
        """Whether all who have come are known to have come to a worker."""
        members = self._staff.members
        return not self._held and all(one.sent == Counter(one.received) for one in members)

    def _join(self, member: Member) -> None:
        def ends(_message: Message, _sockets: list[socket.socket]) -> None:
            member.ends = True
            self._take_back(member)

        member.link.on("ends", ends)
        member.on_late = partial(self._take_back, member)

    def _take_back(self, member: Member) -> None:
        """Give others what a worker has not received that takes nothing, at least for now."""
        for connection, proxy, endpoint in member.take_back():
            self.take(connection, Arrival(self, proxy, endpoint))

    def endpoint(self, proxy: str, endpoint: str) -> Dealing:
        """What makes the clients of an endpoint."""
        return Dealing(self, proxy, endpoint)

    def take(
        self, connection: socket.socket, arrival: Arrival, port: Any | None = None
    ) -> None:
        """Deal a connection, now or as soon as somebody can take it.

        Args:
            connection: The connection, which is ours.
            arrival: Whose it is.
            port: Where it came in; None where it was taken back from a worker.
        """
        if self._stopped:
            connection.close()
        elif self._held or not self._deal(connection, arrival):
            self._hold(connection, arrival)
            if port is not None and len(self._held) >= MAX_HELD:
                port.stopReading()
                self._resting.add(port)

    def _deal(self, connection: socket.socket, arrival: Arrival) -> bool:
        members, proxy = self._staff.members, arrival.proxy
        able = sorted((one for one in members if one.takes_clients), key=_load)
        clients = sum(member.clients_of(proxy) for member in members)
        for member in able:
            elsewhere = clients - member.clients_of(proxy)
            if member.deal(connection, proxy, arrival.endpoint, elsewhere):
                connection.close()
                return True
        return False

    def _hold(self, connection: socket.socket, arrival: Arrival) -> None:
        self._held.append((connection, arrival))
        if self._timer is None:
            self._timer = self._reactor.callLater(AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        self._timer = None
        while self._held and self._deal(*self._held[0]):
            self._held.popleft()
        while self._resting and len(self._held) < MAX_HELD:
            port = self._resting.pop()
            if port.connected and not port.disconnecting:
                port.startReading()
        if self._held:
            self._timer = self._reactor.callLater(AGAIN_SECONDS, self._again)

    def stop(self) -> None:
        """Nobody is dealt any more."""
        self._stopped = True
        cancel(self._timer)
        while self._held:
            self._held.popleft()[0].close()


def _load(member: Member) -> int:
    return member.load
