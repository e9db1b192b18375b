"""Tests of `proxy.dialogue.backend`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.credentials.rsa import GeneratedRsaKey
from proxy.dialogue.backend import TRANSITIONS, Account, BackendDialogue, State
from proxy.dialogue.events import Broken, Greeted, LoggedIn, LoginRefused
from proxy.wire.auth import CACHING_SHA2, NATIVE, native
from proxy.wire.auth import caching_sha2 as sha2
from proxy.wire.constants import Capability, Status
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import Greeting, Login, auth_more_data, auth_switch, parse_login
from proxy.wire.responses import Err, Ok

NONCE = b"abcdefghijklmnopqrst"
OTHER = b"ABCDEFGHIJKLMNOPQRST"
ABLE = 0xFFFFFFFF & ~int(Capability.SSL)
GREETING = Greeting("9.7.4", 17, NONCE, ABLE, 255, 2, CACHING_SHA2)
ACCOUNT = Account("app", "secret", shape=int(Capability.DEPRECATE_EOF), schema=b"shop")
OK = Ok(status=int(Status.AUTOCOMMIT)).encode(0)


def greeted(
    greeting: Greeting = GREETING, account: Account = ACCOUNT, *, secure: bool = False
) -> tuple[BackendDialogue, Login]:
    """A dialogue that has answered a greeting, and what it answered."""
    dialogue = BackendDialogue(account, secure=secure)
    assert dialogue.receive_data(encode(greeting.encode(), 0)) == [Greeted(greeting)]
    login = parse_login(sent(dialogue, 1))
    assert isinstance(login, Login)
    return dialogue, login


def sent(dialogue: BackendDialogue, sequence: int) -> bytes:
    """The one payload that it wants to send, numbered like this."""
    reader = PacketReader(1 << 16, sequence)
    reader.feed(dialogue.bytes_to_send())
    packet = reader.next_packet()
    assert isinstance(packet, Packet)
    assert reader.buffered == 0
    return packet.payload


def test_the_fast_way_takes_one_round():
    """Greeting, scramble, "fast", OK: and what was asked for is what both can."""
    dialogue, login = greeted()
    assert login.user == "app"
    assert login.schema == b"shop"
    assert login.auth_response == sha2.scramble("secret", NONCE)
    assert login.capabilities & Capability.DEPRECATE_EOF
    assert not login.capabilities & Capability.FOUND_ROWS
    more = encode(auth_more_data(sha2.FAST_AUTH_SUCCESS), 2)
    assert dialogue.receive_data(more + encode(OK, 3)) == [LoggedIn(2)]
    assert dialogue.state is State.READY
    assert dialogue.bytes_to_send() == b""


def test_any_chunking_logs_in():
    """A login that comes byte by byte is the same login."""
    dialogue = BackendDialogue(ACCOUNT, secure=False)
    events = []
    for byte in encode(GREETING.encode(), 0):
        events += dialogue.receive_data(bytes((byte,)))
    dialogue.bytes_to_send()
    for byte in encode(OK, 2):
        events += dialogue.receive_data(bytes((byte,)))
    assert events == [Greeted(GREETING), LoggedIn(2)]


def test_a_cold_server_gets_the_password_by_rsa():
    """Full authentication over plain TCP: the key is asked for, and hides the password."""
    key = GeneratedRsaKey()
    dialogue, _ = greeted()
    dialogue.receive_data(encode(auth_more_data(sha2.PERFORM_FULL_AUTHENTICATION), 2))
    assert sent(dialogue, 3) == sha2.REQUEST_PUBLIC_KEY
    dialogue.receive_data(encode(auth_more_data(key.public_pem), 4))
    hidden = key.decrypt(sent(dialogue, 5))
    assert hidden is not None
    assert sha2.mask(hidden, NONCE) == b"secret\x00"
    assert dialogue.receive_data(encode(OK, 6)) == [LoggedIn(2)]


def test_a_login_without_a_schema_asks_for_none():
    """The field is left out, not empty."""
    _, login = greeted(account=Account("app", "secret"))
    assert login.schema is None
    assert not login.capabilities & Capability.CONNECT_WITH_DB


def test_where_nobody_reads_along_the_password_goes_as_it_is():
    """Over a unix socket there is nothing to hide."""
    dialogue, _ = greeted(secure=True)
    dialogue.receive_data(encode(auth_more_data(sha2.PERFORM_FULL_AUTHENTICATION), 2))
    assert sent(dialogue, 3) == b"secret\x00"


def test_the_account_may_have_another_plugin():
    """A switch brings a new challenge, which the new scramble answers."""
    dialogue, _ = greeted()
    dialogue.receive_data(encode(auth_switch(NATIVE, OTHER), 2))
    assert sent(dialogue, 3) == native.scramble("secret", OTHER)
    assert dialogue.receive_data(encode(OK, 4)) == [LoggedIn(2)]


def test_an_unknown_default_plugin_waits_for_the_switch():
    """The account's own plugin may be one that we know."""
    dialogue, login = greeted(attrs.evolve(GREETING, plugin="auth_socket"))
    assert login.auth_response == b""
    events = dialogue.receive_data(encode(auth_more_data(b"x"), 2))
    assert isinstance(events[0], Broken)


