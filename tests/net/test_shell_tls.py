"""Tests of TLS in `proxy.net.shell`, over pairs of real sockets that nobody else uses."""

from select import select

import pytest
from OpenSSL import SSL

from proxy.embedded.certificates import Authority
from proxy.net.client_tls import ClientTlsStreams
from proxy.net.tls import TlsFailedError
from tests.support.interpreted import interpreted
from tests.support.joined import fill, joined
from tests.support.tls import V1_3, VERSIONS, OpenSslPeer, Peer, client_context, offering


class Recorder(interpreted("proxy.net.shell").Shell):
    """Notes what happens to it."""

    answer = b""

    def __init__(self):
        self.notes = []
        self.text = b""

    def dataReceived(self, data):  # noqa: N802 - Twisted's name
        self.text += data
        if self.answer:
            self.write(self.answer)

    def tls_established(self):
        self.notes.append("established")

    def tls_failed(self, why):
        self.notes.append(why)

    def ended(self, why):
        self.notes.append(why)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Makes the shell's streams."""
    return ClientTlsStreams(
        offering(Authority.make().issue().write(tmp_path_factory.mktemp("tls")))
    )


@pytest.fixture
def meeting():
    """A shell, the socket at the other end, and the reactor."""
    shell = Recorder()
    with joined(shell) as (sock, reactor):
        sock.settimeout(10)
        yield shell, sock, reactor


def arrived(shell, sock, data):
    """Let bytes of the peer's arrive at the shell, all of them."""
    if data:
        sock.sendall(data)
        patience = 10
        while not shell.lost and select([shell.transport], [], [], patience)[0]:
            shell.transport.doRead()
            patience = 0


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def secured(request, meeting, server):
    """The same after a handshake; and the peer."""
    shell, sock, reactor = meeting
    peer = Peer(client_context(version=request.param))
    peer.receive()
    shell.start_tls(server.stream(), peer.bytes_to_send())
    while not peer.done or peer.outgoing.pending:
        peer.receive(sock.recv(1 << 16))
        arrived(shell, sock, peer.bytes_to_send())
    assert shell.notes.pop(0) == "established"
    return shell, sock, reactor, peer


def rest_of(sock, reactor, peer):
    """Read until the shell has closed; the text."""
    text = b""
    while data := sock.recv(1 << 20):
        text += peer.receive(data)
        reactor.turn()
    return text


def test_text_goes_both_ways_without_the_reactor(secured):
    """The short ways to the socket and from it hold for TLS too."""
    shell, sock, reactor, peer = secured
    shell.answer = b"answer"
    arrived(shell, sock, peer.encrypt(b"hello"))
    assert shell.text == b"hello"
    while not (text := peer.receive(sock.recv(1 << 16))):
        pass  # the tickets of TLS 1.3 come first
    assert text == b"answer"
    assert not reactor.writers


def test_what_the_socket_does_not_take_is_queued_in_order(secured):
    """A record that is cut by a full socket goes on where it was cut."""
    shell, sock, reactor, peer = secured
    total = fill(shell)
    assert shell.has_unsent
    shell.write(b"end")
    shell.hang_up()
    text = rest_of(sock, reactor, peer)
    assert len(text) == total + 3
    assert text.endswith(b"\x00end")
    assert peer.ended
    assert shell.notes == ["the connection was closed"]


def test_nothing_follows_the_end(secured):
    """A write behind it is lost alone: what was queued before arrives."""
    shell, sock, reactor, peer = secured
    total = fill(shell)
    shell.hang_up()
    assert shell.write(b"late")
    shell.hang_up()
    assert len(rest_of(sock, reactor, peer)) == total
    assert peer.ended


def test_nothing_is_said_before_the_handshake_is_over(meeting, server):
    """It could be read by anybody."""
    shell, sock, _ = meeting
    shell.start_tls(server.stream())
    assert shell.write(b"secret")
    shell.close()
    assert sock.recv(100) == b""


def test_a_close_ends_tls_first(secured):
    """Nobody can cut a text off without being noticed."""
    shell, sock, reactor, peer = secured
    shell.write(b"last")
    shell.close()
    assert shell.lost
    assert rest_of(sock, reactor, peer) == b"last"
    assert peer.ended


def test_an_abort_does_not(secured):
    """Who is cut off hears no more."""
    shell, sock, reactor, peer = secured
    shell.abort()
    reactor.turn()
    with pytest.raises(ConnectionResetError):
        rest_of(sock, reactor, peer)
    assert not peer.ended


