"""Tests of `proxy.net.client_tls`, against Python's own `ssl`."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from OpenSSL import SSL
from structlog.testing import capture_logs

from proxy.config.tls import ClientCertificates, TlsVersion
from proxy.embedded.certificates import Authority, Purpose
from proxy.net.certificates import TlsUnusableError
from proxy.net.client_tls import ClientTlsStreams
from proxy.net.tls import TlsFailedError
from tests.support.tls import (
    V1_2,
    VERSIONS,
    OpenSslPeer,
    Peer,
    client_context,
    meet,
    offering,
    shake_hands,
)

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)

CONTEXT = client_context()
"""A session belongs to its client's context."""

versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


def certificate_of(peer):
    """Say which certificate a client was shown."""
    return ssl.DER_cert_to_PEM_cert(peer.ssl.getpeercert(binary_form=True)).encode()


@pytest.fixture
def three(authority, tmp_path):
    """A server with three certificates, and what they are."""
    names = (["first.example.com"], ["*.shop.example.com", "exact.shop.example.com"])
    names += (["*.shop.example.com", "Other.example.com"],)
    issued = [authority.issue(each, common_name="x") for each in names]
    files = [one.write(tmp_path / str(n)) for n, one in enumerate(issued)]
    return ClientTlsStreams(offering(*files)), [one.certificate_pem for one in issued]


@versions
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("first.example.com", 0),
        ("exact.shop.example.com", 1),
        ("any.shop.example.com", 1),
        ("ANY.Shop.Example.com", 1),
        ("other.example.com", 2),
        ("a.b.shop.example.com", 0),
        ("shop.example.com", 0),
        ("unknown.example.org", 0),
        ("localhost", 0),
        (None, 0),
    ],
)
def test_a_client_gets_the_certificate_for_the_name_it_asks_for(three, version, name, number):
    """A wildcard stands for one level; whoever asks for nothing we know gets the first."""
    server, issued = three
    _, peer = meet(server, client_context(version=version), name=name)
    assert certificate_of(peer) == issued[number]


def test_a_choice_may_be_made_again(three):
    """While a client may still ask, the contexts stay that it chose from."""
    server, _ = three
    stream = server.stream()
    contexts, server._contexts = server._contexts, []
    shake_hands(stream, Peer(client_context(), name="any.shop.example.com"))
    assert stream._keeps is contexts
    assert stream.context is contexts[1]


@versions
def test_renewed_files_are_for_the_next_clients(authority, files, version):
    """Those who are there keep theirs and are not disturbed."""
    server = ClientTlsStreams(offering(files))
    context = client_context(version=version)
    stream, old = meet(server, context)
    renewed = authority.issue(["db.example.com"])
    renewed.write(files.key.parent)
    with capture_logs() as logs:
        server.look()
        server.look()
    assert [line["event"] for line in logs] == ["renewed certificates are in use"]
    _, new = meet(server, context)
    assert certificate_of(new) == renewed.certificate_pem != certificate_of(old)
    assert stream.receive(old.encrypt(b"still here")) == b"still here"
    assert old.receive(stream.encrypt(b"indeed")) == b"indeed"


def test_files_that_stay_are_not_read_again(files):
    """A look costs no more than asking the system for their times."""
    server = ClientTlsStreams(offering(files))
    contexts = server._contexts
    with capture_logs() as logs:
        server.look()
    assert server._contexts is contexts
    assert logs == []


