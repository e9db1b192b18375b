"""Tests of `proxy.pool.connect`."""

import pytest
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from proxy.config.address import TcpAddress, UnixAddress
from proxy.config.tls import BackendTls, TlsMode
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.net.backend_tls import BackendTlsStreams
from proxy.pool.connect import Connector
from proxy.wire.proxy_header import encode_local
from tests.support.scripted import error
from tests.support.servers import MemoryConnector, Servers

ACCOUNT = Account("app", "secret")
TCP = TcpAddress("db", 3306)
SOCKET = UnixAddress("/run/mysqld/mysqld.sock")


class Connecting:
    """A connector, its target, and what its Deferreds came to."""

    def __init__(self):
        self.clock = Clock()
        self.servers = Servers(self.clock)
        self.connector = MemoryConnector(self.clock, self.servers)

    def run(self, seconds=0.0):
        """Let time pass, and then everything happen that is due."""
        self.clock.advance(seconds)
        for _ in range(20):
            self.clock.advance(0)

    def connect(self):
        """Give the list that gets the backend or the error."""
        got = []
        connecting = self.connector.connect(ACCOUNT)
        connecting.addCallbacks(got.append, lambda failure: got.append(failure.value))
        self.run()
        return got


def test_tcp_and_unix_targets_have_their_endpoints():
    """The address decides which endpoint of Twisted's is used."""
    reactor = MemoryReactorClock()
    assert isinstance(Connector(reactor, TCP, 5.0)._endpoint(), HostnameEndpoint)
    assert isinstance(Connector(reactor, SOCKET, 5.0)._endpoint(), UNIXClientEndpoint)


def dialed(**more):
    """The protocol of a connection to a unix socket that is being made."""
    reactor = MemoryReactorClock()
    Connector(reactor, SOCKET, 5.0, **more).connect(ACCOUNT).addErrback(lambda _: None)
    ((path, factory, *_),) = reactor.unixClients
    assert path == SOCKET.path
    return factory.buildProtocol(None)._wrappedProtocol


def test_a_unix_socket_counts_as_secure():
    """Over a unix socket the password may be sent as it is: nobody reads along."""
    assert dialed()._dialogue._secure
    connecting = Connecting()
    (backend,) = connecting.connect()
    assert backend.account is ACCOUNT


def test_a_login_ends_with_a_backend():
    """It is read without the endpoint's wrapper from there on."""
    connecting = Connecting()
    (backend,) = connecting.connect()
    assert backend.greeting.connection_id == 1
    assert backend.transport.protocol is backend


def test_a_target_that_is_down_is_named():
    """The error says where nobody listens."""
    connecting = Connecting()
    connecting.servers.down = True
    (lost,) = connecting.connect()
    assert isinstance(lost, BackendLostError)
    assert str(lost).startswith("cannot connect to db:3306: ")


def test_a_refusal_has_the_servers_words():
    """They are for the client who needs the connection."""
    connecting = Connecting()
    connecting.servers.refusal = error(1045, "28000", b"Access denied")
    (refused,) = connecting.connect()
    assert isinstance(refused, BackendRefusedError)
    assert refused.reply.message == "Access denied"


@pytest.mark.parametrize("hangs", ["connect", "greeting"])
def test_a_login_has_a_deadline(hangs):
    """Wherever the target falls silent, nobody waits longer, and the socket is closed."""
    connecting = Connecting()
    connecting.servers.holding = hangs == "connect"
    connecting.servers.silent = hangs == "greeting"
    got = connecting.connect()
    connecting.run(4.9)
    assert got == []
    connecting.run(0.2)
    assert [str(lost) for lost in got] == ["no answer from db:3306 within 5 s"]
    assert all(backend.gone for backend in connecting.servers.backends)


# TLS


@pytest.mark.parametrize("mode", list(TlsMode))
def test_a_unix_socket_has_tls_only_where_it_is_demanded(mode):
    """Where it is merely preferred nothing would be gained by it."""
    tls = None if mode is TlsMode.DISABLED else BackendTlsStreams(BackendTls(mode=mode), "db")
    assert Connector(Clock(), TCP, 5.0, tls).tls is tls
    demanded = mode not in {TlsMode.DISABLED, TlsMode.PREFERRED}
    assert Connector(Clock(), SOCKET, 5.0, tls).tls is (tls if demanded else None)


def test_a_target_without_tls_is_refused_where_it_is_demanded():
    """The scripted target offers none: it gets no name and no password."""
    connecting = Connecting()
    connecting.connector.tls = BackendTlsStreams(BackendTls(mode=TlsMode.REQUIRED), "db")
    (lost,) = connecting.connect()
    assert str(lost) == "the target offers no TLS, and tls.mode is required"
    assert connecting.servers.backends[0].side.login is None


# The PROXY protocol


@pytest.mark.parametrize("announces", [True, False])
def test_a_target_may_want_to_be_told_who_comes(announces):
    """A unix socket has no address, so the header says that we come for ourselves."""

    class Transport:
        """Keeps what is written."""

        disconnecting = False

        def __init__(self):
            self.written = b""

        def write(self, data):
            self.written += data

        def getHost(self):  # noqa: N802 - Twisted's name
            return None

        getPeer = getHost  # noqa: N815 - likewise

    protocol, transport = dialed(announces=announces), Transport()
    protocol.makeConnection(transport)
    assert transport.written == (encode_local() if announces else b"")


def test_it_connects_in_another_way_from_then_on():
    """With other TLS, another limit and a header, or without."""
    tls = BackendTlsStreams(BackendTls(mode=TlsMode.PREFERRED), "db")
    connector = Connector(MemoryReactorClock(), TCP, 5.0)
    connector.reconfigure(2.0, tls, announces=True)
    assert (connector.timeout_seconds, connector.tls) == (2.0, tls)
    socket = Connector(MemoryReactorClock(), SOCKET, 5.0)
    socket.reconfigure(2.0, tls, announces=False)
    assert socket.tls is None
