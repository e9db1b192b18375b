"""Transports in memory, and a scripted target at their other end.

What one side writes arrives when the clock is turned, never inside the write, as with real
sockets.
"""

# ruff: noqa: N802, N815 - doubles have the names and arguments of what they stand for

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

from proxy.config.address import TcpAddress
from proxy.pool.connect import Connector
from proxy.pool.dial import Dialer
from tests.support.scripted import CAPABILITIES, VERSION, ServerSide, packets


class Wire:
    """A transport in memory; `deliver` gets what is written, one turn later.

    `stuck` is a peer that does not read: what is written stays in the buffer.
    """

    offset = 0
    _tempDataLen = 0
    _tempDataBuffer = ()

    def __init__(self, clock, deliver, lost=lambda: None):
        self.clock = clock
        self.deliver = deliver
        self.tell_peer = lost
        self.protocol = None
        self.dataBuffer = b""
        self.connected = True
        self.disconnecting = False
        self.stuck = False
        self.paused = False
        self.producer = None
        self.producerPaused = False

    def connect(self, protocol):
        """Begin the connection."""
        self.protocol = protocol
        protocol.makeConnection(self)

    def write(self, data):
        """See `ITransport`."""
        if not self.connected:
            return
        if self.stuck:
            self.dataBuffer += data
            return
        self.clock.callLater(0, self.deliver, data)

    def receive(self, data):
        """Bytes of the peer's arrive."""
        if self.connected and not self.disconnecting:
            # A shell reads its socket itself, and what it does with TLS there is done here.
            encrypted = getattr(self.protocol, "_tls", None) is not None
            (self.protocol._read_tls if encrypted else self.protocol.dataReceived)(data)

    def loseConnection(self):
        """See `ITransport`."""
        if not self.disconnecting:
            self.disconnecting = True
            if not self.dataBuffer:
                self.clock.callLater(0, self.end, ConnectionDone())

    def abortConnection(self):
        """See `IAbortingTransport`."""
        self.disconnecting = True
        self.clock.callLater(0, self.end, ConnectionAborted())

    def end(self, why=None):
        """Tell both sides that the connection is gone."""
        if self.connected:
            self.connected = False
            self.disconnecting = True
            self.tell_peer()
            self.protocol.connectionLost(Failure(why or ConnectionDone()))

    def registerProducer(self, producer, streaming):
        """See `IConsumer`."""
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self):
        """See `IConsumer`."""
        self.producer = None

    def pauseProducing(self):
        """See `IPushProducer`."""
        self.paused = True

    def resumeProducing(self):
        """See `IPushProducer`."""
        self.paused = False


class Backend:
    """The server's end of a connection of the proxy's."""

    def __init__(self, clock, side):
        self.side = side
        self.gone = False
        self.asked = []
        self.wire = Wire(clock, self._received, self._lost)

    def _lost(self):
        self.gone = True

    def _received(self, data):
        answer, left = self.side.receive(data)
        self.asked += left
        if answer:
            self.send(answer)

    def send(self, data):
        """Send bytes to the proxy, a turn later."""
        self.wire.clock.callLater(0, self.wire.receive, data)

    def answer(self, *payloads):
        """Answer the oldest command with these payloads, an OK when there are none."""
        self.asked.pop(0)
        self.send(packets(payloads or [self.side.ok()]))

    def die(self):
        """End the connection without a word."""
        self.wire.end()

    @property
    def texts(self):
        """Texts of the queries that wait for an answer."""
        return [self.side.text_of(payload) for payload in self.asked]


class Servers:
    """Where the proxy's connections end: an endpoint of Twisted's, in memory.

    Attributes:
        dials: Connections that were asked for while `holding`, each a callable that lets it be.
        down: Whether connections are refused.
        silent: Whether a new connection gets no greeting.
        routines: See `ServerSide`; for all connections, those that are there too.
        passwords: See `ServerSide`.
    """

    def __init__(self, clock):
        self.clock = clock
        self.backends = []
        self.dials = []
        self.holding = False
        self.down = False
        self.silent = False
        self.routines = {}
        self.refusal = None
        self.passwords = None
        self.max_connections = 100
        self.version = VERSION
        self.capabilities = CAPABILITIES

    def connect(self, factory):
        """See `IStreamClientEndpoint`."""
        connected = Deferred()

        def go_on():
            if connected.called:
                return
            if self.down:
                connected.errback(ConnectError(string="refused"))
                return
            side = ServerSide(
                len(self.backends) + 1,
                refusal=self.refusal,
                max_connections=self.max_connections,
                routines=self.routines,
                version=self.version,
                offered=self.capabilities,
                passwords=self.passwords,
            )
            backend = Backend(self.clock, side)
            self.backends.append(backend)
            protocol = factory.buildProtocol(None)
            backend.wire.connect(protocol)
            connected.callback(protocol)
            if not self.silent:
                backend.send(side.hello())

        if self.holding:
            self.dials.append(go_on)
        else:
            self.clock.callLater(0, go_on)
        return connected


class MemoryConnector(Connector):
    """A connector whose connections end in `Servers`."""

    def __init__(self, clock, servers):
        super().__init__(clock, TcpAddress("db", 3306), 5.0)
        self._servers = servers

    def _endpoint(self):
        return self._servers


def memory_dialer(clock, servers, init_query=None):
    """A dialer whose connections end in `Servers`."""
    return Dialer(MemoryConnector(clock, servers), init_query)
