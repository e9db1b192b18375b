"""Tests of `proxy.front.admission`."""

from __future__ import annotations

import ipaddress
from types import SimpleNamespace

import attrs
import pytest

from proxy.config.model import EndpointConfig
from proxy.errors import bad_handshake, host_not_allowed, tls_required
from proxy.front.admission import Admission, comes_from
from tests.support.memory import make_config


def client(address="203.0.113.9", *, secure=False, objection=None):
    """What is looked at of a client."""
    dialogue = SimpleNamespace(secure=secure, objection=objection)
    return SimpleNamespace(address=address, dialogue=dialogue)


def networks(*texts):
    """Read networks."""
    return tuple(ipaddress.ip_network(text) for text in texts)


@pytest.mark.parametrize(
    ("address", "network", "inside"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.8", "10.0.0.7", False),
        ("fd00::1", "fd00::/8", True),
        ("fe80::1%eth0", "fe80::/10", True),
        ("2001:db8::1", "fd00::/8", False),
        ("10.0.0.1", "::/0", False),
        ("::1", "0.0.0.0/0", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("::ffff:11.1.2.3", "10.0.0.0/8", False),
        ("localhost", "127.0.0.0/8", True),
        ("localhost", "127.0.0.1", True),
        ("localhost", "10.0.0.0/8", False),
        ("no address", "0.0.0.0/0", False),
        ("", "0.0.0.0/0", False),
    ],
)
def test_an_address_is_in_a_network_or_not(address, network, inside):
    """IPv4 clients of a listener for both families are known, and unix sockets are here."""
    assert comes_from(address, networks(network)) is inside


def test_one_of_several_networks_is_enough():
    """And no network has anybody in it."""
    assert comes_from("fd00::1", networks("10.0.0.0/8", "fd00::/8"))
    assert not comes_from("fd00::1", ())


def test_what_the_dialogue_objects_to_comes_first():
    """A header from an untrusted address, for one."""
    why = bad_handshake("a header")
    assert Admission(make_config()).objection(client(objection=why)) is why


def test_everybody_may_come_unless_said_otherwise():
    """Without TLS too."""
    assert Admission(make_config()).objection(client()) is None


def test_only_who_comes_from_an_allowed_network_may_come():
    """The others hear 1130 with the address that we saw."""
    admission = Admission(make_config(allowed_networks=("10.0.0.0/8", "127.0.0.1")))
    assert admission.objection(client("10.1.2.3")) is None
    assert admission.objection(client("localhost")) is None
    assert admission.objection(client("203.0.113.9")) == host_not_allowed("203.0.113.9")


def test_where_tls_is_required_others_must_not_read_along():
    """By TLS or a unix socket; where somebody comes from is looked at first."""
    admission = Admission(make_config(require_tls=True, allowed_networks=("10.0.0.0/8",)))
    assert admission.objection(client("10.0.0.1")) == tls_required()
    assert admission.objection(client("10.0.0.1", secure=True)) is None
    assert admission.objection(client("11.0.0.1")) == host_not_allowed("11.0.0.1")


def test_load_balancers_are_trusted_at_their_endpoint():
    """From their networks only; an endpoint without any trusts nobody."""
    config = attrs.evolve(
        make_config(),
        endpoints=(
            EndpointConfig(
                name="main", listen="tcp:0", proxy_protocol_networks=("10.0.0.0/24",)
            ),
            EndpointConfig(name="direct", listen="tcp:1"),
        ),
    )
    admission = Admission(config)
    assert admission.trusts("main", "10.0.0.7")
    assert admission.trusts("main", "::ffff:10.0.0.7")
    assert not admission.trusts("main", "10.0.1.7")
    assert not admission.trusts("direct", "10.0.0.7")
    assert not admission.trusts("unknown", "10.0.0.7")


def test_guesses_are_slowed_down_as_configured():
    """The threshold and the longest delay are those of the proxy."""
    config = make_config(failed_login_threshold=1, max_failed_login_delay=1.5)
    guesses = Admission(config).guesses
    assert [guesses.failed("app", "::1", 0.0) for _ in range(3)] == [0, 1, 1.5]


def test_other_rules_count_from_the_next_login_on():
    """Who guesses stays known, and is delayed as it is wanted then."""
    admission = Admission(make_config(failed_login_threshold=2))
    for _ in range(2):
        assert not admission.guesses.failed("app", "203.0.113.9", 0.0)
    config = make_config(
        require_tls=True,
        allowed_networks=("203.0.113.0/24",),
        failed_login_threshold=1,
        max_failed_login_delay=7.0,
        max_clients=50,
        endpoints=(
            EndpointConfig(name="more", listen="tcp:0", proxy_protocol_networks=("10.0.0.1",)),
        ),
    )
    admission.reconfigure(config)
    assert admission.objection(client()) == tls_required()
    assert admission.objection(client("198.51.100.1")) == host_not_allowed("198.51.100.1")
    assert admission.trusts("more", "10.0.0.1")
    assert admission.most_delayed == 5
    assert admission.guesses.failed("app", "203.0.113.9", 0.0) == 2.0
