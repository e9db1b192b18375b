"""Tests of `proxy.dialogue.client`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.credentials.rsa import GeneratedRsaKey
from proxy.dialogue.client import AHEAD_BYTES, LOGIN_PACKET_LIMIT, ClientDialogue
from proxy.dialogue.client_states import TRANSITIONS, State
from proxy.dialogue.events import (
    Authenticated,
    Broken,
    ClientEvent,
    CommandReceived,
    FileReceived,
    LoginStarted,
    Unproved,
    UserChangeStarted,
)
from proxy.errors import access_denied, shutting_down
from proxy.wire.auth import CACHING_SHA2, NATIVE, make_prover, make_verifier
from proxy.wire.auth.steps import Send
from proxy.wire.constants import Capability
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import Greeting, Login
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Err, Ok, parse_err, parse_ok

NONCE = b"abcdefghijklmnopqrst"
ABLE = 0xFFFFFFFF & ~int(Capability.SSL | Capability.CONNECT_ATTRS)
GREETING = Greeting("9.7.4", 17, NONCE, ABLE, 255, 2, CACHING_SHA2)
LIMIT = 1000
KEY = GeneratedRsaKey()


class Peer:
    """A client at the other end: sends packets, reads what the dialogue wants to send."""

    def __init__(self) -> None:
        self.dialogue = ClientDialogue(GREETING, LIMIT)
        self.reader = PacketReader(1 << 20)
        self.read()

    def read(self) -> list[bytes]:
        """The payloads that the dialogue wants to send now."""
        self.reader.feed(self.dialogue.bytes_to_send())
        payloads = []
        while isinstance(packet := self.reader.next_packet(), Packet):
            payloads.append(packet.payload)
        assert self.reader.buffered == 0
        return payloads

    def send(self, payload: bytes) -> list[ClientEvent]:
        """Send a packet that follows the last one."""
        data = encode(payload, self.reader.sequence)
        self.reader.sequence = (self.reader.sequence + 1) & 0xFF
        return self.dialogue.receive_data(data)

    def command(self, payload: bytes) -> list[ClientEvent]:
        """Send a command: numbers begin anew."""
        self.reader.sequence = 0
        return self.send(payload)


def login(plugin: str = CACHING_SHA2, password: str = "secret", able: int = ABLE) -> Login:
    prover = make_prover(plugin, password, secure=False)
    proof = prover.begin(NONCE) if prover else b""
    return Login(able, 1 << 24, 45, "app", proof, b"shop", plugin)


def verifier(plugin: str = CACHING_SHA2, *, key: GeneratedRsaKey | None = None):
    return make_verifier(plugin, ("secret", "older"), NONCE, key=key, secure=False)


def ready() -> Peer:
    """A peer that has logged in."""
    peer = Peer()
    sent = login()
    peer.send(sent.encode())
    peer.dialogue.identify(verifier(), sent.plugin, sent.auth_response)
    peer.dialogue.accept(2)
    peer.read()
    return peer


def err(payload: bytes) -> Err:
    found = parse_err(payload)
    assert not isinstance(found, Malformed)
    return found


@pytest.mark.parametrize("plugin", [CACHING_SHA2, NATIVE])
@pytest.mark.parametrize("password", ["secret", "older"])
def test_a_right_proof_lets_in(plugin, password):
    """The fast way of each plugin, with the new password and the one before."""
    peer = Peer()
    sent = login(plugin, password)
    assert peer.send(sent.encode()) == [LoginStarted(sent)]
    assert peer.dialogue.state is State.IDENTIFYING
    events = peer.dialogue.identify(verifier(plugin), plugin, sent.auth_response)
    assert events == [Authenticated()]
    peer.dialogue.accept(2)
    assert peer.dialogue.state is State.READY
    *more, ok = peer.read()
    assert more == ([b"\x01\x03"] if plugin == CACHING_SHA2 else [])
    assert parse_ok(ok, 0) == Ok()


def test_a_wrong_proof_is_turned_away():
    """The verdict is a state, and the client hears the server's own text."""
    peer = Peer()
    sent = login(NATIVE, "wrong")
    peer.send(sent.encode())
    assert peer.dialogue.identify(verifier(NATIVE), NATIVE, sent.auth_response) == [Unproved()]
    peer.dialogue.refuse(access_denied("app", "::1", using_password=True))
    assert peer.dialogue.state is State.CLOSED
    assert err(peer.read()[0]).code == 1045
    assert peer.command(b"\x03SELECT 1") == []