def test_a_peer_that_ends_is_closed(secured):
    """What it said before is heard."""
    shell, sock, reactor, peer = secured
    arrived(shell, sock, peer.encrypt(b"last") + peer.end())
    assert shell.text == b"last"
    reactor.turn()
    assert shell.notes == ["the connection was closed"]


def test_a_peer_that_ends_and_does_not_read_is_not_waited_for(secured):
    """As one that ends a plain connection: what is unsent is nobody's."""
    shell, sock, reactor, peer = secured
    fill(shell)
    arrived(shell, sock, peer.end())
    reactor.turn()
    assert shell.lost


def test_a_text_may_be_the_reason_to_close(secured):
    """Behind it the end of the peer is nothing new."""
    shell, sock, _, peer = secured
    shell.dataReceived = lambda _: shell.close()
    arrived(shell, sock, peer.encrypt(b"quit") + peer.end())
    assert shell.notes == ["the connection was closed"]


def test_a_broken_record_ends_the_connection_with_an_alert(secured):
    """The owner hears why, before the connection is gone."""
    shell, sock, reactor, peer = secured
    data = bytearray(peer.encrypt(b"hello"))
    data[-1] ^= 1
    arrived(shell, sock, bytes(data))
    reactor.turn()
    assert shell.text == b""
    assert shell.notes == ["decryption failed or bad record mac", "the connection was closed"]
    with pytest.raises(OSError, match="BAD_RECORD_MAC"):
        rest_of(sock, reactor, peer)


def test_a_peer_that_breaks_tls_and_does_not_read_is_not_waited_for(secured):
    """Its connection would stay for as long as it likes."""
    shell, sock, reactor, _ = secured
    fill(shell)
    arrived(shell, sock, bytes(100))
    reactor.turn()
    assert len(shell.notes) == 2
    assert shell.lost


@pytest.mark.parametrize("at_once", [True, False])
def test_garbage_in_place_of_a_hello_ends_the_connection(meeting, server, at_once):
    """In the segment that asked for TLS, or later."""
    shell, sock, reactor = meeting
    shell.start_tls(server.stream(), b"GET / HTTP/1.1\r\n" if at_once else b"")
    if not at_once:
        arrived(shell, sock, b"GET / HTTP/1.1\r\n")
    reactor.turn()
    assert sock.recv(100) == b""
    assert shell.notes == ["http request", "the connection was closed"]


def test_a_peer_that_leaves_in_the_handshake_is_closed(meeting, server):
    """Without a word of TLS."""
    shell, sock, _ = meeting
    shell.start_tls(server.stream())
    sock.close()
    while not shell.lost:
        shell.transport.doRead()
    assert shell.notes == ["the connection was closed"]


def test_a_stream_that_cannot_be_written_ends_the_connection(secured):
    """There is no other way to tell the peer."""
    shell, sock, reactor, peer = secured
    shell._tls.end()
    assert shell.write(b"more")
    reactor.turn()
    assert shell.lost
    with pytest.raises(ConnectionResetError):
        rest_of(sock, reactor, peer)


def test_tickets_go_out_with_the_first_text(meeting, server):
    """One segment less for each new connection; a client that says nothing has none."""
    shell, sock, _ = meeting
    peer = Peer(client_context(version=V1_3))
    peer.receive()
    shell.start_tls(server.stream(), peer.bytes_to_send())
    peer.receive(sock.recv(1 << 16))
    arrived(shell, sock, peer.bytes_to_send())
    assert shell.notes == ["established"]
    assert not select([sock], [], [], 0)[0]
    shell.write(b"text")
    assert peer.receive(sock.recv(1 << 16)) == b"text"
    assert peer.ssl.session.has_ticket


def test_what_openssl_says_by_itself_goes_out(meeting, server):
    """Although nobody writes: that nobody renegotiates, for instance."""
    shell, sock, _ = meeting
    peer = OpenSslPeer(newest=SSL.TLS1_2_VERSION)
    shell.start_tls(server.stream(), peer.bytes_to_send())
    while not peer.established:
        peer.receive(sock.recv(1 << 16))
        arrived(shell, sock, peer.bytes_to_send())
    arrived(shell, sock, peer.renegotiate())
    with pytest.raises(TlsFailedError, match="no renegotiation"):
        peer.receive(sock.recv(1 << 16))
    assert shell.notes == ["established"]
