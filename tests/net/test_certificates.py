"""Tests of `proxy.net.certificates`."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from structlog.testing import capture_logs

from proxy.config.tls import Handshake, TlsVersion
from proxy.embedded.certificates import Authority, KeyKind, self_signed
from proxy.net import certificates, tls_native
from proxy.net.certificates import KEY_PASSWORD_LIMIT, TlsUnusableError
from proxy.net.tls import Stream
from proxy.observe.log import get_logger
from tests.support.tls import Peer, client_context, shake_hands

PASSWORD = "correct horse"
NOW = datetime(2030, 5, 6, 12, 0, tzinfo=UTC)
EC_PARAMETERS = b"""-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
"""


@pytest.fixture(scope="module")
def issued():
    """A server's certificate."""
    return Authority.make().issue()


@pytest.fixture
def files(issued, tmp_path):
    """The same in files that a test may change."""
    return issued.write(tmp_path)


@pytest.fixture
def context():
    """A context without certificates."""
    return certificates.make_context(Handshake(), serving=True)


def use(context, files, password_file=None):
    """Show what is in these files."""
    password_file = None if password_file is None else str(password_file)
    certificates.use_certificate(context, str(files.certificate), str(files.key), password_file)


def encrypt_key(path, *, traditional=False):
    """Encrypt the key in a file."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    formats = serialization.PrivateFormat
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            formats.TraditionalOpenSSL if traditional else formats.PKCS8,
            serialization.BestAvailableEncryption(PASSWORD.encode()),
        )
    )


def shakes_hands(context):
    """See that a client is shown what the context has."""
    stream, peer = Stream(context, serving=True), Peer(client_context())
    shake_hands(stream, peer)
    assert stream.established


def test_a_certificate_and_its_key_are_used(context, files):
    """A key without a password needs no file with one."""
    use(context, files)
    shakes_hands(context)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_any_kind_of_key_is_used(context, tmp_path, kind):
    """RSA as well as EC."""
    use(context, self_signed(key_kind=kind).write(tmp_path))
    shakes_hands(context)


def test_one_file_may_have_everything(context, files):
    """Certificate, parameters of the curve, and key, in any order."""
    both = EC_PARAMETERS + files.key.read_bytes() + files.certificate.read_bytes()
    files.certificate.write_bytes(both)
    files.key.write_bytes(both)
    use(context, files)
    shakes_hands(context)


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nanother line\n"])
def test_an_encrypted_key_is_opened(context, files, tmp_path, traditional, ending):
    """Its password is the first line of a file, in either of OpenSSL's formats."""
    encrypt_key(files.key, traditional=traditional)
    (tmp_path / "password").write_bytes((PASSWORD + ending).encode())
    use(context, files, tmp_path / "password")
    shakes_hands(context)


@pytest.mark.parametrize(
    "password", ["wrong horse", "", " " + PASSWORD, "w" * KEY_PASSWORD_LIMIT]
)
def test_a_wrong_password_is_no_secret_told(context, files, tmp_path, password):
    """The error names the key's file, and shows neither password nor key."""
    encrypt_key(files.key)
    (tmp_path / "password").write_text(password + "\n")
    with pytest.raises(TlsUnusableError) as caught:
        use(context, files, tmp_path / "password")
    said = str(caught.value)
    assert said.startswith(f"{files.key}: no private key: ")
    assert "assword" in said
    assert "horse" not in said
    assert caught.value.__cause__ is None


def test_an_encrypted_key_needs_a_password(context, files):
    """Nobody is asked for it on the terminal."""
    encrypt_key(files.key)
    with pytest.raises(TlsUnusableError, match=r"key\.pem: no private key: Password was not"):
        use(context, files)


def test_a_password_without_need_is_told(context, files, tmp_path):
    """The key lies open, and whoever set the password believes that it does not."""
    (tmp_path / "password").write_text(PASSWORD)
    with pytest.raises(TlsUnusableError, match=r"key\.pem: no private key: .* not encrypted"):
        use(context, files, tmp_path / "password")


def test_a_password_that_openssl_cannot_take_is_refused(context, files, tmp_path):
    """Its beginning alone would be another one."""
    (tmp_path / "password").write_text("w" * (KEY_PASSWORD_LIMIT + 1))
    with pytest.raises(TlsUnusableError, match="password: its first line is longer than 1,024"):
        use(context, files, tmp_path / "password")


@pytest.mark.parametrize("which", ["certificate", "key"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no (certificate|private key): "),
        (b"junk\n", "no (certificate|private key): "),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no (cer|pri)"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no (cer|pri)"),
        (None, "cannot be read: No such file or directory"),
    ],
    ids=["empty", "junk", "broken certificate", "broken key", "missing"],
)
def test_a_file_with_something_else_is_named(context, files, which, content, said):
    """The error begins with the file's name, and says what is wrong with it."""
    path = getattr(files, which)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(TlsUnusableError, match=f"^{path}: {said}"):
        use(context, files)


def test_a_folder_is_no_file(context, files, tmp_path):
    """The reason is told, of a password's file too."""
    with pytest.raises(TlsUnusableError, match=f"^{tmp_path}: is not a file"):
        use(context, files, tmp_path)


