"""One of the processes that serve clients, as the supervisor has it."""

from __future__ import annotations

import functools
import json
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from proxy.front.proxy import SEATS
from proxy.service.channel import Message
from proxy.service.link import Link

PACKET_BYTES: Final = 256
"""A packet has two names of the configuration, of 63 letters at most, and a number."""

PLACES_KNOWN: Final = 1024
"""Endpoints that are told by their packets without a closer look; few proxies have ten."""

NOBODY: Final = ""
"""Whose they are, while on their way, for whom there is no room: most come only to hear that.
No proxy has this name."""

_HANDLE: Final = struct.Struct("i")
_HANDLE_BYTES: Final = socket.CMSG_LEN(_HANDLE.size)


@attrs.frozen
class Place:
    """Where a connection has come in.

    Attributes:
        proxy: Whose client that is.
        endpoint: By which endpoint.
        head: What a packet begins with that says so.
    """

    proxy: str
    endpoint: str
    head: bytes = attrs.field(init=False, repr=False, eq=False)

    @head.default
    def _head(self) -> bytes:
        return json.dumps([self.proxy, self.endpoint]).encode()[:-1]


@functools.lru_cache(PLACES_KNOWN)
def _place(head: bytes) -> Place:
    return Place(*json.loads(head + b"]"))


def read_packet(packet: bytes) -> tuple[Place, int]:
    """Where a connection has come in, and what room there was then; see `Member.deal`."""
    head, _, room = packet.rpartition(b", ")
    return _place(head), int(room[:-1])


def counted_for(place: Place, room: int) -> str:
    """Whose client it is until its worker has told how many there are; see `Member.deal`.

    Where there was no room nearly all are turned away.  Were they the proxy's as long as that
    is not known, in a storm they would have the places that others leave.
    """
    return place.proxy if room > 0 else NOBODY


def receive(door: socket.socket) -> tuple[bytes, int | None]:
    """The next packet of a door, and the connection that has come with it.

    That is None where there was no descriptor left for it, and the packet is empty where nobody
    has the other end any more.

    Raises:
        BlockingIOError: there is none.
        OSError: the door is broken.
    """
    packet, rights, _, _ = door.recvmsg(PACKET_BYTES, _HANDLE_BYTES, socket.MSG_CMSG_CLOEXEC)
    return packet, _HANDLE.unpack(rights[0][2])[0] if rights else None


def proxy_of(client: Message) -> str:
    """Whose client that is that changes workers; see `proxy.front.moving.Passage`."""
    return str(client.get("proxy"))


def _tell_nobody() -> None:
    """Nobody wants to know."""


@attrs.define(eq=False)
class Member:
    """See the module.

    Attributes:
        process: The process.
        link: What it is told and asked by.
        door: Connections of new clients go there, one in each packet.
        number: Its place, from 1; 0 while it is in reserve.
        is_there: Whether it has loaded its modules.
        is_ready: Whether it serves.
        is_late: Whether it should have said by now that it lives.
        ends: Whether it lets its clients finish, and takes no more.
        first_number: That of its first client.
        began: When it did, in seconds; None before.
        clients: How many it has, by proxy, as it has said last; see `told`.
        received: How many connections it had received then; see `counted_for`.
        sent: How many were sent, likewise, and clients of other workers.
        load: How many clients it has, or is about to have.
        loads: The same by proxy; those for whom there was no room are `NOBODY`'s on their way.
        far: The worker's end of the door, so that what it has not received is not lost with it;
            None where only the worker has that.
        on_late: Called when it should have said that it lives, and has not.
    """

    process: subprocess.Popen[bytes]
    link: Link
    door: socket.socket
    number: int = 0
    is_there: bool = False
    is_ready: bool = False
    is_late: bool = False
    ends: bool = False
    first_number: int = 0
    began: float | None = None
    clients: Mapping[str, int] = attrs.field(factory=dict)
    received: Mapping[str, int] = attrs.field(factory=dict)
    sent: Counter[str] = attrs.field(factory=Counter)
    load: int = 0
    loads: Counter[str] = attrs.field(factory=Counter)
    far: socket.socket | None = None
    on_late: Callable[[], object] = _tell_nobody

    def __repr__(self) -> str:
        """Which one it is, and how it does."""
        return f"<Member {self.number} process {self.pid} {self.load} clients>"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    @property
    def takes_clients(self) -> bool:
        """Whether new clients are well off with it."""
        return self.is_ready and not (self.is_late or self.ends)

    @property
    def last_number(self) -> int:
        """None of its clients can have got a larger one so far."""
        return self.first_number + SEATS * self.sent.total()

    def told(self, clients: Mapping[str, int], received: Mapping[str, int]) -> None:
        """It says how many clients it has, and how many connections it has received."""
        self.clients, self.received = clients, received
        self.loads = loads = Counter(clients)
        loads.update(self.sent)
        loads.subtract(received)
        self.load = loads.total()

    def clients_of(self, proxy: str) -> int:
        """How many clients of one proxy it has, or is about to have."""
        return self.loads[proxy]

    def expect(self, proxy: str) -> None:
        """A client of another worker is on its way there, in nobody's number by now."""
        self._count(proxy, 1)

    def _count(self, proxy: str, more: int) -> None:
        self.sent[proxy] += more
        self.loads[proxy] += more
        self.load += more

    def deal(self, handle: int, place: Place, room: int) -> bool:
        """Give it a connection; False when it cannot take one more at the moment.

        Args:
            handle: The connection's descriptor, which stays open here.
            place: Where it came in.
            room: How many clients more the proxy may have, beside those that are at all workers
                and on their way.  It has a place where that is one at least; where it is less
                than none, there are so many too many.
        """
        packet = b"%b, %d]" % (place.head, room)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, _HANDLE.pack(handle))
        try:
            self.door.sendmsg((packet,), (rights,))
        except OSError:  # it is full, or the other end is gone
            return False
        self._count(counted_for(place, room), 1)
        return True

    def take_back(self) -> list[tuple[int, Place]]:
        """Connections that it has not received, each with where it came in."""
        back = []
        while self.far is not None:
            try:
                packet, handle = receive(self.far)
            except OSError:  # there is none left
                break
            place, room = read_packet(packet)
            self._count(counted_for(place, room), -1)
            if handle is not None:
                back.append((handle, place))
        return back

    def close(self) -> None:
        """Send it nothing more."""
        self.door.close()
        if self.far is not None:
            self.far.close()
        self.link.close()


Told = Callable[[Member, Message], Any]
"""Does what a message of a worker says."""
