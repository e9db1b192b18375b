"""Clients on real sockets, and reactors that take such sockets from elsewhere."""

from __future__ import annotations

import contextlib

from twisted.internet import tcp

from tests.support.joined import Reactor, joined
from tests.support.scripted import login_packet, query_packet


class Adopting(Reactor):
    """A reactor that is given connections."""

    def adoptStreamConnection(self, handle, family, factory):  # noqa: N802 - Twisted's name
        tcp.Server._fromConnectedSocket(handle, family, factory, self)

    def callFromThread(self, work):  # noqa: N802 - Twisted's name
        work()


class Caller:
    """A client of a stage, over TCP.

    Attributes:
        peer: Its end.
        client: The proxy's `Client`.
    """

    def __init__(self, stage, stack):
        self.stage = stage
        protocol = stage.factory.buildProtocol(None)
        self.peer, _ = stack.enter_context(joined(protocol))
        self.peer.settimeout(10)
        self.client = protocol.owner
        self.log_in()

    def payload(self):
        """The payload of the next packet."""
        header = self._read(4)
        return self._read(int.from_bytes(header[:3], "little"))

    def _read(self, size):
        data = b""
        while len(data) < size:
            piece = self.peer.recv(size - len(data))
            assert piece, "the connection has ended"
            data += piece
        return data

    def log_in(self):
        """Log in; the backend answers by itself."""
        self.send(login_packet(self.payload(), "app", "secret", None, None))
        assert self.payload()[0] == 0

    def send(self, data, client=None):
        """Send bytes, which are read at once."""
        self.peer.sendall(data)
        (client or self.client).protocol.read()
        self.stage.run()

    def query(self, text, client=None):
        """Send a statement."""
        self.send(query_packet(text), client)


@contextlib.contextmanager
def on_stage(stage):
    """Make callers of a stage, for the length of a block."""
    with contextlib.ExitStack() as stack:
        yield lambda: Caller(stage, stack)
