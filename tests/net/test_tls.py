"""Tests of `proxy.net.tls`, against Python's own `ssl`."""

import itertools
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from proxy.config.tls import BackendTls
from proxy.embedded.certificates import Authority, CertificateFiles
from proxy.net.backend_tls import BackendTlsStreams
from proxy.net.client_tls import ClientTlsStreams
from proxy.net.tls import TlsFailedError, _said
from tests.support.tls import (
    V1_2,
    V1_3,
    VERSIONS,
    OpenSslPeer,
    Peer,
    Writer,
    client_context,
    offering,
    server_context,
    shake_hands,
)

RECORD = 1 << 14
GARBAGE = b"\x00\x01\x02\x03\x04\x05\x06\x07" * 4

CUTS = st.lists(st.one_of(st.integers(1, 7), st.integers(1, 40_000)), min_size=1, max_size=12)
SIZES = st.lists(
    st.one_of(st.integers(0, 200), st.integers(RECORD - 30, RECORD + 30), st.just(200_000)),
    max_size=4,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A server's certificate and its authority."""
    return Authority.make().issue().write(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(files):
    """A function that joins one of our streams with a peer."""
    server = ClientTlsStreams(offering(files))

    def join(version=V1_3, *, serving=True):
        if serving:
            stream, peer = server.stream(), Peer(client_context(version=version))
        else:
            client = BackendTlsStreams(BACKEND, "localhost")
            stream = client.stream()
            peer = Peer(server_context(files, version=version), server=True)
        assert shake_hands(stream, peer) == (b"", b"")
        assert stream.established
        return stream, peer

    return join


BACKEND = BackendTls()

both_sides = pytest.mark.parametrize("serving", [True, False], ids=["serving", "asking"])
versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


def text_of(size):
    """Make a text in which each place can be told from its neighbours."""
    return (b"%07d " * (size // 8 + 1) % tuple(range(size // 8 + 1)))[:size]


def pieces_of(data, cuts):
    """Cut bytes, 200 times at most: who sends 200 KB in single bytes shows nothing new."""
    start = 0
    for size in itertools.islice(itertools.cycle(cuts), 200):
        if start < len(data):
            yield data[start : start + size]
        start += size
    if start < len(data):
        yield data[start:]


def received(stream, data, cuts):
    """Give what the stream makes of bytes that come in pieces."""
    return b"".join(stream.receive(piece) for piece in pieces_of(data, cuts))


@versions
@both_sides
@given(sizes=SIZES, cuts=CUTS)
@settings(max_examples=40)
def test_what_is_said_arrives_however_it_is_cut(pair, version, serving, sizes, cuts):
    """Texts of any size arrive whole in both directions, and nothing is kept back."""
    stream, peer = pair(version, serving=serving)
    for size in sizes:
        text = text_of(size)
        assert received(stream, peer.encrypt(text), cuts) == text
        assert peer.receive(stream.encrypt(text)) == text
    several = [text_of(size) for size in sizes]
    data = b"".join(map(peer.encrypt, several))
    assert received(stream, data, cuts) == b"".join(several)
    assert received(stream, peer.encrypt(b"end"), [1000]) == b"end"


@versions
@given(cuts=CUTS)
@settings(max_examples=20)
def test_a_handshake_succeeds_however_it_is_cut(files, version, cuts):
    """Also when the first text comes right behind it, in the same segment."""
    stream, peer = (
        ClientTlsStreams(offering(files)).stream(),
        Peer(client_context(version=version)),
    )
    peer.receive()
    while not peer.done:
        assert received(stream, peer.bytes_to_send(), cuts) == b""
        peer.receive(stream.bytes_to_send())
    assert received(stream, peer.encrypt(b"hello"), cuts) == b"hello"


@versions
def test_two_records_may_be_cut_anywhere(pair, version):
    """In the header of the second, too, and again in what was left of it."""
    stream, peer = pair(version)
    for first in range(1, 80):
        data = peer.encrypt(b"first") + peer.encrypt(b"second")
        for second in range(first + 1, min(first + 8, len(data))):
            parts = (data[:first], data[first:second], data[second:])
            assert b"".join(map(stream.receive, parts)) == b"firstsecond"
            data = peer.encrypt(b"first") + peer.encrypt(b"second")
        assert stream.receive(data) == b"firstsecond"


@both_sides
@versions
def test_a_long_text_is_read_record_by_record(pair, version, serving):
    """OpenSSL gets no more at once than a record has: it would keep the memory."""
    stream, peer = pair(version, serving=serving)
    sizes = []
    stream._incoming = Noting(stream._incoming, sizes)
    stream._write = noting(stream._write, sizes)
    text = text_of(200_000)
    assert stream.receive(peer.encrypt(text)) == text
    assert peer.receive(stream.encrypt(text)) == text
    assert max(sizes) == RECORD


class Noting:
    """What OpenSSL reads, of which the sizes are noted of all that comes."""

    def __init__(self, incoming, sizes):
        self._incoming = incoming
        self.write = noting(incoming.write, sizes)

    @property
    def pending(self):
        return self._incoming.pending


def noting(function, sizes):
    """Make a function that notes the sizes of what it is given."""

    def note(data):
        sizes.append(len(data))
        return function(data)

    return note


@versions
@both_sides
def test_a_peer_that_ends_is_heard(pair, version, serving):
    """What it said before its close_notify counts, and what we say behind it may be sent."""
    stream, peer = pair(version, serving=serving)
    assert stream.receive(peer.encrypt(b"last") + peer.end()) == b"last"
    assert stream.ended
    assert stream.encrypt(b"answer")


@versions
@both_sides
def test_an_end_that_comes_alone_is_heard(pair, version, serving):
    """A close_notify in a segment of its own gives no text."""
    stream, peer = pair(version, serving=serving)
    assert stream.receive(peer.end()) == b""
    assert stream.ended


@versions
@both_sides
def test_our_end_is_told_once(pair, version, serving):
    """The peer hears it behind the text, and nothing can be said any more."""
    stream, peer = pair(version, serving=serving)
    data = stream.encrypt(b"last") + stream.end()
    assert peer.receive(data) == b"last"
    assert peer.ended
    assert stream.end() == b""
    with pytest.raises(TlsFailedError, match="shutdown"):
        stream.encrypt(b"more")


def test_there_is_no_end_before_the_beginning(files):
    """In the handshake nothing tells the peer that no text follows."""
    stream = ClientTlsStreams(offering(files)).stream()
    assert stream.end() == b""
    assert repr(stream) == "<Stream in its handshake>"


@versions
def test_a_stream_says_what_was_agreed_on(pair, version):
    """Version and cipher suite."""
    stream, peer = pair(version)
    assert stream.version == peer.ssl.version()
    assert repr(stream) == f"<Stream {peer.ssl.version()} {peer.ssl.cipher()[0]}>"
    assert stream.session is not None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GARBAGE, "what came is no TLS"),
        (b"\x16\x03\x01\x50\x05hello", "what came is no TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "http request"),
        (b"\x16\x03\x01\x00\x05hello", "unexpected message"),
        (b"\x15\x03\x01\x00\x02\x02\x30", "unexpected message"),
    ],
    ids=["garbage", "too long", "http", "no hello", "alert"],
)
def test_garbage_in_place_of_a_hello_fails(files, data, said):
    """The error says what is wrong, also when it comes byte by byte."""
    for cuts in ([1], [1000]):
        stream = ClientTlsStreams(offering(files)).stream()
        with pytest.raises(TlsFailedError, match=said):
            received(stream, data, cuts)
        assert not stream.established


def test_garbage_in_place_of_an_answer_fails():
    """A server that speaks no TLS is told from one that does."""
    stream = BackendTlsStreams(BACKEND, "localhost").stream()
    stream.bytes_to_send()
    with pytest.raises(TlsFailedError, match="what came is no TLS"):
        stream.receive(GARBAGE)


@versions
@both_sides
@pytest.mark.parametrize("cuts", [[1], [1000]])
def test_a_record_that_was_changed_fails(pair, version, serving, cuts):
    """Nothing of it becomes text, and the peer is told by an alert."""
    stream, peer = pair(version, serving=serving)
    data = bytearray(peer.encrypt(b"DROP TABLE t"))
    data[-1] ^= 1
    with pytest.raises(TlsFailedError, match="bad record mac"):
        received(stream, bytes(data), cuts)
    assert stream.bytes_to_send()
    with pytest.raises(TlsFailedError):
        stream.encrypt(b"more")
    assert stream.end() == b""


@versions
def test_a_record_that_comes_again_fails(pair, version):
    """Nobody can play a statement a second time."""
    stream, peer = pair(version)
    data = peer.encrypt(b"INSERT")
    assert stream.receive(data) == b"INSERT"
    with pytest.raises(TlsFailedError, match="bad record mac"):
        stream.receive(data)


@versions
def test_a_client_that_trusts_nobody_is_understood(files, tmp_path, version):
    """Its alert is the reason."""
    other = Authority.make().issue().write(tmp_path)
    stream = ClientTlsStreams(offering(files)).stream()
    peer = Peer(client_context(version=version, ca=other.ca))
    with pytest.raises(Exception, match="certificate verify failed"):
        shake_hands(stream, peer)
    with pytest.raises(TlsFailedError, match="unknown ca"):
        stream.receive(peer.bytes_to_send())


@pytest.mark.parametrize("newest", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_an_old_client_is_refused(files, newest):
    """TLS 1.0 and 1.1 are not spoken, and the client hears that by an alert."""
    stream = ClientTlsStreams(offering(files)).stream()
    peer = OpenSslPeer(oldest=SSL.TLS1_VERSION, newest=newest)
    with pytest.raises(TlsFailedError, match="unsupported protocol"):
        stream.receive(peer.bytes_to_send())
    with pytest.raises(TlsFailedError, match="protocol version"):
        peer.receive(stream.bytes_to_send())


def test_tickets_of_a_server_are_no_text(files):
    """They may come alone, or in front of what the server says."""
    for alone in (True, False):
        stream = BackendTlsStreams(BACKEND, "localhost").stream()
        peer = Peer(server_context(files, version=V1_3), server=True)
        stream.receive(peer.receive(stream.bytes_to_send()) + peer.bytes_to_send())
        peer.receive(stream.bytes_to_send())
        tickets = peer.bytes_to_send()
        assert tickets
        if alone:
            assert stream.receive(tickets) == b""
            tickets = b""
        assert stream.receive(tickets + peer.encrypt(b"hello")) == b"hello"


@pytest.mark.parametrize("cuts", [[1], [1000]])
def test_new_keys_do_not_disturb(files, cuts):
    """A peer renews its keys and asks for ours: text goes on in both directions."""
    stream, peer = ClientTlsStreams(offering(files)).stream(), OpenSslPeer()
    shake_hands(stream, peer)
    writer = Writer(peer.secrets["CLIENT_TRAFFIC_SECRET_0"])
    assert received(stream, writer.text(b"before"), cuts) == b"before"
    assert received(stream, writer.renew(peer_too=False), cuts) == b""
    assert received(stream, writer.text(b"between"), cuts) == b"between"
    assert (
        received(stream, writer.renew(peer_too=True) + writer.text(b"after"), cuts) == b"after"
    )
    assert peer.receive(stream.bytes_to_send() + stream.encrypt(b"answer")) == b"answer"


def test_nobody_renegotiates(files):
    """A second handshake in the first connection (TLS 1.2) is refused by an alert."""
    stream, peer = (
        ClientTlsStreams(offering(files)).stream(),
        OpenSslPeer(newest=SSL.TLS1_2_VERSION),
    )
    shake_hands(stream, peer)
    assert stream.receive(peer.renegotiate()) == b""
    with pytest.raises(TlsFailedError, match="renegotiation"):
        peer.receive(stream.bytes_to_send())


def test_a_peer_that_leaves_in_the_handshake_fails(files):
    """Its close_notify in the midst of it is told as what it is."""
    stream, peer = ClientTlsStreams(offering(files)).stream(), Peer(client_context())
    peer.receive()
    stream.receive(peer.bytes_to_send())
    with pytest.raises(TlsFailedError, match="the peer ended the handshake"):
        stream.receive(b"\x15\x03\x03\x00\x02\x01\x00")


def test_a_problem_without_a_name_of_ours_is_told_by_its_number():
    """Those who run the servers can look it up."""
    error = ssl.SSLCertVerificationError()
    error.verify_code = 79
    assert _said(error) == "the certificate is not taken: OpenSSL says 79"
    assert _said(OSError()) == "the TLS connection is broken"


def test_tickets_wait_for_the_first_text(files):
    """A client of TLS 1.3 needs nothing more to log in; one of TLS 1.2 waits for the end."""
    for version, waits in ((V1_2, False), (V1_3, True)):
        stream, peer = (
            ClientTlsStreams(offering(files)).stream(),
            Peer(client_context(version=version)),
        )
        peer.receive()
        while not peer.done:
            stream.receive(peer.bytes_to_send())
            assert not stream.established or stream.waits is waits
            peer.receive(stream.bytes_to_send())
        stream.receive(peer.bytes_to_send())
        assert stream.waits is waits
        assert peer.receive(stream.encrypt(b"text")) == b"text"
        assert peer.ssl.session.has_ticket


def test_who_asks_has_nothing_that_could_wait(pair):
    """The end of the handshake is a client's to send."""
    assert not pair(serving=False)[0].waits


def test_a_long_chain_is_sent_whole(files, tmp_path):
    """A handshake is not limited to what a record has."""
    chain = tmp_path / "chain.pem"
    chain.write_bytes(files.certificate.read_bytes() + files.ca.read_bytes() * 60)
    server = ClientTlsStreams(offering(CertificateFiles(files.ca, chain, files.key)))
    stream, peer = server.stream(), Peer(client_context(ca=files.ca))
    shake_hands(stream, peer)
    assert peer.done
