"""Where clients come in."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from proxy.errors import ErrorReply, shutting_down, too_many_clients
from proxy.front import console
from proxy.front.admission import LOCAL
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.net.client import ClientProtocol
from proxy.wire.framing import encode
from proxy.wire.responses import Err


class ClientFactory(Factory):
    """Makes a client of each connection to one endpoint, as long as there is room."""

    noisy = False

    def __init__(self, proxy: Proxy, endpoint: str) -> None:
        self._proxy = proxy
        self._endpoint = endpoint

    def __repr__(self) -> str:
        """Which endpoint of which proxy."""
        return f"<ClientFactory {self._proxy.config.name}/{self._endpoint}>"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        proxy = self._proxy
        counters = proxy.counters.endpoint(self._endpoint)
        counters.client_connections_received += 1
        limit, clients = proxy.config.max_clients, proxy.count + proxy.clients_elsewhere
        if proxy.draining:
            return TurnedAway(shutting_down())
        address = addr.host if isinstance(addr, IPv4Address | IPv6Address) else LOCAL
        if clients >= limit and not console.has_place(proxy, address):
            counters.client_connections_setup_failed_limit += 1
            proxy.log.warning(
                "a client was turned away: too many clients",
                limit=limit,
                endpoint=self._endpoint,
                address=address,
            )
            return TurnedAway(too_many_clients(limit))
        return ClientProtocol(lambda protocol: self._welcome(protocol, address))

    def _welcome(self, protocol: ClientProtocol, address: str) -> None:
        """Greet a client whose connection is there."""
        proxy = self._proxy
        number = proxy.ids.next_free(proxy.clients)
        client = Client(proxy, protocol, number, address, self._endpoint)
        proxy.clients[number] = client
        proxy.count += 1
        client.timing.came()
        if proxy.count + proxy.clients_elsewhere > proxy.config.max_clients:
            console.give_place(client)
        proxy.deadlines.watch(client)
        protocol.attach(client.dialogue, client)


class TurnedAway(Protocol):
    """Says why there is no room, in place of a greeting."""

    def __init__(self, reply: ErrorReply) -> None:
        self._reply = reply

    def connectionMade(self) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        reply = self._reply
        transport: Any = self.transport
        err = Err(reply.code, reply.sqlstate, reply.message.encode())
        transport.write(encode(err.encode_early()))
        transport.loseConnection()
