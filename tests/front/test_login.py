"""Tests of `proxy.front.login`."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from structlog.testing import capture_logs

from proxy.credentials.source import Credential
from proxy.wire.auth import native
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import parse_auth_switch, parse_greeting
from tests.support.memory import USERS, Stage
from tests.support.scripted import (
    CLIENT_CAPABILITIES,
    error,
    login_packet,
)

WRONG = "Access denied for user '%s'@'localhost' (using password: %s)"


@pytest.fixture
def stage():
    """A proxy with two users."""
    return Stage()


def test_who_knows_the_password_is_let_in(stage):
    """The login is answered with an OK and the session is there."""
    client = stage.client()
    assert client.client.session.user == "app"
    assert stage.counters.client_connections_setup_succeeded == 1
    assert not stage.ledger.lent


@pytest.mark.parametrize(
    ("user", "password", "used"),
    [("app", "wrong", "YES"), ("app", "", "NO"), ("nobody", "secret", "YES"), ("", "", "NO")],
)
def test_who_does_not_hears_1045_in_the_servers_words(stage, user, password, used):
    """Wrong password and unknown user sound the same, and the connection is closed."""
    peer = stage.connect()
    with capture_logs() as lines:
        peer.log_in(user, password)
        # A stranger is asked by the plugin of the target's own, and who proved nothing as well.
        if user != "app" or not password:
            plugin = "mysql_native_password" if user == "app" else "caching_sha2_password"
            assert parse_auth_switch(peer.payloads()[0]).plugin == plugin
            peer.send(encode(b"x" * 32 if password else b"", 3))
            if password:  # nobody reads along on a unix socket
                assert peer.payloads() == [b"\x01\x04"]
                peer.send(encode(password.encode() + b"\x00", 5))
    reply = peer.reply()
    assert (reply.code, reply.sqlstate) == (1045, "28000")
    assert reply.text == WRONG % (user, used)
    assert peer.closed
    assert stage.is_clean()
    assert stage.counters.client_connections_setup_failed_auth == 1
    assert [line["event"] for line in lines].count("a login was refused") == 1


def test_nothing_is_run_for_a_client_that_was_refused(stage):
    """A statement that came with a wrong login is not looked at."""
    peer = stage.connect()
    (greeting,) = peer.payloads()
    peer.send(login_packet(greeting, "app", "wrong") + encode(b"\x03SELECT 1"))
    assert peer.reply().code == 1045
    assert stage.backends == []


def test_a_client_with_another_plugin_is_asked_for_ours(stage):
    """AuthSwitchRequest names the user's plugin and brings the challenge."""
    peer = stage.connect()
    (payload,) = peer.payloads()
    greeting = parse_greeting(payload)
    packet = login_packet(payload)
    peer.send(packet.replace(b"mysql_native_password", b"mysql_other___password"[:21]))
    ((sequence, switch),) = peer.packets()
    assert sequence == 2
    asked = parse_auth_switch(switch)
    assert asked.plugin == "mysql_native_password"
    assert asked.nonce == greeting.nonce
    peer.send(encode(native.scramble("secret", greeting.nonce), 3))
    ((sequence, ok),) = peer.packets()
    assert (sequence, ok[0]) == (4, 0)


def test_any_password_of_a_rotation_lets_in(stage):
    """Old and new hold while a password rotates; the backend login uses the newest."""
    rotated = Credential("app", ("new", "secret"), "mysql_native_password")
    stage.proxy.credentials._credentials["app"] = rotated
    try:
        for password in ("new", "secret"):
            assert stage.client(password=password).client.session is not None
    finally:
        assert USERS["app"].passwords == ("secret",)


def test_a_schema_is_tried_on_a_backend_once(stage):
    """The first login to a schema asks the server, the next one nothing."""
    stage.client(schema=b"shop")
    assert stage.backends[0].side.schema == b"shop"
    before = len(stage.backends[0].side.commands)
    stage.client(schema=b"shop")
    assert len(stage.backends[0].side.commands) == before


def test_a_login_that_takes_a_round_more_asks_the_target_nothing_either(stage):
    """A client that had to be asked for its proof is let in as soon as it has given it."""
    stage.client()
    before = len(stage.backends[0].side.commands)
    peer = stage.connect()
    nonce = peer.client.dialogue.greeting.nonce
    peer.log_in(plugin="another_plugin")
    peer.payloads()
    peer.send(encode(native.scramble("secret", nonce), 3))
    assert peer.reply().status == 2
    assert len(stage.backends[0].side.commands) == before


@pytest.mark.parametrize("first", [True, False])
def test_a_charset_that_no_client_can_speak_is_refused(stage, first):
    """Whether the target is known already or not: UCS-2 cannot be read by any parser."""
    if not first:
        stage.client()
    peer = stage.connect()
    (greeting,) = peer.payloads()
    packet = bytearray(login_packet(greeting))
    packet[12] = 35
    peer.send(bytes(packet))
    reply = peer.reply()
    assert (reply.code, reply.sqlstate) == (1231, "42000")
    assert "ucs2" in reply.text
    assert peer.closed


def test_an_unknown_schema_is_refused_in_the_servers_words(stage):
    """The ERR packet of the server goes to the client; the backend is clean again."""
    stage.servers.routines[b"\x02nowhere"] = lambda side: [
        error(1049, "42000", b"Unknown database 'nowhere'").encode()
    ]
    peer = stage.connect()
    peer.log_in(schema=b"nowhere")
    assert peer.reply().code == 1049
    assert peer.closed
    assert stage.is_clean()
    assert stage.counters.database_connections_reset == 1


