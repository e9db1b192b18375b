"""Connections that another process has accepted, as transports of Twisted's."""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory

_PARTS_OF_IPV4: Final = 2


def adopt(reactor: Any, connection: socket.socket, factory: Factory) -> None:
    """Have a connection served by what a factory makes, as if it had come in here.

    Twisted's `adoptStreamConnection` does that with a copy of the descriptor, and asks the
    kernel for what is known.

    Args:
        reactor: Ours.
        connection: The connection, which is the transport's from then on.
        factory: Makes the protocol.

    Raises:
        OSError: the peer has gone, or there is no room for what it needs.  The connection is
            closed then, as it is where the factory or the protocol raises something.
    """
    try:
        peer, address, transport = _known(connection.getpeername())
        protocol: Any = factory.buildProtocol(address)
        made = transport(connection, protocol, peer, None, 0, reactor)
    except BaseException:
        connection.close()
        raise
    made.repstr = f"<{type(protocol).__name__} from {peer!r}>"
    try:
        protocol.makeConnection(made)
    except BaseException:
        made.abortConnection()
        raise


def _known(peer: Any) -> tuple[Any, Any, Any]:
    """What follows from the address of a peer, which tells its family by its shape.

    Returns:
        The address, of IPv6 with the name of its scope where it has one; the same as Twisted
        has it; the class of the transport.
    """
    if not isinstance(peer, tuple):
        return peer, UNIXAddress(peer), unix.Server
    if len(peer) == _PARTS_OF_IPV4:
        return peer, IPv4Address("TCP", *peer), tcp.Server
    if peer[3]:
        flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        peer = (socket.getnameinfo(peer, flags)[0], *peer[1:])
    return peer, IPv6Address("TCP", *peer), tcp.Server
