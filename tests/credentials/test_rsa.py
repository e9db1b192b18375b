"""Tests of `proxy.credentials.rsa`."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.credentials.rsa import GeneratedRsaKey
from proxy.wire.auth.caching_sha2 import OAEP


def test_what_the_public_half_hides_the_key_finds():
    """A client encrypts with the PEM that it fetched, and only the owner can read it."""
    key = GeneratedRsaKey()
    public = serialization.load_pem_public_key(key.public_pem)
    assert isinstance(public, rsa.RSAPublicKey)
    assert key.decrypt(public.encrypt(b"a password", OAEP)) == b"a password"
    assert key.decrypt(b"something else") is None


def test_a_key_shows_nothing_of_itself():
    """The repr has a name and no number."""
    key = GeneratedRsaKey()
    assert repr(key) == "<GeneratedRsaKey>"
    assert key.public_pem.startswith(b"-----BEGIN PUBLIC KEY-----\n")