@pytest.mark.parametrize("content", [b"junk", None], ids=["junk", "gone"])
@pytest.mark.parametrize("which", ["certificate", "key", "ca"])
def test_a_broken_renewal_leaves_the_old_ones(files, which, content):
    """The log names the file once, and good files are taken up later."""
    good = getattr(files, which).read_bytes()
    asks = {"client_certificates": ClientCertificates.OPTIONAL, "client_ca": str(files.ca)}
    server = ClientTlsStreams(offering(files, **asks))
    if content is None:
        getattr(files, which).unlink()
    else:
        getattr(files, which).write_bytes(content)
    with capture_logs() as logs:
        server.look()
        server.look()
    (line,) = logs
    assert line["event"] == "renewed certificates cannot be used, the old ones stay"
    assert line["log_level"] == "error"
    assert str(getattr(files, which)) in line["why"]
    assert meet(server)[1].done
    getattr(files, which).write_bytes(good)
    getattr(files, which).chmod(0o600)
    with capture_logs() as logs:
        server.look()
    assert [line["event"] for line in logs] == ["renewed certificates are in use"]


def test_a_renewal_in_two_steps_is_waited_for(authority, files):
    """Between the new certificate and its key, the old ones stay."""
    server = ClientTlsStreams(offering(files))
    renewed = authority.issue(["db.example.com"])
    files.certificate.write_bytes(renewed.certificate_pem)
    with capture_logs() as logs:
        server.look()
    assert "not the key of the certificate" in logs[0]["why"]
    files.key.write_bytes(renewed.key_pem)
    server.look()
    assert certificate_of(meet(server)[1]) == renewed.certificate_pem


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"not_after": YESTERDAY}, "a certificate expired on "),
        ({"not_before": TOMORROW}, "a certificate is not valid before "),
    ],
)
def test_a_certificate_out_of_its_time_is_shown_with_a_warning(
    authority, tmp_path, times, said
):
    """Some clients do not look at the time, and those who do will tell."""
    files = authority.issue(**times).write(tmp_path)
    with capture_logs() as logs:
        server = ClientTlsStreams(offering(files))
    (line,) = logs
    assert line["event"].startswith(said)
    assert line["log_level"] == "warning"
    assert line["file"] == str(files.certificate)
    assert meet(server)[1].done


def test_unusable_files_are_an_error_at_the_start(files):
    """Nobody is served without what was configured."""
    files.key.write_bytes(b"junk")
    with pytest.raises(TlsUnusableError, match="no private key"):
        ClientTlsStreams(offering(files))


def test_the_oldest_version_is_a_setting(files):
    """A client that knows only older ones is refused."""
    server = ClientTlsStreams(offering(files, min_version=TlsVersion.V1_3))
    stream, peer = server.stream(), Peer(client_context(version=V1_2))
    peer.receive()
    with pytest.raises(TlsFailedError, match="unsupported protocol"):
        stream.receive(peer.bytes_to_send())


def test_ciphers_are_a_setting(files):
    """The client has to know one of them."""
    server = ClientTlsStreams(offering(files, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))
    context = client_context(version=V1_2)
    assert meet(server, context)[1].ssl.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    stream, peer = server.stream(), Peer(context)
    peer.receive()
    with pytest.raises(TlsFailedError, match="no shared cipher"):
        stream.receive(peer.bytes_to_send())


@versions
def test_a_client_may_resume_its_session(files, version):
    """By a ticket: nothing is kept here.  Renewed files end all sessions."""
    server = ClientTlsStreams(offering(files))
    context = client_context(version=version)
    session = meet(server, context)[1].ssl.session
    assert meet(server, context, session=session)[1].ssl.session_reused
    files.key.touch()
    server.look()
    assert not meet(server, context, session=session)[1].ssl.session_reused


# Certificates of clients


@pytest.fixture
def shows(authority, tmp_path):
    """A function that makes a client that shows a certificate, or none."""
    wrong = Authority.make()

    def make(what, version):
        issued = {
            "good": lambda: authority.issue((), purpose=Purpose.CLIENT),
            "wrong authority": lambda: wrong.issue((), purpose=Purpose.CLIENT),
            "expired": lambda: authority.issue((), purpose=Purpose.CLIENT, not_after=YESTERDAY),
            "not yet": lambda: authority.issue((), purpose=Purpose.CLIENT, not_before=TOMORROW),
            "of a server": lambda: authority.issue(()),
        }
        files = issued[what]().write(tmp_path / "client") if what != "none" else None
        return client_context(version=version, files=files)

    return make


