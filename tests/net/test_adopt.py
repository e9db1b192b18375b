"""Tests of `proxy.net.adopt`."""

from __future__ import annotations

import contextlib
import errno
import socket

import pytest
from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from proxy.net.adopt import adopt
from tests.support.joined import Reactor


class Maker(Factory):
    """Makes one protocol.

    Attributes:
        addresses: For whom.
        protocols: Those.
        trouble: Raised by the protocol when its connection is there.
    """

    noisy = False

    def __init__(self, trouble=None):
        self.addresses, self.protocols, self.trouble = [], [], trouble

    def buildProtocol(self, addr):  # noqa: N802 - Twisted's name
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        self.addresses.append(addr)
        made = Protocol()
        self.protocols.append(made)
        made.connectionMade = self._made
        made.connectionLost = lambda _reason: self.protocols.remove(made)
        return made

    def _made(self):
        if self.trouble is not None:
            raise self.trouble


@contextlib.contextmanager
def connected(family, place):
    """A connection that somebody has accepted, and its other end."""
    with socket.socket(family) as listening, socket.socket(family) as peer:
        listening.bind(place)
        listening.listen()
        peer.connect(listening.getsockname())
        peer.settimeout(5)
        ours, _ = listening.accept()
        with ours:
            yield ours, peer


PLACES = [
    (socket.AF_INET, ("127.0.0.1", 0), tcp.Server, IPv4Address),
    (socket.AF_INET6, ("::1", 0), tcp.Server, IPv6Address),
    (socket.AF_UNIX, "", unix.Server, UNIXAddress),
]


@pytest.mark.parametrize(("family", "place", "kind", "address"), PLACES)
def test_a_connection_is_served_as_if_it_had_come_in_here(family, place, kind, address):
    """The peer's address is known, and no descriptor of it is left when it ends."""
    reactor, maker = Reactor(), Maker()
    with connected(family, place) as (ours, peer):
        adopt(reactor, ours, maker)
        (protocol,) = maker.protocols
        transport = protocol.transport
        assert isinstance(transport, kind)
        assert not ours.getblocking()
        assert reactor.readers == {transport}
        (found,) = maker.addresses
        assert isinstance(found, address)
        if family != socket.AF_UNIX:
            assert transport.getPeer() == found
            assert (found.host, found.port) == peer.getsockname()[:2]
        assert repr(transport).startswith("<Protocol from ")
        protocol.dataReceived = transport.write
        peer.sendall(b"hello")
        transport.doRead()
        reactor.turn()
        assert peer.recv(10) == b"hello"
        transport.loseConnection()
        reactor.turn()
        assert peer.recv(10) == b""
        assert ours.fileno() == -1
    assert maker.protocols == []


def test_an_address_of_a_link_has_its_scope(monkeypatch):
    """As Twisted has it: without that nobody could be reached there."""
    monkeypatch.setattr(socket, "getnameinfo", lambda one, _flags: (f"{one[0]}%eth0", one[1]))
    maker = Maker()
    with connected(socket.AF_INET6, ("::1", 0)) as (ours, _):
        named = Linked(fileno=ours.detach())
        adopt(Reactor(), named, maker)
        (found,) = maker.addresses
        assert (found.host, found.scopeID) == ("fe80::1%eth0", 2)
        maker.protocols[0].transport.connectionLost(Failure(ConnectionDone()))


class Linked(socket.socket):
    """A connection by way of one link."""

    def getpeername(self):
        """The address of a link, with the number of that."""
        return ("fe80::1", 5, 0, 2)


def test_a_connection_whose_peer_has_gone_is_closed():
    """Nothing is made for it."""
    maker = Maker()
    with socket.socket() as never, pytest.raises(OSError, match="not connected"):
        adopt(Reactor(), never, maker)
    assert never.fileno() == -1
    assert maker.addresses == []


def test_a_connection_for_which_there_is_no_room_is_closed(monkeypatch):
    """The reactor may have no place for it."""

    def full(_reader):
        raise OSError(errno.ENOSPC, "No space left on device")

    reactor = Reactor()
    monkeypatch.setattr(reactor, "addReader", full)
    with connected(socket.AF_INET, ("127.0.0.1", 0)) as (ours, peer):
        with pytest.raises(OSError, match="No space"):
            adopt(reactor, ours, Maker())
        assert peer.recv(1) == b""


def test_a_protocol_that_makes_a_mistake_is_rid_of_its_connection():
    """Else it would stay for as long as the peer does."""
    reactor, maker = Reactor(), Maker(RuntimeError("a mistake"))
    with connected(socket.AF_INET, ("127.0.0.1", 0)) as (ours, peer):
        with pytest.raises(RuntimeError):
            adopt(reactor, ours, maker)
        reactor.turn()
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
    assert reactor.readers == set()
    assert maker.protocols == []
