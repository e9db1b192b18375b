"""Tests of `proxy.front.listener`."""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from proxy.front.listener import TurnedAway
from proxy.net.client import ClientProtocol
from proxy.wire.greeting import parse_greeting
from tests.support.memory import Peer, Stage
from tests.support.servers import Wire


def test_a_client_is_greeted_with_its_number():
    """The greeting has the id that KILL will name, and the client is counted."""
    stage = Stage()
    numbers = []
    for _ in range(2):
        (payload,) = stage.connect().payloads()
        numbers.append(parse_greeting(payload).connection_id)
    assert numbers == [1, 2]
    assert stage.proxy.count == 2
    assert sorted(stage.clients) == [1, 2]
    assert stage.counters.client_connections_received == 2


def test_one_client_too_many_hears_1040():
    """Beyond max_clients the client hears the limit in place of a greeting and is closed."""
    stage = Stage(proxy={"max_clients": 1})
    first, second = stage.connect(), stage.connect()
    reply = second.reply()
    assert reply.code == 1040
    assert reply.text == "Number simultaneous connections exceeded (1)"
    assert second.closed
    assert stage.counters.client_connections_setup_failed_limit == 1
    first.leave()
    assert parse_greeting(stage.connect().payloads()[0]).connection_id == 2


def test_a_client_that_comes_while_the_proxy_drains_hears_1053():
    """Nobody is let in any more."""
    stage = Stage()
    stage.proxy.draining = True
    late = stage.connect()
    assert late.reply().code == 1053
    assert late.closed
    assert stage.proxy.count == 0


def test_the_address_of_a_client_is_its_host():
    """Over TCP the IP address, over a unix socket localhost, as servers have it."""
    stage = Stage()
    expected = {
        IPv4Address("TCP", "10.0.0.7", 5): "10.0.0.7",
        IPv6Address("TCP", "::1", 5): "::1",
        UNIXAddress(None): "localhost",
        None: "localhost",
    }
    for address, host in expected.items():
        protocol = stage.factory.buildProtocol(address)
        assert isinstance(protocol, ClientProtocol)
        Wire(stage.clock, bytearray().extend).connect(protocol)
        assert protocol.owner.address == host


def test_a_factory_says_which_endpoint_it_serves():
    """The repr has the proxy and the endpoint."""
    assert repr(Stage().factory) == "<ClientFactory shop/main>"


def test_a_client_turned_away_leaves_no_trace():
    """What turns a client away keeps nothing of it."""
    stage = Stage(proxy={"max_clients": 1})
    stage.connect().leave()
    assert stage.is_clean()
    assert not isinstance(Peer(stage, stage.factory).wire.protocol, TurnedAway)
