"""mysql_native_password: SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password))).

Source: MySQL internals manual, "Native Authentication".
"""

from __future__ import annotations

import hashlib
import hmac

from proxy.wire.auth.steps import Accepted, Denied, Impossible, Send, Wait, xor


def scramble(password: str, nonce: bytes) -> bytes:
    """The 20 bytes that prove the password; none for an empty one."""
    if not password:
        return b""
    once = hashlib.sha1(password.encode("utf-8", "surrogateescape")).digest()  # noqa: S324 - the protocol's
    twice = hashlib.sha1(once).digest()  # noqa: S324 - the protocol's
    masked = hashlib.sha1(nonce + twice).digest()  # noqa: S324 - the protocol's
    return xor(once, masked)


class NativeProver:
    """Logs in by mysql_native_password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def begin(self, nonce: bytes) -> bytes:
        """The scramble."""
        return scramble(self._password, nonce)

    def receive(self, data: bytes) -> Send | Wait | Impossible:
        """The plugin has one step only."""
        return Impossible(f"{len(data)} bytes more than mysql_native_password has to say")


class NativeVerifier:
    """Checks a client by mysql_native_password."""

    plugin = "mysql_native_password"
    in_full = False

    def __init__(self, passwords: tuple[str, ...], nonce: bytes) -> None:
        self._passwords = passwords
        self._nonce = nonce
        self._proof: bytes | None = None

    def receive(self, data: bytes) -> Send | Accepted | Denied:
        """Compare the scramble with each password's, in constant time."""
        self._proof = data
        return Accepted() if self.matches(self._passwords) else Denied()

    def matches(self, passwords: tuple[str, ...]) -> bool:
        """See `Verifier`."""
        proof = self._proof
        if proof is None:
            return False
        matches = [
            hmac.compare_digest(proof, scramble(password, self._nonce))
            for password in passwords
        ]
        return any(matches)