def asking(files, which):
    """Make a server that asks its clients for certificates."""
    settings = {"client_certificates": which, "client_ca": str(files.ca)}
    return ClientTlsStreams(offering(files, **settings))


def is_let_in(server, context):
    """Try to say something; the server's reason where that fails."""
    stream, peer = server.stream(), Peer(context)
    peer.receive()
    try:
        while not peer.done:
            stream.receive(peer.bytes_to_send())
            peer.receive(stream.bytes_to_send())
        return stream.receive(peer.encrypt(b"hello")) == b"hello"
    except TlsFailedError as error:
        assert not stream.established
        return str(error)


@versions
@pytest.mark.parametrize("which", [ClientCertificates.OPTIONAL, ClientCertificates.REQUIRED])
@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("wrong authority", "the certificate is signed by an authority that is not trusted"),
        ("expired", "the certificate has expired"),
        ("not yet", "the certificate is not valid yet"),
        ("of a server", "the certificate is made for another purpose"),
    ],
)
def test_a_bad_certificate_of_a_client_is_refused(files, shows, version, which, what, why):
    """Where they are asked for, in the handshake, with the reason."""
    server = asking(files, which)
    assert is_let_in(server, shows(what, version)) == why


@versions
@pytest.mark.parametrize("which", list(ClientCertificates))
def test_a_good_certificate_of_a_client_is_taken(files, shows, version, which):
    """Also where none is asked for, and when the session is resumed."""
    server = asking(files, which)
    context = shows("good", version)
    stream, peer = meet(server, context)
    assert stream.receive(peer.encrypt(b"hello")) == b"hello"
    again = meet(server, context, session=peer.ssl.session)[1]
    assert again.ssl.session_reused


@versions
@pytest.mark.parametrize(
    ("which", "outcome"),
    [
        (ClientCertificates.NONE, True),
        (ClientCertificates.OPTIONAL, True),
        (ClientCertificates.REQUIRED, "peer did not return a certificate"),
    ],
)
def test_a_client_without_a_certificate(files, shows, version, which, outcome):
    """Only where one is required it is refused."""
    assert is_let_in(asking(files, which), shows("none", version)) == outcome


def test_nobody_is_asked_for_a_certificate_by_default(files, shows):
    """A bad one is no reason then."""
    context = shows("expired", None)
    assert is_let_in(asking(files, ClientCertificates.NONE), context) is True


@versions
def test_a_session_does_not_outlive_the_authority(files, shows, version):
    """A client whose authority is trusted no more cannot resume what it had."""
    server = asking(files, ClientCertificates.REQUIRED)
    context = shows("good", version)
    session = meet(server, context)[1].ssl.session
    files.ca.write_bytes(Authority.make().certificate_pem)
    server.look()
    stream, peer = server.stream(), Peer(context, session=session)
    peer.receive()
    with pytest.raises(TlsFailedError, match="authority that is not trusted"):
        shake_hands(stream, peer)


@versions
def test_a_client_hears_whose_certificates_are_taken(files, version):
    """It may have several to choose from."""
    server = asking(files, ClientCertificates.OPTIONAL)
    newest = SSL.TLS1_3_VERSION if version is not V1_2 else SSL.TLS1_2_VERSION
    peer = OpenSslPeer(newest=newest)
    shake_hands(server.stream(), peer)
    assert [name.CN for name in peer.connection.get_client_ca_list()] == [
        "mysqlproxy trial authority"
    ]


def test_twisted_gets_the_first_certificate(files):
    """From files as they are when it asks, and again when they have changed."""
    server = ClientTlsStreams(offering(files))
    first = server.connection().get_context()
    assert server.connection().get_context() is first
    files.key.touch()
    server.look()
    assert server.connection().get_context() is not first


def test_a_server_says_how_much_it_has(three):
    """Its certificates are counted."""
    assert repr(three[0]) == "<ClientTlsStreams with 3 certificates>"