def test_the_plugin_is_switched_where_it_is_another():
    """The client answers the same challenge by the plugin that it is asked for."""
    peer = Peer()
    sent = login(NATIVE)
    peer.send(sent.encode())
    assert peer.dialogue.identify(verifier(), NATIVE, sent.auth_response) == []
    (switch,) = peer.read()
    assert switch == b"\xfe" + CACHING_SHA2.encode() + b"\x00" + NONCE + b"\x00"
    prover = make_prover(CACHING_SHA2, "secret", secure=False)
    assert prover is not None
    assert peer.send(prover.begin(NONCE)) == [Authenticated()]


def test_a_client_without_plugins_cannot_switch():
    """It speaks the old default only."""
    peer = Peer()
    sent = login(NATIVE, able=ABLE & ~int(Capability.PLUGIN_AUTH))
    peer.send(sent.encode())
    assert peer.dialogue.identify(verifier(), "", sent.auth_response) == [Unproved()]


def test_full_authentication_by_rsa():
    """A scramble that does not fit is followed by the password itself, hidden by the key."""
    peer = Peer()
    sent = login(password="not yet known")
    peer.send(sent.encode())
    assert peer.dialogue.identify(verifier(key=KEY), sent.plugin, sent.auth_response) == []
    prover = make_prover(CACHING_SHA2, "secret", secure=False)
    assert prover is not None
    prover.begin(NONCE)
    events: list[ClientEvent] = []
    for _ in range(2):
        (more,) = peer.read()
        step = prover.receive(more[1:])
        assert isinstance(step, Send)
        events = peer.send(step.data)
    assert events == [Authenticated()]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode(b"\x00" * 40, 1), 1043),
        (encode(login().encode(), 5), 1156),
        ((LOGIN_PACKET_LIMIT + 1).to_bytes(3, "little") + b"\x01", 1153),
    ],
)
def test_a_bad_login_hears_what_is_wrong(data, code):
    """Malformed, out of order, too large: each has the server's own code."""
    peer = Peer()
    (event,) = peer.dialogue.receive_data(data)
    assert isinstance(event, Broken)
    assert event.reply is not None
    assert event.reply.code == code
    assert err(peer.dialogue.bytes_to_send()[4:]).code == code


def test_commands_come_one_at_a_time():
    """What a client sends ahead is kept until the answer has gone out."""
    peer = ready()
    first, second = encode(b"\x0e"), encode(b"\x03SELECT 1")
    assert peer.dialogue.receive_data(first + second) == [CommandReceived(b"\x0e")]
    assert peer.dialogue.state is State.ANSWERING
    assert peer.dialogue.buffered == len(second)
    assert peer.dialogue.next_events() == []
    peer.dialogue.answer_ok(Ok())
    assert peer.dialogue.next_events() == [CommandReceived(b"\x03SELECT 1")]
    assert not peer.dialogue.buffered


def test_a_whole_command_takes_the_short_way():
    """A packet that came alone is handed on with its header, when its turn is."""
    peer = ready()
    packet = encode(b"\x03SELECT 1")
    assert not peer.dialogue.is_whole_command(packet[:-1])
    assert not peer.dialogue.is_whole_command(packet + b"x")
    assert not peer.dialogue.is_whole_command(encode(b"\x0e", 1))
    assert not peer.dialogue.is_whole_command(encode(b""))
    assert peer.dialogue.is_whole_command(packet)
    assert not peer.dialogue.is_whole_command(packet)
    peer.dialogue.answered()
    peer.dialogue.receive_data(packet[:3])
    assert not peer.dialogue.is_whole_command(packet)


