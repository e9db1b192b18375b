"""Tests of `proxy.net.tls_twisted`."""

import contextlib

import pytest
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from proxy.config.tls import ClientCertificates, ClientTls
from proxy.embedded.certificates import Authority
from proxy.net import tls_twisted
from proxy.net.certificates import TlsUnusableError
from tests.support.tls import V1_2, V1_3, Peer, client_context, offering, shown


@pytest.fixture
def files(tmp_path):
    """A server's certificate and its authority."""
    return Authority.make().issue().write(tmp_path)


def meet(settings, context):
    """Let a client shake hands; the server's side and the client."""
    server, peer = SSL.Connection(tls_twisted.make_context(settings), None), Peer(context)
    server.set_accept_state()
    while not peer.done:
        peer.receive()
        server.bio_write(peer.bytes_to_send())
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        peer.receive(server.bio_read(1 << 16))
    return server, peer


def test_its_certificate_is_shown(files):
    """To a client that trusts its authority."""
    _, peer = meet(offering(files), client_context(ca=files.ca))
    assert peer.ssl.version() == "TLSv1.3"


def test_ciphers_are_settings(files):
    """Those of either version."""
    settings = offering(
        files,
        ciphers="ECDHE-ECDSA-AES256-GCM-SHA384",
        ciphersuites="TLS_CHACHA20_POLY1305_SHA256",
    )
    for version, cipher in (
        (V1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (V1_3, "TLS_CHACHA20_POLY1305_SHA256"),
    ):
        _, peer = meet(settings, client_context(version=version))
        assert peer.ssl.cipher()[0] == cipher


def test_clients_are_asked_for_certificates(files):
    """By the names of those who may have signed them."""
    settings = offering(
        files, client_certificates=ClientCertificates.REQUIRED, client_ca=str(files.ca)
    )
    context = tls_twisted.make_context(settings)
    assert SSL.Connection(context, None).get_context() is context
    with pytest.raises(SSL.Error, match="did not return a certificate"):
        meet(settings, client_context(version=V1_2))


def test_an_encrypted_key_is_opened(files, tmp_path):
    """By the first line of a file."""
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"correct horse"),
        )
    )
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    settings = ClientTls(certificates=(shown(files, private_key_password_file=str(password)),))
    assert meet(settings, client_context())[1].done


@pytest.mark.parametrize("which", ["certificate", "key", "ca"])
@pytest.mark.parametrize("content", [b"junk", None])
def test_files_that_cannot_be_used_are_told(files, which, content):
    """The error names what was to be shown."""
    path = getattr(files, which)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    settings = offering(
        files, client_certificates=ClientCertificates.OPTIONAL, client_ca=str(files.ca)
    )
    with pytest.raises(TlsUnusableError, match=f"^{files.certificate}: cannot be shown: "):
        tls_twisted.make_context(settings)
