import select
import socket

import pytest

from bench.entrance import packet
from bench.many.client import Client, Door, Phase
from proxy.wire.constants import Capability
from proxy.wire.greeting import Greeting, Login, parse_login

HOST = "127.0.0.1"
ABLE = Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH
GREETING = Greeting("9.7.0", 1, bytes(range(1, 21)), ABLE, 45, 2, "caching_sha2_password")
OK = b"\x00\x00\x00\x02\x00\x00\x00"


@pytest.fixture
def meeting():
    """A client that has connected, and the other end."""
    with socket.create_server((HOST, 0)) as listener:
        client = Client(3, Door(HOST, listener.getsockname()[1]), "127.0.0.8")
        other, _ = listener.accept()
    with other:
        yield client, other
    client.end("left")


def step(client):
    """What comes of the next bytes."""
    assert select.select([client.socket], [], [], 10)[0]
    return client.step()


def let_in(client, other):
    """Go through the login."""
    other.sendall(packet(GREETING.encode()))
    assert not step(client)
    assert isinstance(parse_login(other.recv(1000)[4:]), Login)
    other.sendall(packet(b"\x01\x03", 2) + packet(OK, 3))
    assert step(client)
    assert client.phase is Phase.FREE
    assert client.let_in >= client.came


def test_a_client_logs_in_and_asks(meeting):
    """It has something to tell when it is let in, and when it is answered."""
    client, other = meeting
    let_in(client, other)
    client.ask(b"DO 1")
    assert other.recv(100) == packet(b"\x03DO 1")
    other.sendall(packet(OK, 1))
    assert step(client)
    assert client.phase is Phase.FREE
    assert client.answered >= client.asked


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (b"\xff\x10\x04#08004Too many connections", "1040"),
        (b"\x09old", "the greeting is not that of a server of today"),
    ],
)
def test_a_refused_client_has_trouble(meeting, said, trouble):
    """The number of the error, or words where there is none."""
    client, other = meeting
    other.sendall(packet(said))
    assert step(client)
    assert (client.phase, client.trouble) == (Phase.ENDED, trouble)


def test_a_client_that_asked_nothing_is_told_why_it_has_to_go(meeting):
    """Servers that shut down say so."""
    client, other = meeting
    let_in(client, other)
    other.sendall(packet(b"\xff\x1d\x04#08S01Server shutdown in progress"))
    assert step(client)
    assert (client.phase, client.trouble) == (Phase.ENDED, "1053")


def test_a_lost_connection_is_an_end(meeting):
    """At any time."""
    client, other = meeting
    other.close()
    assert step(client)
    assert (client.phase, client.trouble) == (Phase.ENDED, "closed")


def test_a_client_may_speak_tls(served):
    """The handshake, the login and the answer all come bit by bit."""
    client = Client(1, Door(HOST, served.port, tls=True))
    while not step(client):
        assert client.phase in {Phase.COMING, Phase.TLS}
    assert client.phase is Phase.FREE
    client.ask(b"SELECT 1")
    while not step(client):
        assert client.phase is Phase.ASKED
    assert client.answer.row == b"\x011"
    client.end("left")
    assert served.received[0] == b"\x03SELECT 1"
