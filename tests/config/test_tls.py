import pytest

from proxy.config.rules import UnfitError
from proxy.config.tls import (
    BackendTls,
    Certificate,
    ClientCertificates,
    ClientTls,
    TlsMode,
    TlsVersion,
)


def test_towards_clients_there_is_no_tls_without_a_certificate():
    """It is offered once there is something to show, and clients need show nothing."""
    tls = ClientTls()
    assert tls.certificates == ()
    assert tls.client_certificates is ClientCertificates.NONE
    assert tls.client_ca is None


def test_towards_targets_tls_is_used_where_it_is_offered():
    """The default is that of MySQL's own clients."""
    tls = BackendTls()
    assert tls.mode is TlsMode.PREFERRED
    assert (tls.ca, tls.certificate, tls.private_key) == (None, None, None)


@pytest.mark.parametrize("section", [ClientTls, BackendTls])
def test_what_is_broken_is_not_spoken(section):
    """TLS 1.2 is the oldest on both sides, and the ciphers are OpenSSL's choice."""
    tls = section()
    assert tls.min_version is TlsVersion.V1_2
    assert (tls.ciphers, tls.ciphersuites) == (None, None)
    with pytest.raises(UnfitError, match=r"must be TLSv1\.2 or TLSv1\.3, not 'TLSv1\.1'"):
        section(min_version="TLSv1.1")


def test_modes_are_those_of_the_clients_of_mysql():
    """`--ssl-mode` has the same words, and they go from nothing to everything."""
    assert [one.name for one in TlsMode] == [
        "DISABLED",
        "PREFERRED",
        "REQUIRED",
        "VERIFY_CA",
        "VERIFY_IDENTITY",
    ]
    assert all(one.value == one.name.lower() for one in TlsMode)


def test_a_certificate_needs_its_key():
    """Neither file can be left out; the password of the key can."""
    one = Certificate(certificate="a.pem", private_key="b.pem")
    assert one.private_key_password_file is None
    with pytest.raises(TypeError, match="private_key"):
        Certificate(certificate="a.pem")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (ClientTls, "client_certificates", "SOMETIMES"),
        (ClientTls, "client_ca", ""),
        (ClientTls, "ciphers", ""),
        (BackendTls, "ciphersuites", ""),
        (BackendTls, "mode", "verify"),
        (BackendTls, "ca", ""),
        (BackendTls, "certificate", ""),
        (BackendTls, "private_key", ""),
        (BackendTls, "private_key_password_file", ""),
    ],
)
def test_each_setting_has_a_rule(section, name, value):
    """What cannot be meant is refused by name."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        section(**{name: value})
