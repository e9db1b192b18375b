"""caching_sha2_password: a fast scramble, or the password itself by TLS or RSA.

Source: MySQL manual, "Caching SHA-2 Pluggable Authentication"; internals manual,
"caching_sha2_password information".
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from proxy.wire.auth.steps import (
    Accepted,
    Denied,
    Impossible,
    RsaKey,
    Send,
    Shown,
    Wait,
    mask,
    xor,
)

REQUEST_PUBLIC_KEY = b"\x02"
FAST_AUTH_SUCCESS = b"\x03"
PERFORM_FULL_AUTHENTICATION = b"\x04"

OAEP = padding.OAEP(
    mgf=padding.MGF1(algorithm=hashes.SHA1()),  # noqa: S303 - the protocol's
    algorithm=hashes.SHA1(),  # noqa: S303 - the protocol's
    label=None,
)


def scramble(password: str, nonce: bytes) -> bytes:
    """SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce); nothing if it is empty."""
    if not password:
        return b""
    once = hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()
    twice = hashlib.sha256(once).digest()
    masked = hashlib.sha256(twice + nonce).digest()
    return xor(once, masked)


class CachingSha2Prover:
    """Logs in by caching_sha2_password."""

    def __init__(self, password: str, *, secure: bool) -> None:
        self._password = password
        self._secure = secure
        self._nonce = b""

    def begin(self, nonce: bytes) -> bytes:
        """The fast scramble."""
        self._nonce = nonce
        return scramble(self._password, nonce)

    def receive(self, data: bytes) -> Send | Wait | Impossible:
        """The server knows us already, wants the password, or sends its public key."""
        if data == FAST_AUTH_SUCCESS:
            return Wait()
        if data == PERFORM_FULL_AUTHENTICATION:
            if self._secure:
                return Send(self._terminated())
            return Send(REQUEST_PUBLIC_KEY)
        if data.startswith(b"-----BEGIN"):
            return hide(self._terminated(), self._nonce, data)
        return Impossible("an answer that caching_sha2_password does not know")

    def _terminated(self) -> bytes:
        return self._password.encode("utf-8", "surrogateescape") + b"\x00"


def hide(password: bytes, nonce: bytes, pem: bytes) -> Send | Impossible:
    """A password with its NUL, hidden by the challenge and the server's public key."""
    try:
        key = serialization.load_pem_public_key(pem.rstrip(b"\x00"))
        if not isinstance(key, rsa.RSAPublicKey):
            return Impossible("the server's public key is not an RSA key")
        return Send(key.encrypt(mask(password, nonce), OAEP))
    except (ValueError, UnsupportedAlgorithm) as error:
        return Impossible(f"the server's public key does not serve: {error}")


class CachingSha2Verifier:
    """Checks a client by caching_sha2_password.

    The password is known, so the fast scramble decides for an honest client.  One that fails it
    is asked for the password itself, as a server does: the two plugins of a rotating password
    and clients that never send a scramble need it.  With `shows`, over a connection on which
    nobody can read along, what it sends then is given out where it is none of the passwords.
    """

    plugin = "caching_sha2_password"

    def __init__(
        self,
        passwords: tuple[str, ...],
        nonce: bytes,
        *,
        key: RsaKey | None,
        secure: bool,
        shows: bool = False,
    ) -> None:
        self._passwords = passwords
        self._nonce = nonce
        self._key = key
        self._secure = secure
        self._shows = shows and secure
        self.in_full = self._sent_key = False
        self._proof: bytes | None = None
        self._clear: bytes | None = None

    def receive(self, data: bytes) -> Send | Accepted | Denied | Shown:
        """The scramble first, then by RSA or TLS what full authentication asks for."""
        if self.in_full:
            return self._receive_password(data)
        # An empty password is proved by nothing at all, or by a lone NUL.
        proof = self._proof = b"" if data == b"\x00" else data
        if self.matches(self._passwords):
            return Send(FAST_AUTH_SUCCESS, final=True) if proof else Accepted()
        if not proof or not (self._secure or self._key):
            return Denied()
        self.in_full = True
        return Send(PERFORM_FULL_AUTHENTICATION)

    def matches(self, passwords: tuple[str, ...]) -> bool:
        """See `Verifier`."""
        clear, proof = self._clear, self._proof
        if proof is None:
            return False
        if clear is None:
            matches = [
                hmac.compare_digest(proof, scramble(password, self._nonce))
                for password in passwords
            ]
        else:
            matches = [
                hmac.compare_digest(clear, known.encode("utf-8", "surrogateescape"))
                for known in passwords
            ]
        return any(matches)

    def _receive_password(self, data: bytes) -> Send | Accepted | Denied | Shown:
        if self._secure:
            clear: bytes | None = data
        elif self._key is None:
            return Denied()
        elif data == REQUEST_PUBLIC_KEY:
            if self._sent_key:  # who asks again and again wants to be sent much for little
                return Denied()
            self._sent_key = True
            return Send(self._key.public_pem)
        else:
            hidden = self._key.decrypt(data)
            clear = mask(hidden, self._nonce) if hidden is not None else None
        if clear is None:
            return Denied()
        password = self._clear = clear.removesuffix(b"\x00")
        if self.matches(self._passwords):
            return Accepted()
        if self._shows and password:
            return Shown(password.decode("utf-8", "surrogateescape"))
        return Denied()
