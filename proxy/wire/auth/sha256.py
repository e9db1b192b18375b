"""sha256_password: the password itself, by TLS or hidden by RSA.

Source: MySQL manual, "SHA-256 Pluggable Authentication".  Servers still have it for old
accounts, and take it now and then for accounts that there are not, so that nobody can tell.
"""

from __future__ import annotations

from proxy.wire.auth.caching_sha2 import hide
from proxy.wire.auth.steps import Impossible, Send, Wait

REQUEST_PUBLIC_KEY = b"\x01"


class Sha256Prover:
    """Logs in by sha256_password."""

    def __init__(self, password: str, *, secure: bool) -> None:
        self._password = password
        self._secure = secure
        self._nonce = b""

    def begin(self, nonce: bytes) -> bytes:
        """The password where nobody can read along, else the question for a key."""
        self._nonce = nonce
        if self._secure or not self._password:
            return self._terminated()
        return REQUEST_PUBLIC_KEY

    def receive(self, data: bytes) -> Send | Wait | Impossible:
        """The server sends its public key."""
        return hide(self._terminated(), self._nonce, data)

    def _terminated(self) -> bytes:
        return self._password.encode("utf-8", "surrogateescape") + b"\x00"
