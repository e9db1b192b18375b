"""Tests of `proxy.dialogue.client`: what may stand before a login, and tokens."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialogue.client import LOGIN_AHEAD_BYTES, ClientDialogue
from proxy.dialogue.client_states import State
from proxy.dialogue.events import (
    AddressTold,
    Authenticated,
    Broken,
    LoginStarted,
    TextShown,
    TlsRequested,
    Unproved,
)
from proxy.wire.auth import CACHING_SHA2, CLEAR, NATIVE, make_verifier
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import Greeting, Login, SslRequest
from proxy.wire.proxy_header import SIGNATURE, encode_local, encode_v2
from proxy.wire.responses import parse_err

NONCE = b"abcdefghijklmnopqrst"
ABLE = 0xFFFFFFFF & ~int(Capability.CONNECT_ATTRS)
GREETING = Greeting("9.7.4", 17, NONCE, ABLE, 255, 2, CACHING_SHA2)
NO_TLS = attrs.evolve(GREETING, capabilities=ABLE & ~int(Capability.SSL))
REQUEST = SslRequest(ABLE, 1 << 24, 45).encode()
LOGIN = Login(ABLE, 1 << 24, 45, "app", b"x" * 32, b"shop", CACHING_SHA2)

HEADER = encode_v2(("203.0.113.9", 4711), ("10.0.0.1", 3306))
LINE = b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 3306\r\n"
TOLD = {HEADER: AddressTold("203.0.113.9", 4711), LINE: AddressTold("2001:db8::9", 4711)}


def dialogue(greeting=GREETING, **more):
    """A dialogue whose greeting has gone out."""
    found = ClientDialogue(greeting, 1000, **more)
    found.bytes_to_send()
    return found


def code_sent(found):
    """The code of the ERR packet that the client gets, and the number of the packet."""
    data = found.bytes_to_send()
    return parse_err(data[4:]).code, data[3]


# TLS


def test_tls_begins_behind_the_request():
    """The login within TLS goes on counting, and from then on nobody reads along."""
    found = dialogue()
    assert found.receive_data(encode(REQUEST, 1)) == [TlsRequested()]
    assert found.state is State.TLS
    assert not found.secure
    assert found.start_tls() == b""
    assert (found.secure, found.has_tls) == (True, True)
    assert found.receive_data(encode(LOGIN.encode(), 2)) == [LoginStarted(LOGIN)]


def test_what_comes_with_the_request_is_for_tls():
    """Bytes in the same segment are the handshake's: no login is read from plain ones."""
    found = dialogue()
    behind = encode(LOGIN.encode(), 2)
    assert found.receive_data(encode(REQUEST, 1) + behind) == [TlsRequested()]
    assert found.next_events() == []
    assert found.start_tls() == behind
    assert found.buffered == 0


@given(st.lists(st.integers(0, 36), max_size=4))
def test_a_request_may_come_in_pieces(cuts):
    """However it is cut, it is one request."""
    found, data, events, start = dialogue(), encode(REQUEST, 1), [], 0
    for cut in [*sorted(cuts), len(data)]:
        events += found.receive_data(data[start:cut])
        start = cut
    assert events == [TlsRequested()]


def test_a_second_request_is_refused():
    """There is no TLS within TLS."""
    found = dialogue()
    found.receive_data(encode(REQUEST, 1))
    found.start_tls()
    (event,) = found.receive_data(encode(REQUEST, 2))
    assert isinstance(event, Broken)
    assert event.why == "TLS was asked for twice"
    assert code_sent(found) == (1043, 3)


def test_a_request_where_tls_is_not_offered_is_refused():
    """The client hears so in plain."""
    found = dialogue(NO_TLS)
    (event,) = found.receive_data(encode(REQUEST, 1))
    assert isinstance(event, Broken)
    assert event.why == "TLS is not offered here"
    assert code_sent(found) == (1043, 2)


