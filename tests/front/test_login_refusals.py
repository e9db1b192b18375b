"""Tests of `proxy.front.login`: who is refused, why, and how soon."""

import ipaddress
from types import SimpleNamespace

import attrs
import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

from proxy.config.model import EndpointConfig
from proxy.front.admission import DELAYED_AT_ONCE
from proxy.wire.auth import CACHING_SHA2, caching_sha2
from proxy.wire.framing import encode
from proxy.wire.greeting import parse_auth_switch, parse_greeting
from proxy.wire.proxy_header import encode_v2
from tests.support.memory import Stage
from tests.support.passwords import Passwords, credential
from tests.support.scripted import login_packet

THERE = "203.0.113.9"


def refusals(lines):
    """The reasons in the log for which logins were refused."""
    return [line["why"] for line in lines if line["event"] == "a login was refused"]


def refused(peer, **login):
    """Log in in vain: the reply, and the reason in the log."""
    with capture_logs() as lines:
        peer.log_in(**login)
    assert peer.closed
    (why,) = refusals(lines)
    return peer.reply(), why


# Where clients come from


def test_clients_from_elsewhere_hear_1130():
    """The right password does not help, and nothing is asked of the target."""
    stage = Stage(proxy={"allowed_networks": ("10.0.0.0/8", "127.0.0.1")})
    assert stage.client("10.1.2.3").client.session is not None
    assert stage.client().client.session is not None
    before = len(stage.backends)
    peer = stage.connect(THERE)
    reply, why = refused(peer)
    assert (reply.code, reply.sqlstate) == (1130, "HY000")
    assert reply.text == f"Host '{THERE}' is not allowed to connect to this MySQL server"
    assert why == reply.text
    assert len(stage.backends) == before
    assert stage.counters.client_connections_setup_failed_auth == 1


def balanced(**settings):
    """A proxy behind a load balancer."""
    endpoint = EndpointConfig(
        name="main", listen="tcp:0", proxy_protocol_networks=("10.0.0.1", "127.0.0.1")
    )
    return Stage(proxy={"endpoints": (endpoint,), **settings})


def through_balancer(stage, source, balancer="10.0.0.1"):
    """A client whom a load balancer announces."""
    peer = stage.connect(balancer)
    peer.send(encode_v2((source, 4711), ("10.0.0.2", 3306)))
    return peer


def test_behind_a_load_balancer_the_clients_own_address_counts():
    """It is what networks are compared with, and what the client and the log hear."""
    stage = balanced(allowed_networks=("203.0.113.0/24",))
    peer = through_balancer(stage, THERE)
    assert peer.client.address == THERE
    reply, _ = refused(peer, password="wrong")
    assert reply.text == f"Access denied for user 'app'@'{THERE}' (using password: YES)"
    good = through_balancer(stage, THERE)
    good.log_in()
    assert good.reply().status == 2
    reply, _ = refused(through_balancer(stage, "198.51.100.7"))
    assert reply.code == 1130
    assert "198.51.100.7" in reply.text


def test_a_header_from_elsewhere_is_refused():
    """Nobody but a load balancer may say who it is."""
    stage = balanced()
    peer = through_balancer(stage, "10.0.0.9", balancer=THERE)
    reply, _ = refused(peer)
    assert reply.code == 1043
    assert "a PROXY header from an untrusted address" in reply.text
    assert peer.closed
    assert stage.is_clean()


def test_a_load_balancer_at_a_unix_socket_makes_nobody_secure():
    """Its clients come by a network: where TLS is required, theirs is."""
    stage = balanced(require_tls=True)
    peer = stage.connect()
    peer.send(encode_v2((THERE, 4711), ("10.0.0.2", 3306)))
    reply, _ = refused(peer)
    assert reply.code == 3159
    assert stage.client().client.session is not None


NEAR = credential(networks=(ipaddress.ip_network("10.0.0.0/8"),))
"""A user who may come from a network only."""


def test_a_user_may_have_networks_of_its_own():
    """From elsewhere it hears what a wrong password is told; others may come from there."""
    stage = Stage(credentials=Passwords(NEAR, credential("other")))
    assert stage.client("10.1.2.3").client.session is not None
    peer = stage.connect(THERE)
    with capture_logs() as lines:
        peer.log_in()
        # It is asked as a stranger, lest the answer tell whether its password is right.
        assert parse_auth_switch(peer.payloads()[0]).plugin == CACHING_SHA2
        peer.send(encode(b"x" * 32, 3))
    assert peer.reply().text == f"Access denied for user 'app'@'{THERE}' (using password: YES)"
    assert refusals(lines) == ["the user may not come from there"]
    assert stage.client(THERE, user="other").client.session is not None


