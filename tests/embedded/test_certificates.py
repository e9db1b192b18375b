import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.embedded import Flavor, start_local_server
from proxy.embedded.certificates import Authority, KeyKind, Purpose, self_signed
from proxy.embedded.local import start_local

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def authority():
    """An authority that all tests of this file share."""
    return Authority.make()


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def secured(request, authority, tmp_path_factory):
    """A server of each flavor with a certificate of the authority; gives its files too."""
    files = authority.issue().write(tmp_path_factory.mktemp("server"))
    with start_local_server(request.param, tls=files) as server:
        yield server, files


def strict_client(ca, **options):
    """Make a client's side that checks as much as OpenSSL can."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if options:
        context.load_cert_chain(**options)
    return context


def server_side(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


def shake_hands(server, client, name="localhost"):
    """Play a handshake in memory; an error of either side comes through."""
    upward, downward = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(downward, upward, server_hostname=name),
        server.wrap_bio(upward, downward, server_side=True),
    ]
    # Each side speaks twice at most.
    for side in sides * 2:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return sides[0].version()


def extension_of(issued, kind):
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    return certificate.extensions.get_extension_for_class(kind).value


@pytest.mark.parametrize("key_kind", list(KeyKind))
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_strict_client_accepts_what_an_authority_it_trusts_issued(
    authority, tmp_path, name, key_kind
):
    """The certificate stands the strictest check, under its DNS name and its address."""
    files = authority.issue(key_kind=key_kind).write(tmp_path)
    assert shake_hands(server_side(files), strict_client(files.ca), name) == "TLSv1.3"


@pytest.mark.parametrize("key_kind", list(KeyKind))
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_strict_client_accepts_a_self_signed_certificate_that_it_trusts(
    tmp_path, name, key_kind
):
    """A certificate that is its own authority needs no other file to be checked."""
    files = self_signed(key_kind=key_kind).write(tmp_path)
    assert files.ca.read_bytes() == files.certificate.read_bytes()
    assert shake_hands(server_side(files), strict_client(files.ca), name) == "TLSv1.3"


def test_authority_of_the_same_name_is_another_authority(authority, tmp_path):
    """Who trusts one authority does not trust what another one issued."""
    files = Authority.make().issue().write(tmp_path / "server")
    other = authority.issue().write(tmp_path / "other").ca
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        shake_hands(server_side(files), strict_client(other))


def test_certificate_is_for_its_names_only(authority, tmp_path):
    """A client that wants another host refuses the certificate."""
    files = authority.issue(["db.example.org"]).write(tmp_path)
    shake_hands(server_side(files), strict_client(files.ca), "db.example.org")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(server_side(files), strict_client(files.ca), "localhost")


@pytest.mark.parametrize(
    ("option", "hours", "said"),
    [("not_after", -1, "has expired"), ("not_before", 1, "is not yet valid")],
)
def test_one_end_of_the_period_is_enough(authority, tmp_path, option, hours, said):
    """An end in the past or a start in the future makes a certificate that is refused."""
    period = {option: datetime.now(UTC) + hours * HOUR}
    for issued in (authority.issue(**period), self_signed(**period)):
        files = issued.write(tmp_path)
        with pytest.raises(ssl.SSLCertVerificationError, match=said):
            shake_hands(server_side(files), strict_client(files.ca))


def test_end_before_the_start_is_refused(authority):
    """A period that cannot be is an error of the caller."""
    now = datetime.now(UTC)
    with pytest.raises(ValueError, match="before"):
        authority.issue(not_before=now, not_after=now - HOUR)


def test_names_are_told_as_what_they_are(authority):
    """Addresses of either family and DNS names stand each in their own kind of entry."""
    issued = authority.issue(["db.example.org", "127.0.0.1", "::1"])
    names = extension_of(issued, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["db.example.org"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


@pytest.mark.parametrize(
    ("names", "wanted", "got"),
    [
        (["a.example", "b.example"], None, "a.example"),
        ([], None, "mysqlproxy"),
        (["a.example"], "reporting", "reporting"),
    ],
)
def test_common_name_is_the_first_name_unless_it_is_given(authority, names, wanted, got):
    """MySQL's REQUIRE SUBJECT reads the common name, so that a caller may choose it."""
    issued = authority.issue(names, common_name=wanted)
    [name] = x509.load_pem_x509_certificate(issued.certificate_pem).subject
    assert (name.oid, name.value) == (NameOID.COMMON_NAME, got)


