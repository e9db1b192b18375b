import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import load_pem_x509_certificate

from bench.encryption import Certificates, client_context
from proxy.embedded.certificates import KeyKind


@pytest.mark.parametrize(
    ("kind", "key_class"),
    [(KeyKind.RSA, rsa.RSAPublicKey), (KeyKind.EC, ec.EllipticCurvePublicKey)],
)
def test_the_server_has_the_kind_of_key_that_is_wanted(tmp_path, kind, key_class):
    """The price of a handshake depends on it."""
    made = Certificates.make(tmp_path, kind)
    certificate = load_pem_x509_certificate(made.server.certificate.read_bytes())
    assert isinstance(certificate.public_key(), key_class)


def test_sysbench_finds_its_files(tmp_path):
    """It looks for these names where it runs, and all belong together."""
    folder = Certificates.make(tmp_path, KeyKind.EC).client_folder
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "cacert.pem")
    context.load_cert_chain(folder / "client-cert.pem", folder / "client-key.pem")
    assert (folder / "client-key.pem").stat().st_mode & 0o077 == 0


def test_clients_check_no_certificate():
    """As MySQL's own do by default."""
    assert client_context().verify_mode is ssl.CERT_NONE