def test_networks_count_for_a_change_of_user():
    """Who may come from here as one user need not as another."""
    stage = Stage(credentials=Passwords(attrs.evolve(NEAR, user="other"), credential()))
    client = stage.client(THERE)
    client.change_user()
    client.send(encode(b"x" * 32, client.packets()[0][0] + 1))
    assert client.reply().code == 1045
    assert client.closed


def test_networks_that_came_with_a_new_password_count():
    """What is looked up anew is looked at whole."""
    source = Passwords(credential("app", "old"))
    source.fresh["app"] = attrs.evolve(NEAR, passwords=("secret",))
    _, why = refused(Stage(credentials=source).connect(THERE))
    assert why == "the user may not come from there"


# TLS


def test_without_tls_where_it_is_required_a_client_hears_3159():
    """Its password is not looked at; on a unix socket nobody reads along."""
    stage = Stage(proxy={"require_tls": True})
    reply, why = refused(stage.connect(THERE), password="wrong")
    assert (reply.code, reply.sqlstate) == (3159, "HY000")
    assert reply.text == "This RDS Proxy requires TLS connections."
    assert why == reply.text
    assert stage.client().client.session is not None


# Guesses


def test_refusals_come_later_and_later():
    """After as many failures as configured: the client waits, the log does not."""
    stage = Stage(proxy={"failed_login_threshold": 2, "max_failed_login_delay": 3.0})
    for delay in (0, 0, 1, 2, 3, 3):
        peer = stage.connect()
        with capture_logs() as lines:
            peer.log_in(password="wrong")
        assert refusals(lines) == ["wrong password"]
        if delay:
            stage.run(delay - 0.1)
            assert peer.payloads() == []
            assert not peer.closed
            stage.run(0.2)
        assert peer.reply().code == 1045
        assert peer.closed
    assert stage.is_clean()


def failed(stage, times, address=None, **login):
    """Fail so often, each time to the end."""
    for _ in range(times):
        peer = stage.connect(address)
        peer.log_in(**login)
        stage.run(30)
        assert peer.closed


def delayed(stage, address=None, **login):
    """Whether the refusal of a wrong password comes later."""
    peer = stage.connect(address)
    peer.log_in(password="wrong", **login)
    waits = not peer.closed
    stage.run(30)
    assert peer.closed
    return waits


@pytest.mark.parametrize("schema", [None, b"shop"])
def test_who_is_right_is_let_in_at_once_and_begins_anew(schema):
    """Nobody can lock another one out, and the next typing error is the first again."""
    stage = Stage(proxy={"failed_login_threshold": 1})
    stage.client()
    failed(stage, 3, password="wrong")
    assert stage.client(schema=schema).client.session is not None
    assert not delayed(stage)
    assert delayed(stage)


def test_failures_count_by_user_and_address():
    """Others are told at once that they are wrong."""
    stage = Stage(proxy={"failed_login_threshold": 1})
    failed(stage, 2, THERE, password="wrong")
    assert delayed(stage, THERE)
    assert not delayed(stage, "203.0.113.10")
    assert not delayed(stage, THERE, user="other")


def test_who_leaves_while_its_refusal_waits_leaves_nothing():
    """Neither a client nor a timer."""
    stage = Stage(proxy={"failed_login_threshold": 1, "max_failed_login_delay": 3600.0})
    failed(stage, 1, password="wrong")
    before = len(stage.clock.calls)
    peer = stage.connect()
    peer.log_in(password="wrong")
    peer.leave()
    assert len(stage.clock.calls) == before
    assert stage.is_clean()


def test_no_more_refusals_wait_than_there_is_room_for():
    """The others come at once, and each that has come or left makes room for another."""
    stage = Stage(proxy={"failed_login_threshold": 1})
    stage.proxy.admission.delayed = DELAYED_AT_ONCE - 2
    failed(stage, 1, password="wrong")
    first, second, third = (stage.connect() for _ in range(3))
    for peer in (first, second, third):
        peer.log_in(password="wrong")
    assert [peer.closed for peer in (first, second, third)] == [False, False, True]
    assert third.reply().code == 1045
    first.leave()
    assert delayed(stage)
    assert second.closed
    assert stage.proxy.admission.delayed == DELAYED_AT_ONCE - 2


def test_a_refusal_that_waits_outlasts_the_time_for_a_login():
    """The client has done its part: it hears why."""
    stage = Stage(proxy={"failed_login_threshold": 1, "login_timeout": 0.5})
    failed(stage, 2, password="wrong")
    peer = stage.connect()
    peer.log_in(password="wrong")
    for _ in range(2):
        stage.run(0.9)
        assert not peer.closed
    stage.run(0.3)
    assert peer.reply().code == 1045


def test_a_delay_of_zero_failures_is_none():
    """The setting 0 switches it off."""
    stage = Stage(proxy={"failed_login_threshold": 0})
    assert not any(delayed(stage) for _ in range(20))


