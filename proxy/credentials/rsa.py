"""The key pair with which clients hide their password on a connection that others may read."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.wire.auth.caching_sha2 import OAEP


class GeneratedRsaKey:
    """A key pair made for this process: clients fetch the public half in the dialogue."""

    def __init__(self, bits: int = 2048) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.public_pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def __repr__(self) -> str:
        """Says nothing of the key."""
        return "<GeneratedRsaKey>"

    def decrypt(self, data: bytes) -> bytes | None:
        """See `RsaKey`."""
        try:
            return self._key.decrypt(data, OAEP)
        except ValueError:
            return None
