"""Tests of `proxy.net.backend_tls`, against Python's own `ssl` as the target."""

import gc
import ssl
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from proxy.config.tls import BackendTls, TlsMode, TlsVersion
from proxy.embedded.certificates import Authority, KeyKind, Purpose, self_signed
from proxy.net.backend_tls import BackendTlsStreams
from proxy.net.certificates import TlsUnusableError
from proxy.net.tls import TlsFailedError
from tests.support.tls import V1_2, VERSIONS, Peer, server_context, shake_hands

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
NAME = "db.example.com"
CA, IDENTITY = TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY
UNCHECKED = (TlsMode.PREFERRED, TlsMode.REQUIRED)

versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def authority():
    """Is trusted by those who trust anybody."""
    return Authority.make()


@pytest.fixture
def files(authority, tmp_path):
    """The certificate of a target, in files that a test may change."""
    return authority.issue([NAME]).write(tmp_path / "target")


def client_of(mode, files=None, name=NAME, **more):
    """Make a client that trusts the authority in these files."""
    if files is not None:
        more.setdefault("ca", str(files.ca))
    return BackendTlsStreams(BackendTls(mode=mode, **more), name)


def meet(client, files, *, context=None, version=None):
    """Let the client shake hands with a target that shows these files; stream and target."""
    stream = client.stream()
    peer = Peer(context or server_context(files, version=version), server=True)
    shake_hands(stream, peer)
    return stream, peer


def refusal(client, files, version=None):
    """Say why the client does not take a target."""
    with pytest.raises(TlsFailedError) as caught:
        meet(client, files, version=version)
    return str(caught.value)


@versions
@pytest.mark.parametrize("mode", [CA, IDENTITY])
def test_a_good_certificate_is_taken(files, version, mode):
    """Whoever shows it may be shown a password."""
    stream, peer = meet(client_of(mode, files), files, version=version)
    assert stream.established
    assert stream.is_verified
    assert peer.receive(stream.encrypt(b"hello")) == b"hello"
    assert peer.asked_for == NAME


@versions
@pytest.mark.parametrize("mode", UNCHECKED)
def test_unchecked_modes_take_any_certificate(tmp_path, version, mode):
    """But nobody is verified by that: no password may be shown."""
    files = self_signed(["elsewhere"], not_after=YESTERDAY).write(tmp_path)
    stream, _ = meet(client_of(mode), files, version=version)
    assert stream.established
    assert not stream.is_verified


@versions
@pytest.mark.parametrize("mode", [CA, IDENTITY])
@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("by itself", "the certificate is signed by itself"),
        ("by another", "the certificate is signed by an authority that is not trusted"),
        ("expired", "the certificate has expired"),
        ("not yet", "the certificate is not valid yet"),
        ("of a client", "the certificate is made for another purpose"),
    ],
)
def test_a_bad_certificate_is_refused(authority, files, tmp_path, version, mode, what, why):
    """The error is a sentence for whoever runs the target."""
    issued = {
        "by itself": lambda: self_signed([NAME]),
        "by another": lambda: Authority.make("another").issue([NAME]),
        "expired": lambda: authority.issue([NAME], not_after=YESTERDAY),
        "not yet": lambda: authority.issue([NAME], not_before=TOMORROW),
        "of a client": lambda: authority.issue([NAME], purpose=Purpose.CLIENT),
    }
    shown = issued[what]().write(tmp_path)
    assert refusal(client_of(mode, files), shown, version) == why


def test_the_trouble_may_be_in_the_chain(tmp_path):
    """An authority is not trusted because a stranger shows it."""
    past = Authority.make()
    files = past.issue([NAME]).write(tmp_path)
    stranger = Authority.make("stranger").issue([NAME]).write(tmp_path / "stranger")
    stranger.certificate.write_bytes(
        stranger.certificate.read_bytes() + stranger.ca.read_bytes()
    )
    assert refusal(client_of(CA, files), stranger) == (
        "the certificate is signed by an authority that is not trusted"
    )


@versions
def test_a_certificate_that_is_signed_by_itself_may_be_trusted(tmp_path, version):
    """It is its own authority."""
    files = self_signed([NAME], key_kind=KeyKind.RSA).write(tmp_path)
    assert meet(client_of(IDENTITY, files), files, version=version)[0].established


def test_the_authorities_of_the_system_are_trusted_by_default(files):
    """They have not signed ours."""
    assert "not trusted" in refusal(client_of(CA), files)


