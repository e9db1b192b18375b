"""Tests of `proxy.net.client_tls`: sessions that several processes let clients resume."""

import pytest
from structlog.testing import capture_logs

from proxy.config.tls import ClientCertificates
from proxy.embedded.certificates import Authority
from proxy.net import tls_native
from proxy.net.certificates import TlsUnusableError
from proxy.net.client_tls import ClientTlsStreams
from tests.support.tls import VERSIONS, client_context, meet, offering

CONTEXT = client_context()
"""A session belongs to its client's context."""

versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@versions
def test_processes_with_one_key_take_each_others_tickets(files, version):
    """Others do not, nor does one that has no key."""
    context = client_context(version=version)
    first = ClientTlsStreams(offering(files), ticket_key=KEY)
    session = meet(first, context)[1].ssl.session
    for key, resumes in ((KEY, True), (OTHER_KEY, False), (None, False), (KEY, True)):
        second = ClientTlsStreams(offering(files), ticket_key=key)
        peer = meet(second, context, session=session)[1]
        assert peer.ssl.session_reused is resumes
        if resumes:
            session = peer.ssl.session  # the ticket that it gave is good at the next one
    assert meet(first, context, session=session)[1].ssl.session_reused


@versions
def test_a_new_key_ends_the_tickets_of_the_old_one(files, version):
    """Their owners shake hands once more, and come back by new ones."""
    context = client_context(version=version)
    server = ClientTlsStreams(offering(files), ticket_key=KEY)
    session = meet(server, context)[1].ssl.session
    server.renew_ticket_key(OTHER_KEY)
    peer = meet(server, context, session=session)[1]
    assert not peer.ssl.session_reused
    session = peer.ssl.session
    other = ClientTlsStreams(offering(files), ticket_key=OTHER_KEY)
    assert meet(other, context, session=session)[1].ssl.session_reused


def test_a_new_key_waits_while_files_are_broken(files):
    """Clients are served as before."""
    server = ClientTlsStreams(offering(files), ticket_key=KEY)
    session = meet(server, CONTEXT)[1].ssl.session
    good = files.key.read_bytes()
    files.key.write_bytes(b"junk")
    with pytest.raises(TlsUnusableError):
        server.renew_ticket_key(OTHER_KEY)
    assert meet(server, CONTEXT, session=session)[1].ssl.session_reused
    files.key.write_bytes(good)
    server.look()
    assert meet(server, CONTEXT, session=session)[1].ssl.session_reused


@versions
@pytest.mark.parametrize("which", ["certificate", "ca"])
def test_a_shared_key_does_not_outlive_the_files(authority, files, version, which):
    """A session tells who was trusted, and whom the client has seen."""
    asks = {"client_certificates": ClientCertificates.OPTIONAL, "client_ca": str(files.ca)}
    server = ClientTlsStreams(offering(files, **asks), ticket_key=KEY)
    context = client_context(version=version)
    session = meet(server, context)[1].ssl.session
    if which == "ca":
        files.ca.write_bytes(Authority.make().certificate_pem)
    else:
        authority.issue(["db.example.com"]).write(files.key.parent)
    server.look()
    assert not meet(server, context, session=session)[1].ssl.session_reused


@versions
def test_a_name_does_not_matter_for_a_ticket(authority, tmp_path, version):
    """Whoever got another certificate by its name comes back all the same."""
    names = (["first.example.com"], ["second.example.com"])
    files = [authority.issue(each).write(tmp_path / each[0]) for each in names]
    context = client_context(version=version)
    first, second = (ClientTlsStreams(offering(*files), ticket_key=KEY) for _ in range(2))
    name = "second.example.com"
    session = meet(first, context, name=name)[1].ssl.session
    assert meet(second, context, name=name, session=session)[1].ssl.session_reused


def test_a_key_that_cannot_be_shared_is_told(files, monkeypatch):
    """Clients are served all the same, and resume where they began."""
    monkeypatch.setattr(tls_native, "_library", lambda: None)
    with capture_logs() as logs:
        server = ClientTlsStreams(offering(files), ticket_key=KEY)
    assert [line["event"] for line in logs] == [
        "a session is resumed only by the process that began it"
    ]
    session = meet(server, CONTEXT)[1].ssl.session
    assert meet(server, CONTEXT, session=session)[1].ssl.session_reused


def test_a_ticket_key_is_not_shown(files):
    """Whoever has it reads what clients say."""
    server = ClientTlsStreams(offering(files), ticket_key=b"s3cr3t--" * 4)
    assert "s3cr3t" not in repr(server)
