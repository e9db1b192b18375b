"""A proxy without sockets: transports in memory, one clock, everything in the test's hand.

What one side writes arrives when the clock is turned (`Stage.run`), never inside the write, as
with real sockets.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock

from proxy.config.auth import AuthEntry, ClientPasswordAuthType
from proxy.config.model import EndpointConfig, ProxyConfig, Target, TargetGroup
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls
from proxy.credentials.source import Credential
from proxy.credentials.static import StaticSource
from proxy.front.admission import Admission
from proxy.front.deadlines import Deadlines
from proxy.front.listener import ClientFactory
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.backend_tls import BackendTlsStreams
from proxy.net.client_tls import ClientTlsStreams
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger
from proxy.pool.accounts import Accounts
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.vocabulary import Role
from proxy.wire.auth import native
from proxy.wire.constants import Capability
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import SslRequest
from proxy.wire.responses import Err, parse_err, parse_ok
from tests.support.scripted import (
    CLIENT_CAPABILITIES,
    IN_TRANSACTION,
    login_packet,
    query_packet,
)
from tests.support.servers import Servers, Wire, memory_dialer
from tests.support.sums import Sums

NATIVE = "mysql_native_password"
USERS = {
    "app": Credential("app", ("secret",), NATIVE),
    "other": Credential("other", ("secret",), NATIVE),
}


class Peer:
    """A client of the proxy's.

    Attributes:
        tls: Its side of TLS, once that has begun.
    """

    def __init__(self, stage, factory, address=None):
        self.stage = stage
        self.reader = PacketReader(1 << 27)
        self.closed = False
        self.tls = None
        self.wire = Wire(stage.clock, self._arrived, self._lost)
        self.wire.connect(factory.buildProtocol(address))

    def _lost(self):
        self.closed = True

    def _arrived(self, data):
        self.reader.feed(data if self.tls is None else self.tls.receive(data))

    @property
    def client(self):
        """The proxy's `Client`."""
        return self.wire.protocol.owner

    def send(self, data):
        """Send bytes to the proxy and let everything happen that follows."""
        self.wire.receive(data if self.tls is None else self.tls.encrypt(data))
        self.stage.run()

    def start_tls(self):
        """Ask for TLS and go through the handshake; the login is the third packet then."""
        flags = int(CLIENT_CAPABILITIES | Capability.SSL)
        self.send(encode(SslRequest(flags, 1 << 24, 45).encode(), 1))
        self.tls = BackendTlsStreams(BackendTls(), "proxy").stream()
        while data := self.tls.bytes_to_send():
            self.wire.receive(data)
            self.stage.run()
        assert self.tls.established

    def leave(self):
        """Close the connection."""
        self.wire.end()
        self.stage.run()

    def packets(self):
        """All packets that have come since: (sequence number, payload)."""
        found = []
        while True:
            if self.reader._buffer:
                self.reader.sequence = self.reader._buffer[3]
            packet = self.reader.next_packet()
            if not isinstance(packet, Packet):
                return found
            found.append(((packet.next_sequence - 1) & 0xFF, packet.payload))

    def payloads(self):
        """The payloads of all packets that have come since."""
        return [payload for _, payload in self.packets()]

    def reply(self):
        """The one OK or ERR packet that has come."""
        (payload,) = self.payloads()
        return parse(payload)

    def log_in(self, user="app", password="secret", schema=None, capabilities=None, **more):
        """Send a login, within TLS if that has begun; what came in answer is for `reply`."""
        (greeting,) = self.payloads()
        if self.tls is not None:
            more.setdefault("sequence", 2)
        self.send(login_packet(greeting, user, password, schema, capabilities, **more))

    def change_user(self, password="secret", user=b"other", schema=b""):
        """Send COM_CHANGE_USER by mysql_native_password."""
        proof = native.scramble(password, self.client.dialogue.greeting.nonce)
        payload = b"\x11" + user + b"\x00" + bytes((len(proof),)) + proof + schema + b"\x00"
        self.send(encode(payload + b"\x2d\x00" + NATIVE.encode() + b"\x00"))

    def query(self, text):
        """Send a statement."""
        self.send(query_packet(text))