@versions
@pytest.mark.parametrize(
    ("name", "names", "good"),
    [
        (NAME, [NAME], True),
        (NAME + ".", [NAME], True),
        ("DB.Example.com", [NAME], True),
        (NAME, ["other.example.com", NAME], True),
        (NAME, ["*.example.com"], True),
        ("a.db.example.com", ["*.example.com"], False),
        ("example.com", ["*.example.com"], False),
        (NAME, ["other.example.com"], False),
        (NAME, [], False),
        ("10.1.2.3", ["10.1.2.3"], True),
        ("10.1.2.3", ["10.1.2.4", NAME], False),
        ("fd00::1", ["fd00::1"], True),
        ("fd00::1", ["fd00::2"], False),
        ("b\u00fccher.example.com", ["xn--bcher-kva.example.com"], True),
        ("shop database", [NAME], False),
        ("12345", [NAME], False),
    ],
)
def test_a_certificate_has_to_be_made_for_the_name(
    authority, tmp_path, version, name, names, good
):
    """Also for an address; the name in its subject does not count."""
    files = authority.issue(names, common_name=NAME).write(tmp_path)
    client = client_of(IDENTITY, files, name)
    if good:
        assert meet(client, files, version=version)[0].established
    else:
        bare = name.rstrip(".")
        assert refusal(client, files, version) == (
            f"the certificate is not made for the name {bare!r}"
        )
    assert meet(client_of(CA, files, name), files, version=version)[0].established


def test_nobody_is_heard_whose_name_is_wrong(files):
    """What comes right behind the handshake is not read."""
    stream = client_of(IDENTITY, files, "elsewhere").stream()
    peer = Peer(server_context(files), server=True)
    peer.receive(stream.bytes_to_send())
    with pytest.raises(TlsFailedError):
        stream.receive(peer.encrypt(b""))
    assert not stream.established
    assert stream.end() == b""


@pytest.mark.parametrize(
    ("name", "asked_for"),
    [
        (NAME + ".", NAME),
        ("b\u00fccher.example.com", "xn--bcher-kva.example.com"),
        ("10.1.2.3", None),
        ("fd00::1", None),
        ("x" * 70, None),
    ],
)
def test_targets_are_asked_for_by_names_only(files, name, asked_for):
    """Addresses, and what can be no name, are not sent (RFC 6066)."""
    _, peer = meet(client_of(TlsMode.REQUIRED, name=name), files)
    assert peer.asked_for == asked_for


# Sessions


@versions
@pytest.mark.parametrize("mode", [TlsMode.REQUIRED, CA, IDENTITY])
def test_the_second_connection_resumes(files, version, mode):
    """And each one after it; who the target is counts as before."""
    client, context = client_of(mode, files), server_context(files, version=version)
    stream, peer = meet(client, files, context=context)
    assert not peer.ssl.session_reused
    client.remember(stream)
    for _ in range(3):
        stream.end()
        stream, peer = meet(client, files, context=context)
        assert peer.ssl.session_reused
        assert stream.is_verified is (mode is not TlsMode.REQUIRED)
        assert stream.receive(peer.encrypt(b"hello")) == b"hello"
        client.remember(stream)


@versions
def test_connections_at_once_may_resume_the_same_session(files, version):
    """What one of them learns takes nothing from the others."""
    client, context = client_of(CA, files), server_context(files, version=version)
    first, _ = meet(client, files, context=context)
    client.remember(first)
    streams = [client.stream() for _ in range(3)]
    for stream in streams:
        peer = Peer(context, server=True)
        shake_hands(stream, peer)
        assert peer.ssl.session_reused
        client.remember(stream)


@versions
def test_a_target_that_forgot_the_session_is_checked_anew(files, authority, tmp_path, version):
    """Somebody else cannot resume what the target began."""
    client = client_of(IDENTITY, files)
    first, _ = meet(client, files, version=version)
    client.remember(first)
    assert not meet(client, files, version=version)[1].ssl.session_reused
    other = self_signed([NAME]).write(tmp_path / "other")
    assert "signed by itself" in refusal(client, other, version)
    elsewhere = authority.issue(["elsewhere"]).write(tmp_path / "elsewhere")
    assert "not made for the name" in refusal(client, elsewhere, version)


@versions
def test_a_name_is_checked_on_a_resumed_connection_too(files, version):
    """The certificate of the session is that of the target."""
    client, context = client_of(IDENTITY, files), server_context(files, version=version)
    first, _ = meet(client, files, context=context)
    client.remember(first)
    client._name = "elsewhere"
    stream, peer = client.stream(), Peer(context, server=True)
    with pytest.raises(TlsFailedError, match="not made for the name 'elsewhere'"):
        shake_hands(stream, peer)
    assert peer.ssl.session_reused