def test_answers_of_ours_are_numbered_from_one():
    """An OK, an ERR and several packets, each for a command."""
    peer = ready()
    for answer in (
        lambda: peer.dialogue.answer_ok(Ok()),
        lambda: peer.dialogue.answer_err(shutting_down()),
        lambda: peer.dialogue.answer((b"a", b"b")),
    ):
        peer.command(b"\x0e")
        answer()
        assert peer.dialogue.bytes_to_send()[3] == 1
        assert peer.dialogue.state is State.READY


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode(b""), 1835),
        (encode(b"\x11no end"), 1835),
        (encode(b"\x0e", 3), 1156),
        ((LIMIT + 1).to_bytes(3, "little") + b"\x00", 1153),
    ],
)
def test_a_bad_command_breaks_the_conversation(data, code):
    """Empty, malformed, out of order, too large: an ERR, and nothing more is read."""
    peer = ready()
    (event,) = peer.dialogue.receive_data(data)
    assert isinstance(event, Broken)
    assert event.reply is not None
    assert event.reply.code == code
    assert peer.dialogue.state is State.BROKEN


def test_a_change_of_user_is_a_login():
    """It is identified like one, and let in or turned away."""
    peer = ready()
    proof = login().auth_response
    body = b"\x11app\x00" + bytes((len(proof),)) + proof + b"other\x00"
    (event,) = peer.command(body + b"\x2d\x00" + CACHING_SHA2.encode() + b"\x00")
    assert isinstance(event, UserChangeStarted)
    assert (event.change.user, event.change.schema) == ("app", b"other")
    events = peer.dialogue.identify(verifier(), event.change.plugin, event.change.auth_response)
    assert events == [Authenticated()]
    peer.dialogue.accept(0)
    (received,) = peer.command(b"\x0e")
    assert received == CommandReceived(b"\x0e")
    assert received.code == 14


def test_a_change_of_user_that_waits_for_a_challenge_gets_one():
    """MySQL's library proves nothing in the command: it is asked though its plugin fits."""
    peer = ready()
    peer.command(b"\x11app\x00\x00\x00\x2d\x00" + CACHING_SHA2.encode() + b"\x00")
    assert peer.dialogue.identify(verifier(), CACHING_SHA2, b"", ask=True) == []
    assert not peer.dialogue.offered_proof
    (switch,) = peer.read()
    assert switch == b"\xfe" + CACHING_SHA2.encode() + b"\x00" + NONCE + b"\x00"
    prover = make_prover(CACHING_SHA2, "secret", secure=False)
    assert prover is not None
    assert peer.send(prover.begin(NONCE)) == [Authenticated()]
    assert peer.dialogue.offered_proof


FILE = b"".join((encode(b"x" * 300, 2), encode(b"y", 3), encode(b"", 4)))


@given(st.lists(st.integers(0, len(FILE)), max_size=6))
def test_a_file_goes_on_as_it_comes(cuts):
    """However it is cut, every byte goes to the server, and the empty packet ends it."""
    peer = ready()
    peer.command(b"\x03LOAD DATA LOCAL")
    peer.dialogue.expect_file(2)
    data, start, events = FILE + encode(b"\x0e"), 0, []
    for cut in [*sorted(cuts), len(data)]:
        events += peer.dialogue.receive_data(data[start:cut])
        start = cut
    assert all(isinstance(event, FileReceived) for event in events)
    assert b"".join(event.data for event in events) == FILE
    assert [event.ended for event in events].count(True) == 1
    assert peer.dialogue.state is State.ANSWERING
    peer.dialogue.answered()
    assert peer.dialogue.next_events() == [CommandReceived(b"\x0e")]


