"""Certificates and keys in files, and OpenSSL's contexts made of them."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from structlog.typing import FilteringBoundLogger

from proxy.config.tls import Handshake, TlsVersion
from proxy.net.files import (
    FileUnreadableError,
    first_line,
    read_limited,
    warn_of_readers,
)
from proxy.net.tls import Stream

KEY_PASSWORD_LIMIT = 1024
"""Bytes of a key's password: OpenSSL takes no longer ones (PEM_BUFSIZE)."""

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Of a key, a chain or a bundle of authorities: the largest bundles have some 1 MiB, and a file
of another kind, named by mistake, is not taken into memory whole."""

_VERSIONS = {TlsVersion.V1_2: SSL.TLS1_2_VERSION, TlsVersion.V1_3: SSL.TLS1_3_VERSION}

_PROBLEMS = {
    2: "the certificate of its issuer is not there",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is signed by itself",
    19: "the certificate is signed by an authority that is not trusted",
    20: "the certificate is signed by an authority that is not trusted",
    21: "the certificate is signed by an authority that is not trusted",
    23: "the certificate was revoked",
    26: "the certificate is made for another purpose",
}
"""Errors of verification (OpenSSL, x509_vfy.h), for those who run the servers."""


class TlsUnusableError(Exception):
    """Settings of TLS that cannot be used: which file, and why."""


def make_context(settings: Handshake) -> SSL.Context:
    """A context for either side, without certificates.

    Raises:
        TlsUnusableError: OpenSSL does not know the ciphers.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(_VERSIONS[settings.min_version])
    # Thousands of connections wait: none keeps the 34 KiB that it needs only while it works.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Clients resume by tickets, and towards targets one session is enough: OpenSSL would keep
    # 20480 of them, some 8 KiB each.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    try:
        if settings.ciphers is not None:
            context.set_cipher_list(settings.ciphers.encode())
        if settings.ciphersuites is not None:
            context.set_tls13_ciphersuites(settings.ciphersuites.encode())
    except SSL.Error as error:
        raise TlsUnusableError(f"OpenSSL takes no such ciphers: {_said(error)}") from None
    return context


def use_certificate(
    context: SSL.Context, certificate: str, key: str, key_password_file: str | None
) -> None:
    """Show this certificate from now on.

    Raises:
        TlsUnusableError: a file cannot be read, or the two do not belong together.
    """
    password = None
    if key_password_file is not None:
        password = _first_line(key_password_file)
    _read(certificate)  # OpenSSL's own words for a file that is not there name no file
    try:
        context.use_certificate_chain_file(certificate)
    except SSL.Error as error:
        raise TlsUnusableError(f"{certificate}: no certificate: {_said(error)}") from None
    try:
        loaded = load_pem_private_key(_read(key), password)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise TlsUnusableError(f"{key}: no private key: {error}") from None
    try:
        context.use_privatekey(loaded)  # type: ignore[arg-type]
        context.check_privatekey()
    except (SSL.Error, TypeError):  # the latter for kinds of keys that no certificate has
        raise TlsUnusableError(f"{key}: not the key of the certificate {certificate}") from None


def trust(context: SSL.Context, authorities: str | None) -> None:
    """Trust the authorities in this file, or those of the system.

    Raises:
        TlsUnusableError: there are none in it.
    """
    if authorities is None:
        context.set_default_verify_paths()
        return
    _read(authorities)
    try:
        context.load_verify_locations(authorities)
    except SSL.Error as error:
        raise TlsUnusableError(f"{authorities}: no certificates: {_said(error)}") from None


def verify(context: SSL.Context, mode: int) -> None:
    """Check the peer's certificate; its stream is told why it is not taken.

    Args:
        context: Of the connections.
        mode: One of OpenSSL's VERIFY flags.
    """

    def look(connection: SSL.Connection, _: object, error: int, depth: int, good: int) -> bool:
        stream = connection.get_app_data()
        if not good and isinstance(stream, Stream) and not stream.refusal:
            whose = f" (certificate {depth} of the chain)" if depth else ""
            why = _PROBLEMS.get(error, f"the certificate is not taken: OpenSSL says {error}")
            stream.refusal = why + whose
        return bool(good)

    context.set_verify(mode, look)


def load_certificate(path: str) -> x509.Certificate:
    """The first certificate of a file.

    Raises:
        TlsUnusableError: there is none.
    """
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except (ValueError, x509.InvalidVersion) as error:
        raise TlsUnusableError(f"{path}: no certificate: {error}") from None


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names it is made for, in lower case; `*.` may stand in front."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return ()
    return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))


def trouble_of(certificate: x509.Certificate, now: datetime) -> str:
    """What clients will hold against it; empty when nothing."""
    if now < certificate.not_valid_before_utc:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if now > certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def trouble_now(path: str) -> str:
    """The same of the first certificate of a file, at this moment."""
    return trouble_of(load_certificate(path), datetime.now(UTC))


def warn_of_secrets(log: FilteringBoundLogger, key: str, key_password_file: str | None) -> None:
    """Say of a key, and of the file with its password, that everybody can read it, if so."""
    for path in dict.fromkeys((key, key_password_file or key)):
        warn_of_readers(log, path)


def _read(path: str) -> bytes:
    """The content of a file.

    Raises:
        TlsUnusableError: it cannot be read.
    """
    try:
        return read_limited(path, MAX_FILE_BYTES)
    except FileUnreadableError as error:
        raise TlsUnusableError(str(error)) from None


def _first_line(path: str) -> bytes:
    try:
        return first_line(path, KEY_PASSWORD_LIMIT)
    except FileUnreadableError as error:
        raise TlsUnusableError(str(error)) from None


def _said(error: SSL.Error) -> str:
    errors = error.args[0] if error.args else ()
    return str(errors[0][-1]) if isinstance(errors, list) and errors else "no reason given"