def test_a_client_may_leave_before_tls_begins():
    """A dialogue that waits for it can be closed."""
    found = dialogue()
    found.receive_data(encode(REQUEST, 1))
    found.close()
    assert found.state is State.CLOSED
    assert found.receive_data(b"\x16\x03\x01") == []


# The PROXY protocol


@pytest.mark.parametrize("header", [HEADER, LINE])
@given(cuts=st.lists(st.integers(0, 120), max_size=6))
def test_a_trusted_load_balancer_says_who_comes(header, cuts):
    """The address comes before the login, however both are cut."""
    found = dialogue(NO_TLS, trusts_header=True)
    data, events, start = header + encode(LOGIN.encode(), 1), [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        events += found.receive_data(data[start:cut])
        start = cut
    assert events == [TOLD[header], LoginStarted(LOGIN)]


@pytest.mark.parametrize("header", [encode_local(), b"PROXY UNKNOWN\r\n"])
def test_a_load_balancer_may_say_nothing(header):
    """A health check has no other address than the connection's own."""
    found = dialogue(trusts_header=True, secure=True)
    events = found.receive_data(header + encode(LOGIN.encode(), 1))
    assert events == [LoginStarted(LOGIN)]
    assert found.secure


@pytest.mark.parametrize("trusts", [True, False])
def test_there_need_be_no_header(trusts):
    """A client that is not behind a load balancer just logs in."""
    found = dialogue(trusts_header=trusts)
    assert found.receive_data(encode(LOGIN.encode(), 1)) == [LoginStarted(LOGIN)]


def test_a_header_of_somebody_else_is_objected_to():
    """Who may not say where it comes from is not believed; its login has that for an answer."""
    found = dialogue()
    assert found.receive_data(HEADER + encode(LOGIN.encode(), 1)) == [LoginStarted(LOGIN)]
    assert found.objection.code == 1043
    assert "from an untrusted address" in found.objection.message


@pytest.mark.parametrize("trusts", [True, False])
@pytest.mark.parametrize(
    "data",
    [b"PROXY nonsense\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n", SIGNATURE + b"\x7f"],
)
def test_a_header_that_is_none_is_refused(data, trusts):
    """Whoever sends it hears what is wrong and is closed."""
    found = dialogue(trusts_header=trusts)
    (event,) = found.receive_data(data)
    assert isinstance(event, Broken)
    assert "PROXY" in event.why or "port" in event.why
    assert code_sent(found) == (1043, 1)


def test_a_second_header_is_no_header():
    """Only the first bytes of a connection can be one."""
    found = dialogue(trusts_header=True)
    events = found.receive_data(HEADER + HEADER)
    assert events[0] == TOLD[HEADER]
    assert isinstance(events[1], Broken)


def test_who_comes_by_a_network_can_be_read_along():
    """A load balancer at our unix socket has its clients elsewhere."""
    found = dialogue(trusts_header=True, secure=True)
    found.receive_data(HEADER)
    assert not found.secure


def test_tls_may_follow_a_header():
    """And its bytes may come in the same segment."""
    found = dialogue(trusts_header=True)
    events = found.receive_data(HEADER + encode(REQUEST, 1) + b"\x16\x03\x01")
    assert events == [TOLD[HEADER], TlsRequested()]
    assert found.start_tls() == b"\x16\x03\x01"
    assert found.secure


@pytest.mark.parametrize("begun", [b"", b"PRO", SIGNATURE, HEADER[:-1]])
def test_a_header_that_has_begun_is_waited_for(begun):
    """Nothing is said before it can be told what it is."""
    found = dialogue(trusts_header=True)
    assert found.receive_data(begun) == []
    assert found.state is State.LOGIN
    assert found.bytes_to_send() == b""


# Tokens


def test_a_token_is_shown_by_the_clear_plugin():
    """The client is asked for it, and the verdict is somebody else's."""
    found = dialogue()
    found.receive_data(encode(LOGIN.encode(), 1))
    verifier = make_verifier(CLEAR, (), NONCE, key=None, secure=True)
    assert found.identify(verifier, CACHING_SHA2, LOGIN.auth_response) == []
    assert found.bytes_to_send()[5:].startswith(CLEAR.encode() + b"\x00")
    (event,) = found.receive_data(encode(b"token\x00", 3))
    assert event == TextShown("token")
    assert "token" not in repr(event)
    assert found.offered_proof
    assert found.state is State.PROVED
    found.accept(2)
    assert found.state is State.READY


def test_a_token_is_shown_by_full_authentication():
    """Clients that do not know the clear plugin, or may not use it, have this way."""
    found = dialogue()
    found.receive_data(encode(LOGIN.encode(), 1))
    verifier = make_verifier(
        CACHING_SHA2, ("secret",), NONCE, key=None, secure=True, shows=True
    )
    assert found.identify(verifier, CACHING_SHA2, LOGIN.auth_response) == []
    assert found.receive_data(encode(b"token\x00", 3)) == [TextShown("token")]


@pytest.mark.parametrize("shown", [b"", b"\x00"])
def test_who_shows_nothing_has_offered_nothing(shown):
    """An empty text is the proof of nobody."""
    found = dialogue()
    found.receive_data(encode(LOGIN.encode(), 1))
    verifier = make_verifier(CLEAR, (), NONCE, key=None, secure=True)
    found.identify(verifier, CACHING_SHA2, b"")
    assert found.receive_data(encode(shown, 3)) == [Unproved()]
    assert not found.offered_proof


def test_a_client_that_sent_no_proof_is_asked_where_that_is_wanted():
    """One that cannot be asked is judged by what it sent."""
    proof = make_verifier(NATIVE, ("",), NONCE, key=None, secure=False)
    found = dialogue()
    found.receive_data(encode(LOGIN.encode(), 1))
    assert found.identify(proof, NATIVE, b"", ask=True) == []
    assert found.receive_data(encode(b"", 3)) == [Authenticated()]
    found = dialogue()
    able = LOGIN.capabilities & ~int(Capability.PLUGIN_AUTH)
    found.receive_data(encode(attrs.evolve(LOGIN, capabilities=able).encode(), 1))
    assert found.identify(proof, "", b"", ask=True) == [Authenticated()]


def asked_in_full(found):
    """Let a client fail its scramble, so that it is asked for its password."""
    found.receive_data(encode(LOGIN.encode(), 1))
    verifier = make_verifier(CACHING_SHA2, ("secret",), NONCE, key=Key(), secure=False)
    return found.identify(verifier, CACHING_SHA2, b"x" * 32)


class Key:
    """A key that hides nothing."""

    public_pem = b"-----BEGIN"

    def decrypt(self, data):
        return data


def test_a_key_is_sent_once():
    """Whoever asks again and again is not answered at such length, and is no client."""
    found = dialogue()
    assert asked_in_full(found) == []
    ((event,)) = found.receive_data(b"".join(encode(b"\x02", 3 + 2 * n) for n in range(2)))
    assert event == Unproved()
    assert found.bytes_to_send().count(b"-----BEGIN") == 1


@pytest.mark.parametrize(
    ("begin", "limit"),
    [(State.IDENTIFYING, LOGIN_AHEAD_BYTES), (State.PROVED, LOGIN_AHEAD_BYTES)],
)
def test_nobody_may_send_much_ahead_of_its_login(begin, limit):
    """While a login is looked at there is nothing to say, and no reason to keep it."""
    found = dialogue()
    found.receive_data(encode(LOGIN.encode(), 1))
    if begin is State.PROVED:
        found.identify(
            make_verifier(NATIVE, ("secret",), NONCE, key=None, secure=False), "", b""
        )
    assert found.state is begin
    found.receive_data(bytes(limit))
    assert not found.is_ahead
    found.receive_data(b"x")
    assert found.is_ahead
