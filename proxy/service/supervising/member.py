"""One of the processes that serve clients, as the supervisor has it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import attrs

from proxy.front.proxy import SEATS
from proxy.service.channel import Message
from proxy.service.link import Link

PACKET_BYTES: Final = 4096
"""A packet has two names of the configuration, of 63 characters at most, and a number."""


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
        clients: How many it has, by proxy, as it has said last.
        received: How many connections it had received then, by proxy.
        sent: How many were sent, by proxy.
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
    clients: dict[str, int] = attrs.field(factory=dict)
    received: dict[str, int] = attrs.field(factory=dict)
    sent: Counter[str] = attrs.field(factory=Counter)
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

    @property
    def load(self) -> int:
        """Clients that it has, or is about to have."""
        return sum(map(self.clients_of, {**self.clients, **self.sent}))

    def clients_of(self, proxy: str) -> int:
        """The same for one proxy."""
        on_their_way = self.sent[proxy] - self.received.get(proxy, 0)
        return self.clients.get(proxy, 0) + on_their_way

    def deal(
        self, connection: socket.socket, proxy: str, endpoint: str, elsewhere: int
    ) -> bool:
        """Give it a connection; False when it cannot take one more at the moment.

        Args:
            connection: The connection, which stays open here.
            proxy: Whose client that is.
            endpoint: Where it came in.
            elsewhere: How many clients of the proxy other workers have.
        """
        packet = json.dumps([proxy, endpoint, elsewhere]).encode()
        try:
            socket.send_fds(self.door, [packet], [connection.fileno()])
        except OSError:  # it is full, or the other end is gone
            return False
        self.sent[proxy] += 1
        return True

    def take_back(self) -> list[tuple[socket.socket, str, str]]:
        """Connections that it has not received, each with its proxy and its endpoint."""
        back = []
        while self.far is not None:
            try:
                packet, handles, _, _ = socket.recv_fds(
                    self.far, PACKET_BYTES, 1, socket.MSG_CMSG_CLOEXEC
                )
            except OSError:  # there is none left
                break
            proxy, endpoint, _ = json.loads(packet)
            self.sent[proxy] -= 1
            back += [(socket.socket(fileno=one), proxy, endpoint) for one in handles]
        return back

    def close(self) -> None:
        """Send it nothing more."""
        self.door.close()
        if self.far is not None:
            self.far.close()
        self.link.close()


Told = Callable[[Member, Message], Any]
"""Does what a message of a worker says."""