def parse(payload):
    """Read an OK or ERR packet."""
    return parse_err(payload) if payload[0] == 0xFF else parse_ok(payload, 0)


class Stage:
    """A proxy, its target and its clients, on one clock.

    Attributes:
        servers: The scripted target.
        proxy: The `Proxy`.
        credentials: Where its passwords come from.
    """

    def __init__(self, *, proxy=None, init_query=None, credentials=None, tokens=None, **pool):
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.servers = Servers(self.clock)
        pool.setdefault("max_connections", 2)
        pool.setdefault("connection_borrow_timeout", 8.0)
        config = make_config(ConnectionPoolConfig(**pool), **(proxy or {}))
        dialer = memory_dialer(self.clock, self.servers, init_query)
        counters = Counters()
        credentials = self.credentials = credentials or StaticSource(USERS)
        tls = ClientTlsStreams(config.tls) if config.tls.certificates else None
        self.pool = TargetPool(
            self.clock,
            dialer,
            config.target_group.connection_pool_config,
            Accounts(credentials),
            get_logger(),
        )
        pools = Pools(lambda _: self.pool)
        pools.get(config.target_group.targets[0])
        self.counters = Sums(counters, [self.pool])
        deadlines = Deadlines(self.clock)
        self.clients = {}
        self.proxy = Proxy(
            config,
            pools,
            dict.fromkeys(Role, Route(self.pool)),
            credentials,
            counters,
            deadlines,
            None,
            ConnectionIds(),
            self.clients,
            Admission(config, tls, tokens),
        )
        deadlines.start()
        self.factory = ClientFactory(self.proxy, "main")

    @property
    def ledger(self):
        """The book of the pool."""
        return self.pool.ledger

    @property
    def backends(self):
        """The server's ends of all connections, the oldest first."""
        return self.servers.backends

    def run(self, seconds=0.0):
        """Let time pass, and then everything happen that is due."""
        self.clock.advance(seconds)
        for _ in range(1000):
            if not self.clock.calls or self.clock.calls[0].getTime() > self.clock.seconds():
                return
            self.clock.advance(0)
        raise AssertionError("there is no end to it")

    def connect(self, address=None):
        """A client that has been greeted; without an address it is on a unix socket."""
        place = None
        if address is not None:
            kind = IPv6Address if ":" in address else IPv4Address
            place = kind("TCP", address, 40_000)
        peer = Peer(self, self.factory, place)
        self.run()
        return peer

    def client(self, address=None, **login):
        """A client that has logged in."""
        peer = self.connect(address)
        peer.log_in(**login)
        reply = peer.reply()
        assert not isinstance(reply, Err), reply
        return peer

    def busy(self):
        """The one backend that has been asked something."""
        (backend,) = [it for it in self.backends if it.asked and not it.gone]
        return backend

    def serve(self, *payloads):
        """Answer what the one busy backend was asked, and let the answer arrive."""
        backend = self.busy()
        backend.answer(*payloads)
        self.run()
        return backend

    def part(self):
        """Let the time pass for which clients may keep leases that they do not need."""
        self.run(self.ledger.limits.linger)
        self.pool.sweep()
        self.run()

    def begin(self, client):
        """Let a client open a transaction; the server's end of its backend."""
        client.query(b"BEGIN")
        self.busy().side.status = IN_TRANSACTION
        backend = self.serve()
        client.payloads()
        return backend

    def is_clean(self):
        """Whether nothing is lent, waited for, dialed or reset, and nobody is connected."""
        ledger = self.ledger
        return not (
            ledger.lent
            or ledger.waiting
            or ledger.dialing
            or ledger.resetting
            or self.clients
            or self.proxy.count
        )


def make_config(pool=None, **settings):
    """Make the configuration of one proxy."""
    settings.setdefault("endpoints", (EndpointConfig(name="main", listen="tcp:0"),))
    auth = tuple(
        AuthEntry(
            username=name,
            password=Secret("secret"),
            client_password_auth_type=ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD,
        )
        for name in USERS
    )
    return ProxyConfig(
        name="shop",
        auth=auth,
        target_group=TargetGroup(
            targets=(Target(address="db:3306"),),
            connection_pool_config=pool or ConnectionPoolConfig(),
        ),
        **settings,
    )
