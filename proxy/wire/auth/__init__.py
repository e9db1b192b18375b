"""Authentication plugins, each a prover (we log in) and a verifier (a client logs in to us).

A plugin decides, its caller sends: what a step leads to is a value, never just bytes.
"""

from __future__ import annotations

from proxy.wire.auth.caching_sha2 import CachingSha2Prover, CachingSha2Verifier
from proxy.wire.auth.clear import ClearProver, ClearVerifier
from proxy.wire.auth.native import NativeProver, NativeVerifier
from proxy.wire.auth.sha256 import Sha256Prover
from proxy.wire.auth.steps import Prover, RsaKey, Verifier

CACHING_SHA2 = "caching_sha2_password"
NATIVE = "mysql_native_password"
CLEAR = "mysql_clear_password"
SHA256 = "sha256_password"


def make_prover(plugin: str, password: str, *, secure: bool) -> Prover | None:
    """Who proves a password by this plugin, or None where it is not known.

    Args:
        plugin: Name in the server's greeting or switch request.
        password: What the account needs.
        secure: Whether nobody can read along (TLS or a unix socket).
    """
    if plugin == CACHING_SHA2:
        return CachingSha2Prover(password, secure=secure)
    if plugin == NATIVE:
        return NativeProver(password)
    if plugin == CLEAR:
        return ClearProver(password)
    if plugin == SHA256:
        return Sha256Prover(password, secure=secure)
    return None


def make_verifier(
    plugin: str,
    passwords: tuple[str, ...],
    nonce: bytes,
    *,
    key: RsaKey | None,
    secure: bool,
    shows: bool = False,
) -> Verifier:
    """Who checks a client by this plugin (`CACHING_SHA2`, `NATIVE` or `CLEAR`).

    Args:
        plugin: Name announced to the client.
        passwords: Any of these lets the client in (several while a password rotates).
        nonce: The challenge the client was given.
        key: Decrypts what a client sends in full authentication over plain TCP.
        secure: Whether nobody can read along.
        shows: Whether a text that is none of the passwords is given out, where the plugin has
            it, as it may be a token.
    """
    if plugin == NATIVE:
        return NativeVerifier(passwords, nonce)
    if plugin == CLEAR:
        return ClearVerifier()
    return CachingSha2Verifier(passwords, nonce, key=key, secure=secure, shows=shows)


__all__ = ["CACHING_SHA2", "CLEAR", "NATIVE", "SHA256", "make_prover", "make_verifier"]
