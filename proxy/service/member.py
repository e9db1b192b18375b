"""One of the processes that serve clients, as the supervisor has it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

from proxy.service.handover_channel import Message
from proxy.service.link import Link


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
        began: When it did, in seconds; None before.
        clients: How many it has, by proxy, as it has said last.
        received: How many connections it had received then, by proxy.
        sent: How many were sent, by proxy.
    """

    process: subprocess.Popen[bytes]
    link: Link
    door: socket.socket
    number: int = 0
    is_there: bool = False
    is_ready: bool = False
    began: float | None = None
    clients: dict[str, int] = attrs.field(factory=dict)
    received: dict[str, int] = attrs.field(factory=dict)
    sent: Counter[str] = attrs.field(factory=Counter)

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

    def close(self) -> None:
        """Send it nothing more."""
        self.door.close()
        self.link.close()


Told = Callable[[Member, Message], Any]
"""Does what a message of a worker says."""