def test_a_refusal_says_the_servers_own_words():
    """An ERR packet is the answer, at the greeting as well as later."""
    dialogue = BackendDialogue(ACCOUNT, secure=False)
    full = Err(1040, "HY000", b"Too many connections")
    (event,) = dialogue.receive_data(encode(b"\xff\x10\x04Too many connections", 0))
    assert event == LoginRefused(full)
    dialogue, _ = greeted()
    denied = Err(1045, "28000", b"Access denied")
    assert dialogue.receive_data(encode(denied.encode(), 2)) == [LoginRefused(denied)]
    assert dialogue.state is State.REFUSED
    assert dialogue.receive_data(b"more") == []


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"\xfe",
        auth_switch("auth_gssapi_client", OTHER),
        b"\x00",
        b"\x07",
        b"",
        auth_more_data(b"nonsense"),
    ],
)
def test_nonsense_during_login_breaks_it(payload):
    """What is no step of a login ends it, with a reason."""
    dialogue, _ = greeted()
    (event,) = dialogue.receive_data(encode(payload, 2))
    assert isinstance(event, Broken)
    assert event.why
    assert dialogue.state is State.BROKEN


@pytest.mark.parametrize(
    "data",
    [
        encode(b"\x09old", 0),
        encode(GREETING.encode(), 5),
        b"\xff\xff\xff\x00",
        encode(
            attrs.evolve(GREETING, capabilities=int(Capability.SECURE_CONNECTION)).encode(), 0
        ),
    ],
)
def test_a_greeting_that_cannot_be_used_breaks_it(data):
    """Other protocols, wrong numbers, endless packets, servers without plugins."""
    dialogue = BackendDialogue(ACCOUNT, secure=False)
    events = dialogue.receive_data(data)
    assert isinstance(events[-1], Broken)


def test_bytes_behind_the_login_break_it():
    """A server says nothing unasked once we are in."""
    dialogue, _ = greeted()
    events = dialogue.receive_data(encode(OK, 2) + b"x")
    assert events[0] == LoggedIn(2)
    assert isinstance(events[1], Broken)


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
@settings(max_examples=10_000, deadline=None)
def test_any_bytes_are_survived(chunks, begun):
    """Whatever a server sends, the answer is a list of events, and nothing is raised."""
    dialogue = greeted()[0] if begun else BackendDialogue(ACCOUNT, secure=False)
    for chunk in chunks:
        dialogue.receive_data(chunk)
        dialogue.bytes_to_send()
    assert dialogue.state in TRANSITIONS


def test_repr_shows_the_user_and_no_password():
    """An operator sees who logs in and how far it is."""
    dialogue = BackendDialogue(ACCOUNT, secure=False)
    assert repr(dialogue) == "<BackendDialogue 'app' waiting for the greeting>"
    assert "secret" not in repr(ACCOUNT)
