"""Where clients come in when several processes serve: each goes to who has the fewest.

The kernel's own ways leave that to chance: listeners that share a port (SO_REUSEPORT) are
chosen by a hash, and of those that wait for one listener whoever wakes up first takes it.  With
few clients that live long some processes would be busy and others idle.
"""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from proxy.net.clock import Timer, cancel
from proxy.service.channel import Message
from proxy.service.ports import Door
from proxy.service.supervising.accepting import Accepting
from proxy.service.supervising.member import Member, Place
from proxy.service.supervising.staff import Staff

MAX_HELD: Final = 500
"""Connections that wait for a worker, and as many that wait for a place: each takes a
descriptor of this process.  Those beyond wait in the kernel's queue of the port; a worker takes
thousands a second."""

AGAIN_SECONDS: Final = 0.01
"""When those that wait are dealt again; a worker that is busy looks up after some of these."""

FULL_SECONDS: Final = 0.1
"""How long a connection waits while its proxy seems to have as many clients as it may: workers
say twenty times a second who has left, and one that left just now makes room for the next."""

_LOAD: Final = attrgetter("load")


class Dealing(Factory):
    """Where the clients of one endpoint go, in the place of what would serve them here.

    Attributes:
        place: The endpoint.
    """

    noisy = False

    def __init__(self, place: Place) -> None:
        self.place = place

    def buildProtocol(self, _addr: IAddress | None) -> None:
        """See `twisted.internet.interfaces.IProtocolFactory`: nobody is served here."""


class Reception:
    """See the module.

    Args:
        staff: Those who serve.
        reactor: Ours.
        log: For what goes wrong.
        limit_of: How many clients the proxy of this name may have; 0 where there is none such.
    """

    def __init__(
        self,
        staff: Staff,
        reactor: Any,
        log: FilteringBoundLogger,
        limit_of: Callable[[str], int],
    ) -> None:
        self._staff = staff
        self._reactor = reactor
        self._log = log
        self._limit_of = limit_of
        self._early: deque[tuple[float, int, Place]] = deque()
        self._held: deque[tuple[int, Place]] = deque()
        self._timer: Timer | None = None
        self._resting: set[Any] = set()
        self._stopped = False
        staff.on_joining.append(self._join)
        staff.on_left.append(self._take_back)

    def __repr__(self) -> str:
        """How many wait."""
        return f"<Reception {len(self._held) + len(self._early)} wait>"

    @property
    def are_dealt(self) -> bool:
        """Whether all who have come are known to have come to a worker."""
        members = self._staff.members
        return not (self._held or self._early) and all(
            one.sent == Counter(one.received) for one in members
        )

    def _join(self, member: Member) -> None:
        def ends(_message: Message, _sockets: list[socket.socket]) -> None:
            member.ends = True
            self._take_back(member)

        member.link.on("ends", ends)
        member.on_late = partial(self._take_back, member)

    def _take_back(self, member: Member) -> None:
        """Give others what a worker has not received that takes nothing, at least for now."""
        for handle, place in member.take_back():
            self.take(handle, place)

    def endpoint(self, proxy: str, endpoint: str) -> Dealing:
        """What the door of an endpoint leads to."""
        return Dealing(Place(proxy, endpoint))

    def reader(self, port: Any, door: Door) -> Callable[[], None]:
        """What reads a port, for whoever its door leads to."""

        def take(handle: int) -> bool:
            leads_to: Any = door.leads_to
            self.take(handle, leads_to.place)
            return len(self._held) < MAX_HELD

        return Accepting(port, take, self._rest, self._log).read

    def take(self, handle: int, place: Place) -> None:
        """Deal a connection, now or as soon as somebody can take it.

        Args:
            handle: The connection's descriptor, which is ours.
            place: Where it came in.
        """
        if self._stopped:
            os.close(handle)
            return
        room = self._room_of(place.proxy)
        if room <= 0 and len(self._early) < MAX_HELD:
            self._early.append((self._reactor.seconds() + FULL_SECONDS, handle, place))
            self._look_again()
        else:
            self._pass_on(handle, place, room)

    def _room_of(self, proxy: str) -> int:
        """How many clients more it may have, as far as is known; see `Member.deal`."""
        clients = sum(member.loads[proxy] for member in self._staff.members)
        return self._limit_of(proxy) - clients

    def _pass_on(self, handle: int, place: Place, room: int) -> None:
        if self._held or not self._deal(handle, place, room):
            self._held.append((handle, place))
            self._look_again()

    def _deal(self, handle: int, place: Place, room: int) -> bool:
        able = [member for member in self._staff.members if member.takes_clients]
        while able:
            member = min(able, key=_LOAD)
            if member.deal(handle, place, room):
                os.close(handle)
                return True
            able.remove(member)
        return False

    def _rest(self, port: Any) -> None:
        """Accept nobody there for now."""
        port.stopReading()
        self._resting.add(port)
        self._look_again()

    def _look_again(self) -> None:
        if self._timer is None and not self._stopped:
            self._timer = self._reactor.callLater(AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        for _ in range(len(self._early)):
            due, handle, place = self._early.popleft()
            room = self._room_of(place.proxy)
            if room <= 0 and due > now:
                self._early.append((due, handle, place))
            else:
                self._pass_on(handle, place, room)
        while self._held:
            handle, place = self._held[0]
            if not self._deal(handle, place, self._room_of(place.proxy)):
                break
            self._held.popleft()
        while self._resting and len(self._held) < MAX_HELD:
            port = self._resting.pop()
            if port.connected and not port.disconnecting:
                port.startReading()
        if self._held or self._early:
            self._look_again()

    def stop(self) -> None:
        """Nobody is dealt any more."""
        self._stopped = True
        cancel(self._timer)
        while self._held:
            os.close(self._held.popleft()[0])
        while self._early:
            os.close(self._early.popleft()[1])