def test_a_change_of_user_counts_too():
    """It is a login like any other."""
    stage = Stage(proxy={"failed_login_threshold": 1})
    failed(stage, 1, user="other", password="wrong")
    client = stage.client()
    client.change_user("wrong")
    assert not client.closed
    stage.run(1)
    assert client.reply().code == 1045
    assert client.closed


# Passwords that are renewed where they come from


def test_a_password_renewed_at_its_source_lets_in_at_once():
    """The client is not asked twice, and hears nothing of our not knowing it."""
    source = Passwords(credential("app", "old"))
    source.fresh["app"] = credential("app", "secret", "old")
    stage = Stage(credentials=source)
    peer = stage.connect()
    peer.log_in()
    assert peer.reply().status == 2
    assert ("refresh", "app") in source.asked
    assert stage.counters.client_connections_setup_failed_auth == 0
    source.asked.clear()
    assert stage.client().client.session is not None
    assert source.asked == []


def caching_login(peer, password, **more):
    """Log in by caching_sha2_password; answers full authentication too."""
    (payload,) = peer.payloads()
    nonce = parse_greeting(payload).nonce
    proof = caching_sha2.scramble(password, nonce)
    peer.send(login_packet(payload, plugin=CACHING_SHA2, proof=proof, **more))
    payloads = peer.payloads()
    if payloads == [b"\x01\x04"]:
        peer.send(encode(password.encode() + b"\x00", 3))
        payloads = peer.payloads()
    return payloads


def test_a_password_renewed_at_its_source_lets_in_by_full_authentication():
    """caching_sha2_password asks for the password itself before it gives up."""
    source = Passwords(credential("app", "old", plugin=CACHING_SHA2))
    source.fresh["app"] = credential("app", "secret", plugin=CACHING_SHA2)
    stage = Stage(credentials=source)
    ok = caching_login(stage.connect(), "secret")[-1]
    assert ok[0] == 0


def test_a_password_that_was_taken_away_is_of_no_use():
    """What the source says last is what counts for a proof that did not fit."""
    source = Passwords(credential("app", "old"))
    source.fresh["app"] = None
    reply, why = refused(Stage(credentials=source).connect())
    assert reply.code == 1045
    assert why == "unknown user"


def test_the_source_is_looked_at_once_for_each_wrong_password():
    """And not at all for a right one."""
    source = Passwords(credential())
    stage = Stage(credentials=source)
    stage.client()
    assert ("refresh", "app") not in source.asked
    refused(stage.connect(), password="wrong")
    assert source.asked.count(("refresh", "app")) == 1


def test_a_client_waits_for_a_source_that_takes_its_time():
    """And leaves without a trace if it does not want to."""
    source = Passwords(credential())
    source.hidden.add("app")
    source.held = []
    stage = Stage(credentials=source)
    patient, other = stage.connect(), stage.connect()
    for peer in (patient, other):
        peer.log_in()
    assert not patient.packets()
    other.leave()
    held, source.held = source.held, None
    for answer in held:
        answer()
    stage.run()
    assert patient.reply().status == 2
    patient.leave()
    assert stage.is_clean()


def test_who_says_how_late_a_refusal_comes_may_have_to_be_asked():
    """Until there is an answer the client hears nothing, and it may leave."""
    stage = Stage()
    answers = [Deferred(), Deferred()]
    stage.proxy.admission.guesses = SimpleNamespace(failed=lambda *_: answers.pop())
    leaves, asked = answers
    patient, other = stage.connect(), stage.connect()
    for peer in (patient, other):
        peer.log_in(password="wrong")
    assert not patient.packets()
    other.leave()
    assert leaves.called
    asked.callback(2.0)
    assert not patient.packets()
    stage.clock.advance(2.0)
    assert patient.reply().code == 1045


# Users who are not there


def told(stage, user, password):
    """All that a client hears that logs in by caching_sha2_password."""
    payloads = caching_login(stage.connect(), password, user=user)
    return [payload.replace(user.encode(), b"USER") for payload in payloads]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_an_unknown_user_sounds_like_a_known_one(password):
    """By the same packets, and after the same look-up: nobody learns which names exist."""
    source = Passwords(credential(plugin=""))
    stage = Stage(credentials=source)
    assert told(stage, "app", password) == told(stage, "nobody", password)
    assert source.asked.count(("refresh", "app")) == 1
    assert source.asked.count(("refresh", "nobody")) == 1


def test_guessing_names_is_slowed_down_too():
    """A user who is not there is refused as late as one who is."""
    source = Passwords(credential(plugin=""))
    stage = Stage(credentials=source, proxy={"failed_login_threshold": 1})
    for user in ("app", "nobody"):
        assert told(stage, user, "wrong")[0][1:3] == (1045).to_bytes(2, "little")
        assert told(stage, user, "wrong") == []
