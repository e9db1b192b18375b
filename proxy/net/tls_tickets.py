"""The key of TLS tickets, for processes that take each other's (RFC 5077; RFC 8446, 4.6.1)."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxy.config.tls import ClientTls
from proxy.net import certificates
from proxy.net.tls_native import TICKET_KEY_BYTES

SECRET_BYTES: Final = 32
"""Bytes of the shared secret: as strong as the AES-256 and the HMAC that come of it."""


def key_for(secret: bytes, settings: ClientTls) -> bytes:
    """OpenSSL's key for these settings, and for what the files have now.

    A session says that a client's certificate was good, and which the server showed.  It has to
    end with what made it so; and proxies that share a secret do not take each other's tickets,
    unless they are alike.

    Args:
        secret: Shared by all who take each other's tickets.
        settings: Of the proxy.

    Raises:
        TlsUnusableError: a file cannot be read.
    """
    if len(secret) < SECRET_BYTES:
        message = f"a ticket key needs {SECRET_BYTES} bytes"
        raise ValueError(message)
    digest = hashlib.sha256()
    for path in (settings.client_ca, *(one.certificate for one in settings.certificates)):
        content = b"" if path is None else certificates.read(path)
        digest.update(hashlib.sha256(content).digest())
    asked = (settings.client_certificates.value, settings.min_version.value)
    digest.update(repr((asked, settings.ciphers, settings.ciphersuites)).encode())
    derived = HKDF(SHA256(), TICKET_KEY_BYTES, None, b"mysqlproxy tickets" + digest.digest())
    return derived.derive(secret)
