import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.entrance import Entrance, Stage, packet
from bench.site import PASSWORD, SCHEMA, USER
from proxy.wire.auth import caching_sha2, native
from proxy.wire.constants import Capability
from proxy.wire.greeting import (
    Greeting,
    Login,
    SslRequest,
    auth_more_data,
    auth_switch,
    parse_login,
)

NONCE = bytes(range(1, 21))
ABLE = Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH
OK = packet(b"\x00\x00\x00\x02\x00\x00\x00", 4)
FAST = packet(auth_more_data(caching_sha2.FAST_AUTH_SUCCESS), 3)
FULL = packet(auth_more_data(caching_sha2.PERFORM_FULL_AUTHENTICATION), 3)


def greeting(plugin="caching_sha2_password", able=ABLE | Capability.SSL):
    """A server's first packet."""
    return packet(Greeting("9.7.0-test", 7, NONCE, able, 45, 2, plugin).encode())


def shown(data):
    """The number of the one packet in these bytes, and the login or request in it."""
    assert len(data) == 4 + int.from_bytes(data[:3], "little")
    return data[3], parse_login(data[4:])


@pytest.mark.parametrize(
    ("plugin", "prove"),
    [
        ("caching_sha2_password", caching_sha2.scramble),
        ("mysql_native_password", native.scramble),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_login_proves_who_it_is(plugin, prove, tls):
    """By the plugin and the challenge of the greeting, plainly or behind a request for TLS."""
    entrance = Entrance(tls=tls)
    reply = entrance.receive(greeting(plugin))
    if tls:
        assert entrance.stage is Stage.TLS
        number, request = shown(reply)
        assert (number, type(request)) == (1, SslRequest)
        reply = entrance.secured()
    number, login = shown(reply)
    assert isinstance(login, Login)
    assert number == (2 if tls else 1)
    assert (login.user, login.schema, login.plugin) == (USER, SCHEMA.encode(), plugin)
    assert login.auth_response == prove(PASSWORD, NONCE)
    assert bool(login.capabilities & Capability.SSL) is tls
    assert entrance.receive(OK) == b""
    assert entrance.stage is Stage.IN


@given(st.lists(st.integers(0, 140), max_size=6))
def test_packets_may_come_in_any_chunking(cuts):
    """What has not come whole waits for the rest."""
    entrance, said = Entrance(tls=False), []
    for data in (greeting(), FAST + OK):
        ends = sorted({*(cut for cut in cuts if cut < len(data)), len(data)})
        for start, end in zip([0, *ends], ends, strict=False):
            said.append(entrance.receive(data[start:end]))
    assert entrance.stage is Stage.IN
    assert shown(b"".join(said))[1].user == USER


def test_the_password_itself_goes_by_tls_only():
    """Who is asked for it plainly gives up."""
    entrance = Entrance(tls=True)
    entrance.receive(greeting())
    entrance.secured()
    assert entrance.receive(FULL) == packet(PASSWORD.encode() + b"\x00", 4)
    entrance = Entrance(tls=False)
    entrance.receive(greeting())
    assert entrance.receive(FULL) == b""
    assert entrance.stage is Stage.REFUSED
    assert "known from an earlier login" in entrance.why


def test_another_plugin_is_followed():
    """With the new challenge."""
    entrance = Entrance(tls=False)
    entrance.receive(greeting())
    again = bytes(range(21, 41))
    reply = entrance.receive(packet(auth_switch("mysql_native_password", again), 2))
    assert reply == packet(native.scramble(PASSWORD, again), 3)


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (b"\xff\x15\x04#28000Access denied", 1045, "Access denied"),
        (b"\xff\x10\x04Too many connections", 1040, "Too many connections"),
        (b"", 0, "an empty packet"),
        (b"\x09 an old greeting \x00", 0, "not that of a server of today"),
        (b"\x0ano end", 0, "not that of a server of today"),
        (greeting("auth_socket")[4:], 0, "not that of a server of today"),
        (greeting(able=ABLE)[4:], 0, "no TLS is offered"),
    ],
)
def test_a_greeting_that_is_none_is_told(said, code, why):
    """An error with its number and the server's words."""
    entrance = Entrance(tls=True)
    assert entrance.receive(packet(said)) == b""
    assert entrance.stage is Stage.REFUSED
    assert entrance.code == code
    assert why in entrance.why


@pytest.mark.parametrize(
    "said",
    [auth_switch("mysql_clear_password", b""), b"\xfe", b"\x07", auth_more_data(b"\x09")],
)
def test_an_unknown_turn_ends_the_login(said):
    """Nothing is sent to it, and what comes behind is not looked at."""
    entrance = Entrance(tls=False)
    entrance.receive(greeting())
    assert entrance.receive(packet(said, 2) + OK) == b""
    assert entrance.stage is Stage.REFUSED
    assert "unknown" in entrance.why or "not known" in entrance.why
