"""Tests of `proxy.net.tls_tickets`."""

import pytest

from proxy.config.tls import ClientCertificates, TlsVersion
from proxy.embedded.certificates import Authority
from proxy.net import tls_tickets
from proxy.net.certificates import TlsUnusableError
from proxy.net.tls_native import TICKET_KEY_BYTES
from tests.support.tls import offering

SECRET = b"s" * tls_tickets.SECRET_BYTES


@pytest.fixture
def files(tmp_path):
    """A server's certificate and its authority."""
    return Authority.make().issue().write(tmp_path)


def test_a_key_has_the_size_that_openssl_wants(files):
    """And is the same for everybody who has the same."""
    key = tls_tickets.key_for(SECRET, offering(files))
    assert len(key) == TICKET_KEY_BYTES
    assert tls_tickets.key_for(SECRET, offering(files)) == key
    assert SECRET not in key


def test_all_that_a_session_rests_on_makes_another_key(files):
    """The secret, the settings, and what is in the files."""
    asks = {"client_certificates": ClientCertificates.REQUIRED, "client_ca": str(files.ca)}
    keys = {
        tls_tickets.key_for(SECRET, offering(files)),
        tls_tickets.key_for(SECRET[::-1] + b"x", offering(files)),
        tls_tickets.key_for(SECRET, offering(files, files)),
        tls_tickets.key_for(SECRET, offering(files, **asks)),
        tls_tickets.key_for(SECRET, offering(files, min_version=TlsVersion.V1_3)),
        tls_tickets.key_for(SECRET, offering(files, ciphers="DEFAULT")),
        tls_tickets.key_for(SECRET, offering(files, ciphersuites="TLS_AES_256_GCM_SHA384")),
    }
    files.ca.write_bytes(Authority.make().certificate_pem)
    keys.add(tls_tickets.key_for(SECRET, offering(files, **asks)))
    Authority.make().issue().write(files.key.parent)
    keys.add(tls_tickets.key_for(SECRET, offering(files)))
    assert len(keys) == 9


def test_a_short_secret_is_a_mistake(files):
    """It could be guessed."""
    with pytest.raises(ValueError, match="a ticket key needs 32 bytes"):
        tls_tickets.key_for(SECRET[:-1], offering(files))


def test_a_file_that_is_gone_is_named(files):
    """As everywhere."""
    files.certificate.unlink()
    with pytest.raises(TlsUnusableError, match="cannot be read"):
        tls_tickets.key_for(SECRET, offering(files))