@pytest.mark.parametrize("other", ["same kind", "other kind", "exchange only"])
def test_the_key_of_another_certificate_is_refused(context, files, other):
    """The error names both files."""
    kind = KeyKind.RSA if other == "other kind" else KeyKind.EC
    files.key.write_bytes(self_signed(key_kind=kind).key_pem)
    if other == "exchange only":  # no certificate has such a key
        key = x25519.X25519PrivateKey.generate()
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    said = f"^{files.key}: not the key of the certificate {files.certificate}$"
    with pytest.raises(TlsUnusableError, match=said):
        use(context, files)


@pytest.mark.parametrize(
    "settings",
    [
        {"ciphers": "nonsense"},
        {"ciphersuites": "nonsense"},
        {"ciphers": "TLS_AES_128_GCM_SHA256"},
        {"ciphersuites": ":"},
    ],
)
def test_unknown_ciphers_are_refused(settings):
    """Also suites of the other version of TLS."""
    with pytest.raises(
        TlsUnusableError, match="OpenSSL takes no such ciphers: no cipher match"
    ):
        certificates.make_context(Handshake(**settings), serving=True)


def test_ciphers_of_both_versions_are_chosen():
    """Those of TLS 1.2 and of 1.3 have settings of their own."""
    context = certificates.make_context(
        Handshake(ciphers="ECDHE-RSA-AES128-GCM-SHA256", ciphersuites="TLS_AES_256_GCM_SHA384"),
        serving=True,
    )
    assert [one["name"] for one in context.get_ciphers()] == [
        "TLS_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ]


@pytest.mark.parametrize("serving", [True, False])
def test_ciphers_are_openssls_choice(serving):
    """Python's own would leave out some that older clients need."""
    context = certificates.make_context(Handshake(), serving=serving)
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    plain.set_ciphers("DEFAULT")
    assert context.get_ciphers() == plain.get_ciphers()


def test_suites_that_openssl_cannot_be_told_of_are_refused(monkeypatch):
    """Who wants no others does not get them in silence."""
    monkeypatch.setattr(tls_native, "_library", lambda: None)
    certificates.make_context(Handshake(), serving=True)
    with pytest.raises(TlsUnusableError, match="cannot be told of them"):
        certificates.make_context(
            Handshake(ciphersuites="TLS_AES_256_GCM_SHA384"), serving=True
        )


@pytest.mark.parametrize("version", list(TlsVersion))
def test_no_session_stays_with_a_context(version):
    """OpenSSL would keep thousands of them, and nobody would ask for them."""
    _, native = certificates.make_contexts(Handshake(min_version=version), serving=True)
    ask = 45  # SSL_CTRL_GET_SESS_CACHE_MODE (ssl.h)
    assert native._library.SSL_CTX_ctrl(native._address, ask, 0, None) == 0


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_file_without_authorities_is_named(context, tmp_path, content):
    """Nobody would be trusted, and every connection fail."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TlsUnusableError, match=f"^{path}: (no certificates|cannot be read): "):
        certificates.trust(context, str(path))


def test_the_first_certificate_of_a_file_counts(files):
    """Behind it stand those of its issuers."""
    with files.certificate.open("ab") as file:
        file.write(files.ca.read_bytes())
    found = certificates.load_certificate(str(files.certificate))
    assert found.subject.rfc4514_string() == "CN=localhost"


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_file_without_a_certificate_is_named(tmp_path, content):
    """Also when it is read for its names only."""
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TlsUnusableError, match=f"^{path}: (no certificate|cannot be read): "):
        certificates.load_certificate(str(path))


def test_names_are_those_of_dns():
    """In lower case; an address is no name that a client asks for."""
    names = ["DB.example.com", "*.Shop.example.com", "10.0.0.1"]
    certificate = x509.load_pem_x509_certificate(self_signed(names).certificate_pem)
    assert certificates.names_of(certificate) == ("db.example.com", "*.shop.example.com")


def test_a_certificate_may_have_no_names():
    """What stands in its subject is none (RFC 6125)."""
    issued = Authority.make().issue((), common_name="db.example.com")
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    assert certificates.names_of(certificate) == ()


@pytest.mark.parametrize(
    ("days", "trouble"),
    [
        (-40, "is not valid before 2030-05-01 12:00 UTC"),
        (0, ""),
        (30, "expired on 2030-05-31 12:00 UTC"),
    ],
)
def test_the_trouble_is_told_with_its_day(days, trouble):
    """What is not valid yet, or not any more."""
    issued = self_signed(not_before=NOW - timedelta(days=5), not_after=NOW + timedelta(days=25))
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    assert certificates.trouble_of(certificate, NOW + timedelta(days=days)) == trouble


def test_the_trouble_of_a_file_is_that_of_this_moment(files, tmp_path):
    """A good one has none."""
    old = datetime.now(UTC) - timedelta(days=1)
    expired = self_signed(not_after=old).write(tmp_path / "expired")
    assert certificates.trouble_now(str(files.certificate)) == ""
    assert certificates.trouble_now(str(expired.certificate)).startswith("expired on ")


def test_secrets_that_others_may_read_are_told(files, tmp_path):
    """The key and the file with its password, each once."""
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    for mode, told in ((0o644, [files.key, password]), (0o640, [])):
        files.key.chmod(mode)
        password.chmod(mode)
        with capture_logs() as lines:
            certificates.warn_of_secrets(get_logger(), str(files.key), str(password))
        assert [line["file"] for line in lines] == [str(path) for path in told]
    files.key.chmod(0o644)
    with capture_logs() as lines:
        certificates.warn_of_secrets(get_logger(), str(files.key), None)
    assert len(lines) == 1
