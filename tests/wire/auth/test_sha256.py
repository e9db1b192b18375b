"""Tests of `proxy.wire.auth.sha256`."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.wire.auth.caching_sha2 import OAEP
from proxy.wire.auth.sha256 import REQUEST_PUBLIC_KEY, Sha256Prover
from proxy.wire.auth.steps import Impossible, Send, mask

NONCE = b"abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def key():
    """The key pair of a server."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_where_nobody_reads_along_the_password_is_shown():
    """TLS and unix sockets hide it."""
    assert Sha256Prover("sécret", secure=True).begin(NONCE) == "sécret".encode() + b"\x00"


def test_no_password_needs_no_key():
    """A lone NUL says that there is none."""
    assert Sha256Prover("", secure=False).begin(NONCE) == b"\x00"


def test_elsewhere_it_is_hidden_by_the_servers_key(key):
    """The key is asked for, and only the server can read what is sent then."""
    prover = Sha256Prover("secret", secure=False)
    assert prover.begin(NONCE) == REQUEST_PUBLIC_KEY
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    step = prover.receive(pem + b"\x00")
    assert isinstance(step, Send)
    assert mask(key.decrypt(step.data, OAEP), NONCE) == b"secret\x00"


def test_something_else_in_place_of_a_key_is_impossible():
    """Nothing is sent to a server that has no key."""
    prover = Sha256Prover("secret", secure=False)
    prover.begin(NONCE)
    assert isinstance(prover.receive(b"no key"), Impossible)


def test_the_password_is_not_shown():
    """A prover prints no password."""
    assert "secret" not in repr(Sha256Prover("secret", secure=True))
