"""A shell on a real socket whose other end is in the test's hand, and a reactor of its own."""

# ruff: noqa: N802 - doubles have the names of what they stand for

from __future__ import annotations

import contextlib
import socket

from twisted.internet import tcp
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Reactor(Clock):
    """As much of a reactor as a transport needs; `turn` is one look at its sockets."""

    def __init__(self):
        super().__init__()
        self.readers, self.writers = set(), set()

    def addReader(self, reader):
        self.readers.add(reader)

    def addWriter(self, writer):
        self.writers.add(writer)

    def removeReader(self, reader):
        self.readers.discard(reader)

    def removeWriter(self, writer):
        self.writers.discard(writer)

    def turn(self):
        for transport in [*self.writers]:
            if (why := transport.doWrite()) is not None:
                transport.connectionLost(Failure(why))
        self.advance(0)


@contextlib.contextmanager
def joined(shell):
    """Put the shell on one end of a TCP connection; the other end, and the reactor."""
    reactor = Reactor()
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        ours, address = server.accept()
    ours.setblocking(False)
    transport = tcp.Server(ours, shell, address, None, 1, reactor)
    shell.makeConnection(transport)
    with peer:
        yield peer, reactor
    if not shell.lost:
        transport.connectionLost(Failure(ConnectionDone()))


def fill(shell):
    """Write until the socket takes no more; how much that was."""
    block, total = bytes(1 << 20), 0
    while True:
        total += len(block)
        if not shell.write(block):
            return total
