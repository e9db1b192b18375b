"""Tests of `proxy.front.proof`: what happens between a question to a client and its answer."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from proxy.config.auth import IamAuth
from proxy.wire.auth import native
from proxy.wire.framing import encode
from proxy.wire.greeting import parse_auth_switch
from tests.front.test_login_tls import TOKEN, attempt, secured, users
from tests.support.memory import Stage
from tests.support.passwords import Passwords, Tokens, credential

THERE = "203.0.113.9"


def asked(stage):
    """A client that has been asked for a proof: the peer, and the proof of "secret"."""
    peer = stage.connect(THERE)
    peer.log_in(plugin="mysql_other_password", proof=b"nothing")
    switch = parse_auth_switch(peer.payloads()[0])
    return peer, encode(native.scramble("secret", switch.nonce), 3)


def test_a_password_that_was_taken_away_meanwhile_lets_nobody_in():
    """What counts is what is known when the answer comes, not when the question was asked."""
    source = Passwords(credential())
    stage = Stage(credentials=source)
    peer, proof = asked(stage)
    source.there["app"] = credential("app", "another")
    peer.send(proof)
    assert peer.reply().code == 1045
    assert source.asked == [("refresh", "app")]


def test_a_user_who_was_taken_away_meanwhile_is_a_stranger():
    """Its password was right once."""
    source = Passwords(credential())
    stage = Stage(credentials=source)
    peer, proof = asked(stage)
    del source.there["app"]
    with capture_logs() as lines:
        peer.send(proof)
    assert peer.reply().code == 1045
    assert [line["why"] for line in lines if "refused" in line["event"]] == ["unknown user"]


def test_a_user_who_was_kept_for_monitors_meanwhile_is_refused():
    """Although its password is still right."""
    source = Passwords(credential())
    peer, proof = asked(Stage(credentials=source))
    source.there["app"] = credential(for_monitor=True)
    with capture_logs() as lines:
        peer.send(proof)
    assert peer.reply().code == 1045
    assert [line["why"] for line in lines if "refused" in line["event"]] == [
        "only monitors log in as this user"
    ]


def test_a_password_that_is_still_there_lets_in():
    """The usual case of the same story."""
    stage = Stage(credentials=Passwords(credential()))
    peer, proof = asked(stage)
    peer.send(proof)
    assert peer.reply().status == 2


@pytest.mark.parametrize("what", ["find", "refresh"])
def test_a_source_that_hangs_costs_half_of_the_time_for_a_login(what):
    """The client hears 1045 before it is cut off, and the log says that we are late."""
    source = Passwords(credential())
    source.held = []
    if what == "find":
        source.hidden.add("app")
    stage = Stage(proxy={"login_timeout": 4.0}, credentials=source)
    peer = stage.connect(THERE)
    with capture_logs() as lines:
        peer.log_in(password="wrong")
        assert peer.payloads() == []
        stage.run(1.9)
        assert not peer.closed
        stage.run(0.2)
    assert peer.reply().code == 1045
    assert peer.closed
    (line,) = [line for line in lines if line["event"] == "a login was refused"]
    assert line["why"] == "the password was not there within 2 s"
    assert stage.is_clean()


def test_what_is_our_fault_is_no_guess():
    """A client that may have been right is not made to wait the next time."""
    source = Passwords(credential())
    source.held = []
    stage = Stage(proxy={"login_timeout": 4.0, "failed_login_threshold": 1}, credentials=source)
    for _ in range(3):
        peer = stage.connect(THERE)
        peer.log_in(password="wrong")
        stage.run(2.1)
        assert peer.closed


@pytest.fixture
def tls(tmp_path):
    """The setting of a certificate."""
    from proxy.embedded.certificates import self_signed
    from tests.support.tls import offering

    return offering(self_signed().write(tmp_path))


def test_who_made_a_token_is_in_the_log(tls):
    """Both of those that are good and of those that are not."""
    tokens = Tokens((TOKEN, "must"), principal="arn:aws:iam::123456789012:user/ana")
    stage = Stage(proxy={"tls": tls}, credentials=users(must="REQUIRED"), tokens=tokens)
    with capture_logs() as lines:
        reply, _ = attempt(secured(stage), "must", TOKEN)
        assert reply.status == 2
        reply, _ = attempt(secured(stage), "must", TOKEN + "x")
        assert reply.code == 1045
    told = [line for line in lines if line.get("principal") == tokens.principal]
    assert [line["event"] for line in told] == ["a login by a token", "a login was refused"]
    assert TOKEN not in str(lines)


def test_a_token_makes_no_monitor_of_a_client(tls):
    """It is not even looked at."""
    watcher = credential("watcher", iam_auth=IamAuth.REQUIRED, for_monitor=True)
    tokens = Tokens((TOKEN, "watcher"))
    stage = Stage(proxy={"tls": tls}, credentials=Passwords(watcher), tokens=tokens)
    with capture_logs() as lines:
        reply, _ = attempt(secured(stage), "watcher", TOKEN)
    assert reply.code == 1045
    assert tokens.asked == []
    assert "only monitors log in as this user" in [line.get("why") for line in lines]


def test_a_token_that_cannot_be_checked_is_no_guess(tls):
    """STS is away, say: the refusal comes at once, however often."""
    tokens = Tokens(is_our_fault=True)
    stage = Stage(
        proxy={"tls": tls, "failed_login_threshold": 1},
        credentials=users(must="REQUIRED"),
        tokens=tokens,
    )
    for _ in range(3):
        peer = secured(stage)
        reply, _ = attempt(peer, "must", TOKEN)
        assert reply.code == 1045
        assert peer.closed


def test_a_change_of_user_has_the_time_of_a_login():
    """Nobody can begin one, and answer when the password has changed hands."""
    stage = Stage(
        proxy={"login_timeout": 3.0, "idle_client_timeout": 1000.0},
        credentials=Passwords(credential(), credential("other")),
    )
    client = stage.client(THERE)
    client.send(encode(b"\x11other\x00\x00shop\x00\x2d\x00mysql_clear_password\x00"))
    assert client.payloads()[0][0] == 0xFE
    for _ in range(6):
        stage.run(1)
    assert client.closed
    assert stage.is_clean()


def test_who_must_bring_a_token_is_not_asked_where_others_read_along():
    """Without TLS it is refused by what it has sent already."""
    source = Passwords(credential(iam_auth=IamAuth.REQUIRED, plugin=""))
    peer = Stage(credentials=source).connect(THERE)
    with capture_logs() as lines:
        peer.log_in(plugin="caching_sha2_password", proof=b"x" * 32)
    assert peer.reply().code == 1045
    (line,) = [line for line in lines if line["event"] == "a login was refused"]
    assert line["why"] == "an IAM token is needed, and TLS for it"
