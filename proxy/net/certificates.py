"""Certificates and keys in files, and contexts of TLS made of them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from structlog.typing import FilteringBoundLogger

from proxy.config.tls import Handshake, TlsVersion
from proxy.net import tls_native
from proxy.net.files import (
    FileUnreadableError,
    first_line,
    read_limited,
    warn_of_readers,
)

KEY_PASSWORD_LIMIT = 1024
"""Bytes of a key's password: OpenSSL takes no longer ones (PEM_BUFSIZE)."""

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Of a key, a chain or a bundle of authorities: the largest bundles have some 1 MiB, and a file
of another kind, named by mistake, is not taken into memory whole."""

_VERSIONS = {
    TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3,
}

_NO_CIPHERS = "OpenSSL takes no such ciphers: no cipher match"


class TlsUnusableError(Exception):
    """Settings of TLS that cannot be used: which file, and why."""


def make_context(settings: Handshake, *, serving: bool) -> ssl.SSLContext:
    """A context for one side, without certificates; nobody's is checked yet.

    OpenSSL lets go of its buffers while a connection is idle: `ssl` tells it so.

    Raises:
        TlsUnusableError: OpenSSL does not know the ciphers.
    """
    return make_contexts(settings, serving=serving)[0]


def make_contexts(
    settings: Handshake, *, serving: bool
) -> tuple[ssl.SSLContext, tls_native.Native | None]:
    """The same, also as OpenSSL has it, where it can be reached.

    Raises:
        TlsUnusableError: OpenSSL does not know the ciphers, or cannot be told.
    """
    context, native = tls_native.make(
        ssl.PROTOCOL_TLS_SERVER if serving else ssl.PROTOCOL_TLS_CLIENT
    )
    context.check_hostname = False  # `backend_tls` does, to say what is wrong
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = _VERSIONS[settings.min_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.set_ciphers(settings.ciphers or "DEFAULT")  # and not Python's choice
    except ssl.SSLError:
        raise TlsUnusableError(_NO_CIPHERS) from None
    if settings.ciphersuites is not None:
        _choose_suites(context, native, settings.ciphersuites)
    if native is not None:
        native.keep_no_sessions()
    return context, native


def _choose_suites(
    context: ssl.SSLContext, native: tls_native.Native | None, suites: str
) -> None:
    """Choose the cipher suites of TLS 1.3.

    Raises:
        TlsUnusableError: there are none such.
    """
    if native is None:
        raise TlsUnusableError("tls.ciphersuites: Python's OpenSSL cannot be told of them here")
    known = native.set_ciphersuites(suites)
    chosen = [one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.3"]
    if not known or not chosen:
        raise TlsUnusableError(_NO_CIPHERS)


def use_certificate(
    context: ssl.SSLContext, certificate: str, key: str, key_password_file: str | None
) -> None:
    """Show this certificate from now on.

    Raises:
        TlsUnusableError: a file cannot be read, or the two do not belong together.
    """
    password = None
    if key_password_file is not None:
        password = _first_line(key_password_file)
    # OpenSSL's own words would name no file, nor say which of both it is.
    load_certificate(certificate)
    try:
        load_pem_private_key(read(key), password)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise TlsUnusableError(f"{key}: no private key: {error}") from None
    try:
        # Some password: without one OpenSSL would ask on the terminal, were there need.
        context.load_cert_chain(certificate, key, password or b"")
    except (OSError, ValueError):
        raise TlsUnusableError(f"{key}: not the key of the certificate {certificate}") from None


def trust(context: ssl.SSLContext, authorities: str | None) -> None:
    """Trust the authorities in this file, or those of the system.

    Raises:
        TlsUnusableError: there are none in it.
    """
    if authorities is None:
        context.set_default_verify_paths()
        return
    read(authorities)
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise TlsUnusableError(f"{authorities}: no certificates: {_said(error)}") from None


def load_certificate(path: str) -> x509.Certificate:
    """The first certificate of a file.

    Raises:
        TlsUnusableError: there is none.
    """
    try:
        return x509.load_pem_x509_certificate(read(path))
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


def read(path: str) -> bytes:
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


def _said(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else "no reason given"