def test_a_schema_is_not_known_for_another_user(stage):
    """What one user may see says nothing of another."""
    stage.client(schema=b"shop")
    stage.client(user="other", schema=b"shop")
    assert stage.backends[-1].side.login.user == "other"
    assert stage.backends[-1].side.schema == b"shop"


def test_logins_wait_for_a_target_that_is_down(stage):
    """When it comes back everybody is let in, however many they are."""
    stage.servers.down = True
    peers = [stage.connect() for _ in range(300)]
    for peer in peers:
        peer.log_in()
    assert len(stage.ledger.waiting) == 300
    stage.servers.down = False
    stage.run(1)
    stage.run(1)
    assert {peer.reply().__class__.__name__ for peer in peers} == {"Ok"}
    assert not stage.ledger.lent


def test_a_login_without_a_target_ends_in_9501():
    """Also when the borrow timeout is longer than the time for a login."""
    stage = Stage(proxy={"login_timeout": 3.0}, connection_borrow_timeout=20.0)
    stage.servers.down = True
    peer = stage.connect()
    peer.log_in()
    for _ in range(19):
        stage.run(1)
    assert not peer.closed
    for _ in range(2):
        stage.run(1)
    reply = peer.reply()
    assert (reply.code, reply.text) == (
        9501,
        "Timed-out waiting to acquire database connection",
    )
    assert peer.closed
    assert stage.is_clean()


@pytest.mark.parametrize("sent", [b"", b"\x20\x00\x00\x01\x00\x00"])
def test_a_client_that_does_not_log_in_is_cut_off(sent):
    """Nothing at all or half a login: after login_timeout the connection is closed."""
    stage = Stage(proxy={"login_timeout": 3.0})
    peer = stage.connect()
    peer.send(sent)
    stage.run(2)
    assert not peer.closed
    for _ in range(3):
        stage.run(1)
    assert peer.closed
    assert stage.is_clean()


def test_a_client_that_is_asked_for_proof_and_gives_none_is_cut_off():
    """The time for the login goes on while the client should answer."""
    stage = Stage(proxy={"login_timeout": 3.0})
    peer = stage.connect()
    (payload,) = peer.payloads()
    peer.send(login_packet(payload).replace(b"native", b"foreig"))
    for _ in range(5):
        stage.run(1)
    assert peer.closed
    assert stage.is_clean()


@pytest.mark.parametrize("stage_of_dial", ["dialing", "waiting", "schema"])
def test_a_client_that_leaves_during_its_login_leaves_nothing(stage, stage_of_dial):
    """While its connection is dialed, waited for, or brought to its schema."""
    stage.servers.holding = stage_of_dial == "dialing"
    stage.servers.down = stage_of_dial == "waiting"
    if stage_of_dial == "schema":
        stage.servers.routines[b"\x02shop"] = lambda side: None
    peer = stage.connect()
    peer.log_in(schema=b"shop")
    peer.leave()
    for dial in stage.servers.dials:
        dial()
    for _ in range(10):
        stage.run(1)
    assert stage.is_clean()


@pytest.mark.parametrize(
    "data",
    [
        b"\x05\x00\x00\x01hello",
        b"\x00\x00\x00\x01",
        encode((CLIENT_CAPABILITIES & ~Capability.PROTOCOL_41).to_bytes(4, "little"), 1),
        encode((CLIENT_CAPABILITIES | Capability.SSL).to_bytes(4, "little") + bytes(28), 1),
        b"\x20\x00\x00\x07" + bytes(32),
        b"\xff\xff\xff\x01",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["short", "empty", "old", "tls", "sequence", "oversized", "http"],
)
def test_nonsense_instead_of_a_login_is_answered_with_an_error(stage, data):
    """The client hears what was wrong, is closed, and one line is logged."""
    peer = stage.connect()
    peer.payloads()
    with capture_logs() as lines:
        peer.send(data)
    reply = peer.reply()
    assert reply.code in {1043, 1153, 1156}
    assert peer.closed
    assert stage.is_clean()
    assert [line["event"] for line in lines] == ["a client broke the protocol"]


def test_a_user_that_the_target_refuses_hears_the_target(stage):
    """The password is right for us and wrong there: the server's words go on."""
    stage.servers.refusal = error(1045, "28000", b"Access denied for user 'app'@'proxy'")
    peer = stage.connect()
    peer.log_in()
    assert peer.reply().text == "Access denied for user 'app'@'proxy'"
    assert stage.is_clean()


def test_change_of_user_begins_anew(stage):
    """The session is the other user's, and what was held is given back and reset."""
    client = stage.client()
    client.query(b"BEGIN")
    server = stage.busy()
    server.side.status = 3
    server.answer()
    stage.run()
    client.payloads()
    client.change_user()
    assert client.reply().status == 2
    assert client.client.session.user == "other"
    assert stage.counters.database_connections_reset == 1
    assert not stage.ledger.lent


def test_change_of_user_with_a_wrong_password_ends_the_connection(stage):
    """The client hears 1045 and is closed."""
    client = stage.client()
    client.change_user("wrong")
    assert client.reply().code == 1045
    assert client.closed
    assert stage.is_clean()
