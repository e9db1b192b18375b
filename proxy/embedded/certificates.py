"""Certificates for what is tried on this machine, by authorities that live as long as that."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self, TypeAlias

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

THIS_MACHINE = ("localhost", "127.0.0.1")
"""How this machine is reached by those that run on it."""

_LASTS = timedelta(days=30)
"""Longer than anything is tried in one go; a file that is left behind soon opens nothing."""

_STARTS_EARLIER = timedelta(days=1)
"""The clock of a container or virtual machine that checks it may be behind."""

_OWNER_ONLY = 0o600

_PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class KeyKind(enum.Enum):
    """The kind of a certificate's key."""

    EC = "ec"
    """On the curve P-256: takes no time to make, and every TLS library knows it."""

    RSA = "rsa"
    """Of 2048 bits, the least that is accepted everywhere; takes a tenth of a second. MySQL
    Router also hides passwords with its certificate's key, for which only RSA will do."""


class Purpose(enum.Enum):
    """What a certificate is good for, as its extendedKeyUsage says (RFC 5280, 4.2.1.12)."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@attrs.frozen
class CertificateFiles:
    """
    Where one side of TLS has its files, all PEM.

    Attributes:
        ca: the authority whose certificates this side trusts, and which signed its own.
        certificate: what this side shows.
        key: the certificate's private key, which only this user can read.
    """

    ca: Path
    certificate: Path
    key: Path


@attrs.frozen
class Issued:
    """
    A certificate with its key.

    Attributes:
        certificate_pem: the certificate.
        key_pem: its private key, PKCS #8 without a password.
        chain: the certificate of the authority that signed it, which the peer has to trust;
            the certificate itself where it is signed by itself.
    """

    certificate_pem: bytes
    key_pem: bytes = attrs.field(repr=False)
    chain: bytes

    def write(self, folder: Path) -> CertificateFiles:
        """
        Write ``ca.pem``, ``certificate.pem`` and ``key.pem``, in place of earlier ones.

        Args:
            folder: is made if it does not exist; the files are the caller's to remove.

        Raises:
            OSError: the folder or a file cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        names = ("ca.pem", "certificate.pem", "key.pem")
        files = CertificateFiles(*(folder / name for name in names))
        files.ca.write_bytes(self.chain)
        files.certificate.write_bytes(self.certificate_pem)
        # A new file: one that exists may be open to others.
        files.key.unlink(missing_ok=True)
        files.key.touch(mode=_OWNER_ONLY, exist_ok=False)
        files.key.write_bytes(self.key_pem)
        return files


@attrs.frozen
class Authority:
    """
    Signs certificates; whoever trusts it trusts them.

    Attributes:
        certificate: its own, signed by itself.
    """

    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey = attrs.field(repr=False)

    @classmethod
    def make(cls, common_name: str = "mysqlproxy trial authority") -> Self:
        """
        Make a new authority with a key of its own.

        Args:
            common_name: at most 64 characters, other than those of its certificates, which
                some clients demand.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named(common_name)
        builder = (
            _begun(name, name, key.public_key(), key.public_key(), *_period(None, None))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @property
    def certificate_pem(self) -> bytes:
        """What has to be trusted, as PEM."""
        return _pem(self.certificate)

    def issue(
        self,
        names: Sequence[str] = THIS_MACHINE,
        *,
        purpose: Purpose = Purpose.SERVER,
        key_kind: KeyKind = KeyKind.EC,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        common_name: str | None = None,
    ) -> Issued:
        """
        Make a key and sign a certificate for it.

        Args:
            names: DNS names and IP addresses that the certificate is for; none are needed
                for a client's.
            purpose: whether it is a server's or a client's.
            key_kind: the kind of its key.
            not_before: with a time zone; a time to come makes a certificate that is not
                valid yet. By default a day before now, or before the end.
            not_after: with a time zone; a time that is over makes an expired certificate. By
                default some weeks after now, or after the start.
            common_name: at most 64 characters; by default the first of the names.

        Raises:
            ValueError: a name is no ASCII, the common name is too long, or the end is before
                the start.
        """
        key = _new_key(key_kind)
        builder = _begun(
            _named(_common_name(names, common_name)),
            self.certificate.subject,
            key.public_key(),
            self._key.public_key(),
            *_period(not_before, not_after),
        )
        signed = _ended(builder, names, purpose).sign(self._key, hashes.SHA256())
        return Issued(_pem(signed), _key_pem(key), self.certificate_pem)


def self_signed(
    names: Sequence[str] = THIS_MACHINE,
    *,
    key_kind: KeyKind = KeyKind.EC,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    common_name: str | None = None,
) -> Issued:
    """
    Make a server's certificate that is its own authority: whoever trusts it trusts one key.

    Args:
        names: as for `Authority.issue`.
        key_kind: the same.
        not_before: the same.
        not_after: the same.
        common_name: the same.

    Raises:
        ValueError: as for `Authority.issue`.
    """
    key = _new_key(key_kind)
    name = _named(_common_name(names, common_name))
    public = key.public_key()
    builder = _begun(name, name, public, public, *_period(not_before, not_after))
    signed = _pem(_ended(builder, names, Purpose.SERVER).sign(key, hashes.SHA256()))
    return Issued(signed, _key_pem(key), signed)


_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _new_key(kind: KeyKind) -> _PrivateKey:
    if kind is KeyKind.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _period(
    not_before: datetime | None, not_after: datetime | None
) -> tuple[datetime, datetime]:
    """Start and end; what is left out is put around now, on the right side of the other."""
    now = datetime.now(UTC)
    start = not_before or min(now, not_after or now) - _STARTS_EARLIER
    return start, not_after or max(now, start) + _LASTS


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    public: _PublicKey,
    signer: _PublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    """What all certificates have; strict clients demand both key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False
        )
    )


def _ended(
    builder: x509.CertificateBuilder, names: Sequence[str], purpose: Purpose
) -> x509.CertificateBuilder:
    """What those have that sign no others."""
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    ).add_extension(x509.ExtendedKeyUsage([purpose.value]), critical=False)
    if names:
        also = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(also, critical=False)
    return builder


def _general_name(name: str) -> x509.GeneralName:
    """Clients look for an address among the addresses only."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _common_name(names: Sequence[str], wanted: str | None) -> str:
    return wanted or next(iter(names), "mysqlproxy")


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