def test_purpose_says_which_side_a_certificate_is_for(authority):
    """A server refuses a server's certificate from a client, and the other way round."""
    usage = extension_of(authority.issue(), x509.ExtendedKeyUsage)
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    client = authority.issue((), purpose=Purpose.CLIENT)
    assert list(extension_of(client, x509.ExtendedKeyUsage)) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    with pytest.raises(x509.ExtensionNotFound):
        extension_of(client, x509.SubjectAlternativeName)


@pytest.mark.parametrize("key_kind", list(KeyKind))
def test_key_is_of_the_kind_that_was_asked_for(authority, key_kind):
    """A curve's key of 256 bits, or an RSA key of 2048."""
    for issued in (authority.issue(key_kind=key_kind), self_signed(key_kind=key_kind)):
        key = load_pem_private_key(issued.key_pem, None)
        assert isinstance(key, rsa.RSAPrivateKey) == (key_kind is KeyKind.RSA)
        assert key.key_size == (2048 if key_kind is KeyKind.RSA else 256)


def test_key_is_readable_by_its_owner_only(authority, tmp_path):
    """Also where a file was that others could read; the folder is made if need be."""
    folder = tmp_path / "made" / "now"
    first = authority.issue().write(folder)
    first.key.chmod(0o644)
    issued = authority.issue()
    files = issued.write(folder)
    assert files == first
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert files.key.read_bytes() == issued.key_pem
    assert files.certificate.read_bytes() == issued.certificate_pem
    assert files.ca.read_bytes() == authority.certificate_pem
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    key = load_pem_private_key(issued.key_pem, None)
    assert key.public_key() == certificate.public_key()


def test_representations_show_no_key(authority):
    """What is logged by accident opens nothing."""
    issued = authority.issue()
    assert "PRIVATE" not in repr(issued)
    assert "PrivateKey" not in repr(authority)
    assert "mysqlproxy trial authority" in repr(authority)


@pytest.mark.live
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_server_shows_its_certificate_to_a_client_that_checks_it(secured, name):
    """PyMySQL checks authority and host, and the server says that it speaks TLS."""
    server, files = secured
    with server.connect(
        host=name, ssl={"ca": str(files.ca), "check_hostname": True}
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_version'")
        [[_, version]] = cursor.fetchall()
        shown = connection._sock.getpeercert(binary_form=True)
    assert version.startswith("TLSv1.")
    assert ssl.DER_cert_to_PEM_cert(shown).encode() == files.certificate.read_bytes()


@pytest.mark.live
def test_server_trusts_clients_of_the_same_authority(secured, authority, tmp_path):
    """An account that requires a certificate lets in who has one, and nobody else."""
    server, files = secured
    server.execute(
        "CREATE USER IF NOT EXISTS shown@'%' IDENTIFIED BY 'secret-1' "
        "REQUIRE SUBJECT '/CN=reporting'"
    )
    account = {"user": "shown", "password": "secret-1"}
    own = authority.issue((), purpose=Purpose.CLIENT, common_name="reporting")
    mine = own.write(tmp_path)
    context = strict_client(files.ca, certfile=mine.certificate, keyfile=mine.key)
    server.connect(**account, ssl=context).close()
    with pytest.raises(pymysql.err.OperationalError) as refused:
        server.connect(**account, ssl=strict_client(files.ca))
    assert refused.value.args[0] == 1045


@pytest.mark.live
@pytest.mark.parametrize(
    ("option", "hours", "said"),
    [("not_after", -1, "has expired"), ("not_before", 1, "is not yet valid")],
)
def test_server_with_a_certificate_out_of_its_time_is_refused(
    secured, authority, tmp_path, option, hours, said
):
    """The server starts with it and serves who does not look; who looks refuses it."""
    issued = authority.issue(**{option: datetime.now(UTC) + hours * HOUR})
    files = issued.write(tmp_path)
    with start_local(secured[0].distribution, print, tls=files) as server:
        assert server.execute("SELECT 1") == ((1,),)
        with pytest.raises(pymysql.err.OperationalError, match=said):
            server.connect(ssl=strict_client(files.ca))
    assert all(path.exists() for path in (files.ca, files.certificate, files.key))
