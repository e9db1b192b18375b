"""Settings of TLS, towards clients and towards targets."""

from __future__ import annotations

import enum

import attrs

from proxy.config.rules import Choice, FilePath, OrNull, Text

_TEXT = Text()
_FILE = FilePath()


class TlsMode(enum.Enum):
    """How a target is spoken to: `--ssl-mode` of MySQL's own clients.

    Source: MySQL manual, "Command Options for Encrypted Connections".
    """

    DISABLED = "disabled"
    PREFERRED = "preferred"
    REQUIRED = "required"
    VERIFY_CA = "verify_ca"
    VERIFY_IDENTITY = "verify_identity"


class TlsVersion(enum.Enum):
    """The oldest version that is spoken; older ones than these are broken."""

    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"


class ClientCertificates(enum.Enum):
    """Whether clients show certificates."""

    NONE = "NONE"
    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


@attrs.frozen(kw_only=True)
class Handshake:
    """What is agreed on with either side."""

    min_version: TlsVersion = attrs.field(
        default=TlsVersion.V1_2,
        validator=Choice(TlsVersion),
        metadata={"doc": "The oldest version that is spoken."},
    )
    ciphers: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "Cipher suites of TLS 1.2, in OpenSSL's notation; null takes OpenSSL's own "
            "choice."
        },
    )
    ciphersuites: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "Cipher suites of TLS 1.3, separated by colons; null takes OpenSSL's own "
            "choice."
        },
    )


@attrs.frozen(kw_only=True)
class Certificate:
    """A certificate that the proxy shows, with its key."""

    certificate: str = attrs.field(
        validator=_FILE,
        metadata={"doc": "A PEM file: the certificate, and behind it those of its issuers."},
    )
    private_key: str = attrs.field(
        validator=_FILE, metadata={"doc": "A PEM file with its key."}
    )
    private_key_password_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={"doc": "A file whose first line is the password of the private key."},
    )


@attrs.frozen(kw_only=True)
class ClientTls(Handshake):
    """TLS on the way to clients."""

    certificates: tuple[Certificate, ...] = attrs.field(
        default=(),
        metadata={
            "doc": "What the proxy shows. A client that names a server gets the first one made "
            "for that name, any other the first of all; without any, TLS is not offered. "
            "Renewed files are taken up within seconds, and nobody is disconnected."
        },
    )
    client_certificates: ClientCertificates = attrs.field(
        default=ClientCertificates.NONE,
        validator=Choice(ClientCertificates),
        metadata={
            "doc": "Whether clients have to show a certificate (REQUIRED), may show one, which "
            "is then checked (OPTIONAL), or are not asked (NONE)."
        },
    )
    client_ca: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={"doc": "A PEM file with the authorities that sign certificates of clients."},
    )


@attrs.frozen(kw_only=True)
class BackendTls(Handshake):
    """TLS on the way to targets."""

    mode: TlsMode = attrs.field(
        default=TlsMode.PREFERRED,
        validator=Choice(TlsMode),
        metadata={
            "doc": "disabled: none. preferred: where the target offers it, its certificate is "
            "not checked. required: always. verify_ca: and its certificate is signed by an "
            "authority that we trust. verify_identity: and made for its name. A unix socket "
            "needs no TLS; it is used there from required on."
        },
    )
    ca: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A PEM file with the authorities that are trusted (Amazon's bundle for RDS, "
            "for instance); null takes those of the system."
        },
    )
    certificate: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={"doc": "A PEM file with a certificate of our own, for targets that ask."},
    )
    private_key: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={"doc": "A PEM file with the key of that certificate."},
    )
    private_key_password_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={"doc": "A file whose first line is the password of the private key."},
    )