@versions
def test_sessions_end_when_files_change(files, tmp_path, version):
    """Who is trusted may have changed; a connection that began before brings none back."""
    client, context = client_of(CA, files), server_context(files, version=version)
    late, _ = meet(client, files, context=context)
    client.remember(late)
    other = Authority.make().issue([NAME]).write(tmp_path / "other")
    files.ca.write_bytes(other.ca.read_bytes())
    with capture_logs() as logs:
        client.look()
        client.look()
    assert [line["event"] for line in logs] == ["renewed certificates are in use"]
    client.remember(late)
    assert "signed by an authority that is not trusted" in refusal(client, files, version)
    stream, peer = meet(client, other, version=version)
    assert stream.established
    assert not peer.ssl.session_reused


def test_a_broken_renewal_leaves_the_old_files_and_the_session(files):
    """The log names the file, once."""
    client, context = client_of(CA, files), server_context(files)
    stream, _ = meet(client, files, context=context)
    client.remember(stream)
    files.ca.write_bytes(b"junk")
    with capture_logs() as logs:
        client.look()
        client.look()
    (line,) = logs
    assert line["event"] == "renewed certificates cannot be used, the old ones stay"
    assert str(files.ca) in line["why"]
    assert meet(client, files, context=context)[1].ssl.session_reused


@pytest.mark.parametrize("ends", [True, False])
def test_a_stream_does_not_stay(files, ends):
    """Neither one that was used nor one that was given up in its handshake."""
    client = client_of(CA, files)
    stream = meet(client, files)[0] if ends else client.stream()
    gone = weakref.ref(stream)
    del stream
    gc.collect()
    assert gone() is None


# Our own certificate


@versions
def test_a_certificate_of_our_own_is_shown(authority, files, tmp_path, version):
    """To targets that ask for one."""
    ours = authority.issue((), purpose=Purpose.CLIENT).write(tmp_path / "ours")
    shown = {"certificate": str(ours.certificate), "private_key": str(ours.key)}
    context = server_context(files, version=version, client_ca=ours.ca)
    _, peer = meet(client_of(CA, files, **shown), files, context=context)
    der = ssl.PEM_cert_to_DER_cert(ours.certificate.read_text())
    assert peer.ssl.getpeercert(binary_form=True) == der


@versions
def test_a_target_that_wants_a_certificate_and_gets_none_is_understood(files, version):
    """In TLS 1.3 it says so only behind the handshake."""
    context = server_context(files, version=version, client_ca=files.ca)
    stream, peer = client_of(CA, files).stream(), Peer(context, server=True)
    with pytest.raises(ssl.SSLError):
        shake_hands(stream, peer)
    with pytest.raises(TlsFailedError, match=r"alert (certificate required|handshake failure)"):
        stream.receive(peer.bytes_to_send())


def test_a_certificate_of_our_own_that_expired_is_warned_of(authority, tmp_path):
    """The target may not look at it."""
    ours = authority.issue((), purpose=Purpose.CLIENT, not_after=YESTERDAY).write(tmp_path)
    shown = {"certificate": str(ours.certificate), "private_key": str(ours.key)}
    with capture_logs() as logs:
        client_of(TlsMode.REQUIRED, **shown)
    (line,) = logs
    assert line["event"].startswith("a certificate expired on ")
    assert line["file"] == str(ours.certificate)


def test_unusable_files_are_an_error_at_the_start(files, tmp_path):
    """Authorities, certificate, and key."""
    with pytest.raises(TlsUnusableError, match="cannot be read"):
        client_of(CA, ca=str(tmp_path / "missing"))
    shown = {"certificate": str(files.certificate), "private_key": str(files.ca)}
    with pytest.raises(TlsUnusableError, match="no private key"):
        client_of(TlsMode.REQUIRED, **shown)


def test_the_oldest_version_is_a_setting(files):
    """A target that knows only older ones is refused."""
    client = client_of(TlsMode.REQUIRED, min_version=TlsVersion.V1_3)
    stream, peer = client.stream(), Peer(server_context(files, version=V1_2), server=True)
    with pytest.raises(ssl.SSLError):
        shake_hands(stream, peer)
    with pytest.raises(TlsFailedError, match="version"):
        stream.receive(peer.bytes_to_send())


def test_a_client_says_for_whom_and_how_strict():
    """The name of the target, and the mode as in the configuration."""
    client = client_of(IDENTITY)
    assert client.mode is IDENTITY
    assert repr(client) == f"<BackendTlsStreams for {NAME!r} verify_identity>"


def test_the_word_of_the_systems_authorities_verifies_names_only():
    """They sign for everybody: without the name, no password is shown for it."""
    assert not BackendTlsStreams(BackendTls(mode=CA), NAME).stream().is_verified
    assert BackendTlsStreams(BackendTls(mode=IDENTITY), NAME).stream().is_verified
