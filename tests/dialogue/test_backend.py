"""Tests of `proxy.dialogue.backend`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config.tls import TlsMode
from proxy.credentials.rsa import GeneratedRsaKey
from proxy.dialogue.backend import TRANSITIONS, Account, BackendDialogue, State
from proxy.dialogue.events import Broken, Greeted, LoggedIn, LoginRefused
from proxy.errors import plugin_not_supported
from proxy.wire.auth import CACHING_SHA2, CLEAR, NATIVE, native
from proxy.wire.auth import caching_sha2 as sha2
from proxy.wire.constants import Capability, Status
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import (
    Greeting,
    Login,
    SslRequest,
    auth_more_data,
    auth_switch,
    parse_login,
)
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


def test_a_plugin_that_we_do_not_know_is_named_in_the_log():
    """Who waits for the connection hears that its account cannot be used."""
    dialogue, _ = greeted()
    (event,) = dialogue.receive_data(encode(auth_switch("auth_gssapi_client", OTHER), 2))
    assert isinstance(event, Broken)
    assert "'auth_gssapi_client', which is not supported" in event.why
    assert event.reply == plugin_not_supported()


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


OFFERS_TLS = attrs.evolve(GREETING, capabilities=0xFFFFFFFF)
WANTED = (
    TlsMode.PREFERRED,
    TlsMode.REQUIRED,
    TlsMode.VERIFY_CA,
    TlsMode.VERIFY_IDENTITY,
)


def starting_tls(
    mode: TlsMode = TlsMode.PREFERRED,
    greeting: Greeting = OFFERS_TLS,
    *,
    secure: bool = False,
) -> tuple[BackendDialogue, SslRequest]:
    """A dialogue that has asked for TLS, and how."""
    dialogue = BackendDialogue(ACCOUNT, secure=secure, tls=mode)
    events = dialogue.receive_data(encode(greeting.encode(), 0))
    assert events == [Greeted(greeting, starts_tls=True)]
    request = parse_login(sent(dialogue, 1))
    assert isinstance(request, SslRequest)
    return dialogue, request


@pytest.mark.parametrize("mode", WANTED)
def test_tls_is_asked_for_before_anything_is_said(mode):
    """No name goes out before the handshake; the login in it has the same capabilities."""
    dialogue, request = starting_tls(mode)
    assert dialogue.state is State.TLS
    assert request.capabilities & Capability.SSL
    assert dialogue.bytes_to_send() == b""
    assert dialogue.receive_data(b"") == []
    dialogue.tls_started(verified=False)
    login = parse_login(sent(dialogue, 2))
    assert isinstance(login, Login)
    assert login.user == "app"
    assert login.capabilities == request.capabilities
    assert (login.max_packet, login.collation) == (request.max_packet, request.collation)
    assert dialogue.receive_data(encode(OK, 3)) == [LoggedIn(2)]


def test_tls_that_is_not_wanted_is_not_asked_for():
    """A target that offers it is logged in to in plain where tls.mode is disabled."""
    _, login = greeted(OFFERS_TLS)
    assert not login.capabilities & Capability.SSL


@pytest.mark.parametrize("mode", WANTED)
def test_a_target_without_tls_serves_only_who_does_not_need_it(mode):
    """Preferred goes on in plain; every other mode says what is missing and sends nothing."""
    dialogue = BackendDialogue(ACCOUNT, secure=False, tls=mode)
    (event,) = dialogue.receive_data(encode(GREETING.encode(), 0))
    if mode is TlsMode.PREFERRED:
        assert event == Greeted(GREETING)
        assert isinstance(parse_login(sent(dialogue, 1)), Login)
    else:
        assert event == Broken(f"the target offers no TLS, and tls.mode is {mode.value}")
        assert dialogue.bytes_to_send() == b""


def test_bytes_between_the_greeting_and_tls_break_it():
    """Who puts something into the plain part would have it taken for the server's."""
    dialogue = BackendDialogue(ACCOUNT, secure=False, tls=TlsMode.PREFERRED)
    (event,) = dialogue.receive_data(encode(OFFERS_TLS.encode(), 0) + encode(OK, 2))
    assert event == Broken("the server sent something between its greeting and TLS")
    assert dialogue.state is State.BROKEN


def test_within_tls_the_password_goes_as_it_is():
    """Full authentication needs no key there."""
    dialogue, _ = starting_tls()
    dialogue.tls_started(verified=False)
    dialogue.bytes_to_send()
    dialogue.receive_data(encode(auth_more_data(sha2.PERFORM_FULL_AUTHENTICATION), 3))
    assert sent(dialogue, 4) == b"secret\x00"


@pytest.mark.parametrize("by", ["greeting", "switch"])
def test_a_server_that_is_known_gets_the_password_in_clear(by):
    """Its certificate was checked, so it may ask by mysql_clear_password."""
    greeting = attrs.evolve(OFFERS_TLS, plugin=CLEAR if by == "greeting" else CACHING_SHA2)
    dialogue, _ = starting_tls(TlsMode.VERIFY_CA, greeting)
    dialogue.tls_started(verified=True)
    if by == "greeting":
        login = parse_login(sent(dialogue, 2))
        assert isinstance(login, Login)
        assert (login.plugin, login.auth_response) == (CLEAR, b"secret\x00")
        return
    dialogue.bytes_to_send()
    assert dialogue.receive_data(encode(auth_switch(CLEAR, b""), 3)) == []
    assert sent(dialogue, 4) == b"secret\x00"


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("by", ["greeting", "switch"])
def test_nobody_else_gets_the_password_in_clear(by, tls):
    """Neither by plain TCP nor by TLS with somebody who may be anybody; the log says why."""
    greeting = attrs.evolve(OFFERS_TLS, plugin=CLEAR if by == "greeting" else CACHING_SHA2)
    if tls:
        dialogue, _ = starting_tls(TlsMode.REQUIRED, greeting)
        dialogue.tls_started(verified=False)
    else:
        dialogue = BackendDialogue(ACCOUNT, secure=False)
        dialogue.receive_data(encode(greeting.encode(), 0))
    first = dialogue.bytes_to_send()
    sequence = first[3] + 1
    (event,) = dialogue.receive_data(encode(auth_switch(CLEAR, b""), sequence))
    assert isinstance(event, Broken)
    assert "verified TLS only: set tls.mode to verify_ca" in event.why
    assert event.reply == plugin_not_supported()
    assert b"secret" not in first + dialogue.bytes_to_send()


@pytest.mark.parametrize("tls", [True, False])
def test_a_unix_socket_is_trusted_with_and_without_tls(tls):
    """Only this machine's server can be there, so TLS makes it no less known."""
    if tls:
        dialogue, _ = starting_tls(TlsMode.REQUIRED, secure=True)
        dialogue.tls_started(verified=False)
    else:
        dialogue, _ = greeted(secure=True)
    sequence = 3 if tls else 2
    dialogue.bytes_to_send()
    assert dialogue.receive_data(encode(auth_switch(CLEAR, b""), sequence)) == []
    assert sent(dialogue, sequence + 1) == b"secret\x00"


def test_nothing_more_may_come_once_the_password_is_shown():
    """mysql_clear_password has one step."""
    dialogue, _ = greeted(secure=True)
    dialogue.receive_data(encode(auth_switch(CLEAR, b""), 2))
    dialogue.bytes_to_send()
    (event,) = dialogue.receive_data(encode(auth_more_data(b"more"), 4))
    assert isinstance(event, Broken)


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
@settings(max_examples=2_000, deadline=None)
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
