"""TLS of clients as Twisted's own TLS wants it, for those who speak HTTP: pyOpenSSL's contexts.

Whoever serves MySQL has no use for it: see `proxy.net.tls`.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from proxy.config.tls import ClientCertificates, ClientTls, TlsVersion
from proxy.net.certificates import MAX_FILE_BYTES, TlsUnusableError
from proxy.net.files import FileUnreadableError, first_line, read_limited

_KEY_PASSWORD_LIMIT: Final = 1024
"""Bytes of a key's password: OpenSSL takes no longer ones (PEM_BUFSIZE)."""

_VERSIONS: Final = {TlsVersion.V1_2: SSL.TLS1_2_VERSION, TlsVersion.V1_3: SSL.TLS1_3_VERSION}

_MODES: Final = {
    ClientCertificates.NONE: SSL.VERIFY_NONE,
    ClientCertificates.OPTIONAL: SSL.VERIFY_PEER,
    ClientCertificates.REQUIRED: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}

_SESSIONS: Final = b"mysqlproxy"
"""Names what sessions belong to: OpenSSL resumes none without it where it asks for
certificates."""


def make_context(settings: ClientTls) -> SSL.Context:
    """A context that shows the first certificate.

    Raises:
        TlsUnusableError: something in the files cannot be used.
    """
    shown = settings.certificates[0]
    try:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(_VERSIONS[settings.min_version])
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(_SESSIONS)
        if settings.ciphers is not None:
            context.set_cipher_list(settings.ciphers.encode())
        if settings.ciphersuites is not None:
            context.set_tls13_ciphersuites(settings.ciphersuites.encode())
        context.use_certificate_chain_file(shown.certificate)
        password = shown.private_key_password_file
        key = load_pem_private_key(
            read_limited(shown.private_key, MAX_FILE_BYTES),
            first_line(password, _KEY_PASSWORD_LIMIT) if password is not None else None,
        )
        context.use_privatekey(key)  # type: ignore[arg-type]
        context.check_privatekey()
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.load_client_ca(settings.client_ca.encode())
        context.set_verify(_MODES[settings.client_certificates])
    except (SSL.Error, FileUnreadableError, TypeError, ValueError) as error:
        raise TlsUnusableError(f"{shown.certificate}: cannot be shown: {error}") from None
    return context
