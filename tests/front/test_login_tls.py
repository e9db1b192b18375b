"""Tests of `proxy.front.login`: TLS, and IAM tokens within it."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import ipaddress

import pytest
from structlog.testing import capture_logs

from proxy.config.auth import IamAuth
from proxy.config.tls import Certificate, ClientTls
from proxy.credentials.source import Credential
from proxy.embedded.certificates import self_signed
from proxy.front import entrance
from proxy.wire.auth import CACHING_SHA2, CLEAR, NATIVE, caching_sha2
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import SslRequest, parse_auth_switch, parse_greeting
from tests.support.memory import Stage, parse
from tests.support.passwords import Passwords, Tokens, credential
from tests.support.scripted import CLIENT_CAPABILITIES, login_packet

THERE = "203.0.113.9"
TOKEN = "db.example:3306/?Action=connect&X-Amz-Credential=AKIA&X-Amz-Signature=abc"
REQUEST = encode(SslRequest(int(CLIENT_CAPABILITIES | Capability.SSL), 1 << 24, 45).encode(), 1)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """What the proxy shows its clients."""
    files = self_signed().write(tmp_path_factory.mktemp("tls"))
    shown = Certificate(certificate=str(files.certificate), private_key=str(files.key))
    return ClientTls(certificates=(shown,))


def users(**iam_auth):
    """A source of users, each with the password "secret" and its way with tokens."""
    return Passwords(
        *(credential(name, plugin="", iam_auth=IamAuth[one]) for name, one in iam_auth.items())
    )


@pytest.fixture
def stage(tls):
    """A proxy with TLS, and with users who may, must, and may not log in by a token."""
    source = users(app="DISABLED", may="ENABLED", must="REQUIRED")
    tokens = Tokens(*((TOKEN, user) for user in ("app", "may", "must")))
    return Stage(proxy={"tls": tls}, credentials=source, tokens=tokens)


def secured(stage, address=THERE):
    """A client that speaks TLS and has not logged in."""
    peer = stage.connect(address)
    peer.start_tls()
    return peer


def attempt(peer, user, text, plugin=CACHING_SHA2):
    """Log in with a password or token; what the client hears last, and the plugin it used."""
    proof = b""
    if plugin == CACHING_SHA2:
        proof = caching_sha2.scramble(text, peer.client.dialogue.greeting.nonce)
    elif plugin == CLEAR:
        proof = text.encode() + b"\x00"
    peer.log_in(user, plugin=plugin, proof=proof)
    while True:
        (sequence, payload), *_ = reversed(peer.packets())
        following = (sequence + 1) & 0xFF
        if payload[0] == 0xFE:
            plugin = parse_auth_switch(payload).plugin
            nonce = parse_auth_switch(payload).nonce
            shown = text.encode() + b"\x00"
            proof = shown if plugin == CLEAR else caching_sha2.scramble(text, nonce)
            peer.send(encode(proof, following))
        elif payload == b"\x01\x04":
            peer.send(encode(text.encode() + b"\x00", following))
        else:
            return parse(payload), plugin


# TLS


def test_tls_is_offered_where_there_is_a_certificate(stage):
    """The greeting says so; without a certificate it does not."""
    for one, offered in ((stage, True), (Stage(), False)):
        (payload,) = one.connect().payloads()
        capabilities = parse_greeting(payload).capabilities
        assert bool(capabilities & Capability.SSL) is offered


def test_a_client_works_within_tls(stage):
    """Login, statement and answer go through it, and the connection ends in order."""
    peer = secured(stage)
    reply, _ = attempt(peer, "app", "secret")
    assert reply.status == 2
    assert peer.client.dialogue.has_tls
    peer.query(b"SELECT 1")
    stage.serve()
    assert peer.reply().affected_rows == 0
    peer.leave()
    assert stage.is_clean()


def test_where_tls_is_required_it_is_enough(tls):
    """The client is asked for nothing else than ever."""
    stage = Stage(proxy={"tls": tls, "require_tls": True})
    peer = secured(stage)
    peer.log_in()
    assert peer.reply().status == 2
    plain = stage.connect(THERE)
    plain.log_in()
    assert plain.reply().code == 3159


def test_a_handshake_that_fails_ends_the_connection(stage):
    """It is a login that failed; the log says what was wrong with it."""
    peer = stage.connect(THERE)
    peer.send(REQUEST)
    with capture_logs() as lines:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
    assert peer.closed
    (line,) = lines
    assert (line["event"], line["address"]) == ("TLS with a client failed", THERE)
    assert line["why"]
    assert stage.counters.client_connections_setup_failed_auth == 1
    assert stage.is_clean()


def test_a_client_that_breaks_tls_after_its_login_failed_no_login(stage):
    """It is gone, and what it had is given back."""
    peer = secured(stage)
    attempt(peer, "app", "secret")
    peer.wire.deliver = lambda alert: None
    peer.wire.receive(b"\x17\x03\x03\x00\x05wrong")
    stage.run()
    assert peer.closed
    assert stage.counters.client_connections_setup_failed_auth == 0
    assert stage.is_clean()


def test_a_client_that_never_begins_its_handshake_is_cut_off(tls):
    """The time for the login is for TLS too."""
    stage = Stage(proxy={"tls": tls, "login_timeout": 3.0})
    peer = stage.connect(THERE)
    peer.send(REQUEST)
    for _ in range(5):
        stage.run(1)
    assert peer.closed
    assert stage.is_clean()


@pytest.fixture
def narrow(monkeypatch):
    """Only one client may be between the begin of TLS and the end of its login."""
    monkeypatch.setattr(entrance, "AT_ONCE", 1)


@pytest.mark.usefixtures("narrow")
def test_whose_turn_it_is_not_is_not_read_until_another_has_logged_in(stage):
    """Then it speaks TLS, and its login has its time from then on."""
    first, second = secured(stage), stage.connect(THERE)
    second.send(REQUEST)
    assert second.wire.paused
    assert not second.client.dialogue.has_tls
    assert attempt(first, "app", "secret")[0].status == 2
    assert not second.wire.paused
    assert second.client.dialogue.has_tls


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("way", ["leaves", "fails", "takes long"])
def test_nobody_keeps_others_from_their_turn_by(way, stage):
    """Being gone, breaking TLS, or being slow."""
    first, second = stage.connect(THERE), stage.connect(THERE)
    first.send(REQUEST)
    second.send(REQUEST)
    assert second.wire.paused
    with capture_logs():
        if way == "leaves":
            first.leave()
        elif way == "fails":
            first.send(b"no TLS at all")
        else:
            stage.run(entrance.PATIENCE_SECONDS)
    assert second.client.dialogue.has_tls


@pytest.mark.usefixtures("narrow")
def test_who_waits_for_its_turn_is_not_cut_off(tls, monkeypatch):
    """It waits for us; once it has begun it has the time of every login, and no more."""
    monkeypatch.setattr(entrance, "PATIENCE_SECONDS", 1000.0)
    stage = Stage(proxy={"tls": tls, "login_timeout": 3.0})
    first, second = stage.connect(THERE), stage.connect(THERE)

    def pass_time(seconds):
        for _ in range(seconds):
            stage.run(1)

    first.send(REQUEST)
    pass_time(2)
    second.send(REQUEST)
    pass_time(3)
    assert first.closed
    assert second.client.dialogue.has_tls
    pass_time(2)
    assert not second.closed
    pass_time(3)
    assert second.closed


@pytest.mark.usefixtures("narrow")
def test_who_may_not_speak_tls_any_more_when_its_turn_comes_is_cut_off(stage):
    """The certificate has been taken away meanwhile."""
    first, second = secured(stage), stage.connect(THERE)
    second.send(REQUEST)
    stage.proxy.admission.tls = None
    first.leave()
    stage.run()
    assert second.closed


def test_a_login_that_is_slipped_in_before_tls_is_not_read(stage):
    """What stands behind the request in plain is taken for a handshake, and is none."""
    peer = stage.connect(THERE)
    (greeting,) = peer.payloads()
    peer.send(REQUEST + login_packet(greeting, sequence=2))
    assert peer.closed
    assert stage.counters.client_connections_setup_succeeded == 0


# Tokens


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR, NATIVE])
@pytest.mark.parametrize("user", ["may", "must"])
def test_a_good_token_lets_in(stage, user, plugin):
    """By what its client speaks: full authentication shows it, or mysql_clear_password.

    Who may bring a password as well is asked for neither but in a way that takes both.
    """
    peer = secured(stage)
    reply, used = attempt(peer, user, TOKEN, plugin)
    assert reply.status == 2
    own = {CACHING_SHA2: CACHING_SHA2, CLEAR: CLEAR}
    assert used == own.get(plugin, CACHING_SHA2 if user == "may" else CLEAR)
    assert stage.proxy.admission.tokens.asked == [(TOKEN, user, THERE)]


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR])
def test_a_token_that_is_not_good_is_refused(stage, plugin):
    """The reason is in the log; the client hears 1045, and neither has the token."""
    stage.proxy.admission.tokens.good.clear()
    peer = secured(stage)
    with capture_logs() as lines:
        reply, _ = attempt(peer, "must", TOKEN, plugin)
    assert reply.text == f"Access denied for user 'must'@'{THERE}' (using password: YES)"
    (line,) = [line for line in lines if line["event"] == "a login was refused"]
    assert line["why"] == "a policy says so"
    assert "X-Amz" not in repr(lines)
    assert peer.closed


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR])
def test_who_may_bring_a_token_may_bring_a_password(stage, plugin):
    """It is not taken for a token, and nobody is asked about it."""
    reply, _ = attempt(secured(stage), "may", "secret", plugin)
    assert reply.status == 2
    assert stage.proxy.admission.tokens.asked == []


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR])
def test_a_password_renewed_at_its_source_lets_in_beside_tokens(stage, plugin):
    """It is looked up where it comes from, as for every other user."""
    stage.credentials.fresh["may"] = credential(
        "may", "renewed", plugin="", iam_auth=IamAuth.ENABLED
    )
    reply, _ = attempt(secured(stage), "may", "renewed", plugin)
    assert reply.status == 2
    reply, _ = attempt(secured(stage), "may", "wrong", plugin)
    assert reply.code == 1045
    assert stage.proxy.admission.tokens.asked == []


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR])
def test_who_must_bring_a_token_cannot_bring_a_password(stage, plugin):
    """The right one is refused like any text that is no token."""
    reply, _ = attempt(secured(stage), "must", "secret", plugin)
    assert reply.code == 1045


def test_who_may_not_bring_a_token_is_not_asked_for_one(stage):
    """A good one is a wrong password, and nobody checks it."""
    reply, used = attempt(secured(stage), "app", TOKEN)
    assert (reply.code, used) == (1045, CACHING_SHA2)
    assert stage.proxy.admission.tokens.asked == []


@pytest.mark.parametrize("text", ["secret", TOKEN])
def test_without_tls_nobody_shows_a_token(stage, text):
    """Who has to is refused by its scramble alone: nothing that others could read is asked."""
    peer = stage.connect(THERE)
    nonce = peer.client.dialogue.greeting.nonce
    with capture_logs() as lines:
        peer.log_in("must", plugin=CACHING_SHA2, proof=caching_sha2.scramble(text, nonce))
    assert peer.reply().code == 1045
    (line,) = [line for line in lines if line["event"] == "a login was refused"]
    assert line["why"] == "an IAM token is needed, and TLS for it"
    assert stage.proxy.admission.tokens.asked == []


def test_without_tls_who_may_bring_a_token_brings_its_password(stage):
    """The scramble of it is enough."""
    reply, _ = attempt(stage.connect(THERE), "may", "secret")
    assert reply.status == 2


def test_a_user_who_has_come_to_need_tokens_needs_one(stage):
    """Its password ceases to work with the setting, for a proof that does not fit any more."""
    stage.credentials.fresh["app"] = credential(
        "app", "renewed", plugin="", iam_auth=IamAuth.REQUIRED
    )
    with capture_logs() as lines:
        reply, _ = attempt(secured(stage), "app", "renewed")
    assert reply.code == 1045
    assert "an IAM token is needed, and TLS for it" in repr(lines)


def test_a_proxy_that_checks_no_tokens_takes_none(tls):
    """A good password is refused too, where a token is demanded."""
    stage = Stage(proxy={"tls": tls}, credentials=users(must="REQUIRED"))
    with capture_logs() as lines:
        reply, _ = attempt(secured(stage), "must", TOKEN)
    assert reply.code == 1045
    assert "IAM tokens are not taken here" in repr(lines)


def test_a_token_is_good_only_where_its_user_may_come_from(stage):
    """Networks count for tokens as for passwords."""
    stage.credentials.there["must"] = Credential(
        "must",
        ("secret",),
        iam_auth=IamAuth.REQUIRED,
        networks=(ipaddress.ip_network("10.0.0.0/8"),),
    )
    assert attempt(secured(stage), "must", TOKEN)[0].code == 1045
    assert attempt(secured(stage, "10.0.0.1"), "must", TOKEN)[0].status == 2


@pytest.mark.parametrize("plugin", [CACHING_SHA2, CLEAR])
def test_who_shows_nothing_is_refused(stage, plugin):
    """An empty token is none, and no password was used."""
    reply, _ = attempt(secured(stage), "must", "", plugin)
    assert reply.text == f"Access denied for user 'must'@'{THERE}' (using password: NO)"
    assert stage.proxy.admission.tokens.asked == []