def test_a_full_packet_of_a_file_is_not_ended_by_its_empty_rest():
    """A packet of full length is followed by another one, which may be empty."""
    peer = ready()
    peer.command(b"\x03LOAD DATA LOCAL")
    peer.dialogue.expect_file(2)
    assert peer.dialogue.next_events() == []
    full = b"\xff\xff\xff\x02" + bytes(0xFFFFFF)
    (event,) = peer.dialogue.receive_data(full + encode(b"", 3))
    assert isinstance(event, FileReceived)
    assert not event.ended
    (event,) = peer.dialogue.receive_data(encode(b"", 4))
    assert isinstance(event, FileReceived)
    assert event.ended


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_part_of_a_header_that_came_early_says_nothing(size):
    """Whoever asks what is there already must not ask for ever."""
    peer = ready()
    packet = encode(b"x", 2)
    assert len(peer.dialogue.receive_data(encode(b"\x03LOAD DATA LOCAL") + packet[:size])) == 1
    peer.dialogue.expect_file(2)
    assert peer.dialogue.next_events() == []
    assert peer.dialogue.buffered
    (event,) = peer.dialogue.receive_data(packet[size:] + encode(b"", 3))
    assert event == FileReceived(packet + encode(b"", 3), ended=True)


def test_good_bye_is_said_where_there_is_room():
    """Between commands a client hears why, in the middle of an answer it cannot."""
    peer = ready()
    peer.command(b"\x0e")
    peer.dialogue.close(shutting_down())
    assert peer.read() == []
    peer = ready()
    peer.reader.sequence = 0
    peer.dialogue.close(shutting_down())
    assert err(peer.read()[0]).code == 1053
    peer.dialogue.close(shutting_down())
    assert peer.read() == []
    peer = ready()
    peer.dialogue.close()
    assert peer.dialogue.state is State.CLOSED


def test_commands_ahead_of_an_answer_are_counted():
    """Who sends more than it may while it waits for an answer is to be slowed down."""
    peer = ready()
    peer.command(b"\x03SELECT 1")
    assert not peer.dialogue.is_ahead
    peer.dialogue.receive_data(encode(bytes(AHEAD_BYTES), 0))
    assert peer.dialogue.is_ahead
    peer.dialogue.answered()
    assert not peer.dialogue.is_ahead


def test_it_goes_on_where_another_dialogue_was():
    """Nothing is greeted again: the next thing that comes is a command."""
    one = ready().dialogue
    dialogue = ClientDialogue(attrs.evolve(GREETING, connection_id=18), LIMIT)
    dialogue.take_over(one.greeting, one.capabilities, one.collation)
    assert dialogue.bytes_to_send() == b""
    assert dialogue.state is State.READY
    assert (dialogue.greeting, dialogue.capabilities) == (one.greeting, one.capabilities)
    assert dialogue.collation == one.collation
    (event,) = dialogue.receive_data(encode(b"\x03SELECT 1", 0))
    assert event == CommandReceived(b"\x03SELECT 1")


@given(st.lists(st.binary(max_size=80), max_size=6), st.booleans())
@settings(max_examples=2_000, deadline=None)
def test_any_bytes_are_survived(chunks, logged_in):
    """Whatever a client sends, before its login or after, nothing is raised."""
    peer = ready() if logged_in else Peer()
    for chunk in chunks:
        for event in peer.dialogue.receive_data(chunk):
            if isinstance(event, CommandReceived):
                peer.dialogue.answered()
        peer.dialogue.bytes_to_send()
    assert peer.dialogue.state in TRANSITIONS


def test_repr_says_who_and_how_far():
    """An operator sees the id and the state."""
    peer = ready()
    assert repr(peer.dialogue) == "<ClientDialogue 17 waiting for a command>"
