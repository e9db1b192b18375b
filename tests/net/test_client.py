"""Tests of `proxy.net.client`."""

import pytest
from twisted.internet.task import Clock

from proxy.dialogue.client import AHEAD_BYTES, LOGIN_AHEAD_BYTES, ClientDialogue
from proxy.dialogue.client_states import State
from proxy.dialogue.events import Broken, CommandReceived, LoginStarted
from proxy.net.client import ClientProtocol
from proxy.wire.auth.native import NativeVerifier
from proxy.wire.commands import PING
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import Greeting
from proxy.wire.responses import Ok
from tests.support.scripted import AUTOCOMMIT, NONCE, login_packet
from tests.support.servers import Wire

PLUGIN = "mysql_native_password"
PING_PACKET = encode(PING)


class Owner:
    """Logs everybody in; answers commands at once, or when the test does."""

    def __init__(self, protocol, *, at_once):
        self.protocol = protocol
        self.at_once = at_once
        self.events, self.commands, self.ends = [], [], []

    def packet_arrived(self, packet):
        self.commands.append(packet[4:])
        if self.at_once:
            self.answer()

    def event_arrived(self, event):
        self.events.append(event)
        dialogue = self.protocol.dialogue
        match event:
            case LoginStarted(login):
                verifier = NativeVerifier(("secret",), dialogue.greeting.nonce)
                for after in dialogue.identify(verifier, PLUGIN, login.auth_response):
                    self.events.append(after)
                dialogue.accept(AUTOCOMMIT)
            case CommandReceived(payload):
                self.commands.append(payload)
                if self.at_once:
                    self.answer()

    def answer(self):
        self.protocol.dialogue.answer_ok(Ok())
        self.protocol.flush()
        self.protocol.proceed()

    def connection_ended(self, why):
        self.ends.append(why)


class Line:
    """A client's connection with its owner and what the client has got."""

    def __init__(self, *, at_once=True):
        self.received = bytearray()
        self.clock = Clock()
        self.wire = Wire(self.clock, self.received.extend)
        self.protocol = ClientProtocol(self.welcome)
        self.at_once = at_once
        self.wire.connect(self.protocol)

    def welcome(self, protocol):
        flags = int(
            Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH
        )
        greeting = Greeting("8", 7, NONCE, flags, 45, AUTOCOMMIT, PLUGIN)
        self.greeting = greeting.encode()
        self.owner = Owner(protocol, at_once=self.at_once)
        protocol.attach(ClientDialogue(greeting, 1 << 20), self.owner)

    def feed(self, data):
        """Let bytes arrive, and give what the client gets for them."""
        self.wire.receive(data)
        self.clock.advance(0)
        got = bytes(self.received)
        self.received.clear()
        return got


@pytest.fixture
def line():
    """A client that has logged in and whose commands are answered at once."""
    line = Line()
    assert line.feed(b"") == encode(line.greeting)
    assert line.feed(login_packet(line.greeting))[3] == 2
    return line


def test_a_command_that_came_alone_takes_the_short_way(line):
    """A chunk that is one whole command goes to the owner as it is, header included."""
    assert line.feed(PING_PACKET) == encode(Ok().encode(0), 1)
    assert line.owner.commands == [PING]
    assert not any(isinstance(event, CommandReceived) for event in line.owner.events)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_command_in_pieces_is_an_event(line, size):
    """However a command is cut, it arrives once and whole."""
    got = b"".join(
        line.feed(PING_PACKET[at : at + size]) for at in range(0, len(PING_PACKET), size)
    )
    assert got == encode(Ok().encode(0), 1)
    assert line.owner.commands == [PING]


def test_300_commands_in_one_segment_are_answered_without_recursion(line):
    """Answers at once do not call each other, however many commands came together."""
    assert line.feed(PING_PACKET * 300) == encode(Ok().encode(0), 1) * 300
    assert len(line.owner.commands) == 300


def test_a_client_far_ahead_of_its_answers_is_read_no_further():
    """What is kept of a client is bounded, and it is read on when its commands are answered."""
    line = Line(at_once=False)
    line.feed(login_packet(line.greeting))
    command = encode(b"\x03" + bytes(999))
    sent = 0
    while not line.wire.paused:
        line.feed(command * 50)
        sent += 50
        assert sent * len(command) <= AHEAD_BYTES + 51 * len(command)
    while line.protocol.dialogue.buffered > AHEAD_BYTES:
        assert line.wire.paused
        line.owner.answer()
    assert not line.wire.paused
    while len(line.owner.commands) < sent:
        line.owner.answer()
    assert line.protocol.dialogue.state is State.ANSWERING


def test_who_has_proved_nothing_is_kept_less_of():
    """While a login is looked at, what is sent behind it stays in the network."""
    line = Line(at_once=False)
    line.owner.event_arrived = line.owner.events.append
    line.feed(login_packet(line.greeting))
    assert line.protocol.dialogue.state is State.IDENTIFYING
    line.feed(bytes(LOGIN_AHEAD_BYTES))
    assert not line.wire.paused
    line.feed(b"x")
    assert line.wire.paused


def test_a_long_command_is_read_to_its_end():
    """The limit on reading ahead does not stop a command that is longer than it."""
    line = Line(at_once=False)
    line.feed(login_packet(line.greeting))
    command = encode(b"\x03" + bytes(AHEAD_BYTES * 2))
    half = len(command) // 2 + 100
    line.feed(command[:half])
    assert not line.wire.paused
    line.feed(command[half:])
    assert line.owner.commands == [command[4:]]


def test_a_client_that_breaks_the_protocol_hears_an_error(line):
    """The error goes out with the event, and what follows is not looked at."""
    got = line.feed(encode(PING, 5))
    assert got[4] == 0xFF
    assert isinstance(line.owner.events[-1], Broken)
    assert line.protocol.dialogue.state is State.BROKEN
    assert line.feed(PING_PACKET) == b""


def test_the_owner_hears_of_the_end(line):
    """The end of the connection is told once, and nothing is written after it."""
    line.wire.end()
    line.protocol.dialogue.close()
    line.protocol.flush()
    line.protocol.dialogue._outgoing.append(b"late")
    line.protocol.flush()
    line.clock.advance(0)
    assert line.owner.ends == ["the connection was closed"]
    assert not line.received
