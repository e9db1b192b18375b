"""TLS peers without sockets: Python's own `ssl` on memory BIOs, opposite to a `Stream`."""

from __future__ import annotations

import contextlib
import ssl

import attrs
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from OpenSSL import SSL

from proxy.config.tls import Certificate, ClientTls
from proxy.net.tls import TlsFailedError

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = (V1_2, V1_3)


def shown(files, **more):
    """Say that the proxy shows these `CertificateFiles`."""
    return Certificate(certificate=str(files.certificate), private_key=str(files.key), **more)


def offering(*files, **more):
    """Make the settings of a proxy that shows these to its clients."""
    return ClientTls(certificates=tuple(map(shown, files)), **more)


def server_context(files, *, version=None, client_ca=None):
    """Make the context of a server that shows these files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return _narrowed(context, version)


def client_context(*, version=None, ca=None, files=None):
    """Make the context of a client: it checks its server where it trusts somebody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca)
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    return _narrowed(context, version)


def _narrowed(context, version):
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


class Peer:
    """The other side.

    Attributes:
        done: Its handshake is over.
        ended: It was told that nothing more comes.
        asked_for: The name that a client asked for, where it is a server.
    """

    def __init__(self, context, *, server=False, name=None, session=None):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.done = self.ended = False
        self.asked_for = None
        if server:
            context.sni_callback = self._name_arrived
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server, name, session)

    def _name_arrived(self, _, name, __):
        self.asked_for = name

    def receive(self, data=b""):
        """Take bytes; give the text in them."""
        self.incoming.write(data)
        text = b""
        try:
            if not self.done:
                self.ssl.do_handshake()
                self.done = True
            while not self.ended:
                piece = self.ssl.read(1 << 16)
                self.ended = not piece
                text += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return text

    def encrypt(self, text):
        """Give what to send for this text."""
        if text:
            assert self.ssl.write(text) == len(text)
        return self.outgoing.read()

    def bytes_to_send(self):
        """Give what it has to say."""
        return self.outgoing.read()

    def end(self):
        """Give what says that nothing more comes."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.ssl.unwrap()
        return self.outgoing.read()


def shake_hands(stream, peer):
    """Carry bytes between both until nobody has any; the text that came to each of them."""
    if not peer.done:
        peer.receive()
    to_stream = to_peer = b""
    while True:
        ours, theirs = stream.bytes_to_send(), peer.bytes_to_send()
        if ours:
            to_peer += peer.receive(ours)
        if theirs:
            to_stream += stream.receive(theirs)
        if not ours and not theirs:
            return to_stream, to_peer


class Sealed:
    """As much of a socket as tests need, with TLS by a `Peer` over a real one.

    Attributes:
        cut: Bytes that go out in one segment; 0 sends them as they are.
    """

    def __init__(self, sock, peer, *, cut=0):
        self.sock, self.peer, self.cut = sock, peer, cut
        self._text = b""

    def start(self, before=b""):
        """Shake hands; `before` goes out in front of the first segment."""
        self._text += self.peer.receive()
        self.push(before)
        while not self.peer.done:
            if not self._pull():
                raise EOFError
            if not self.peer.done:
                self.push()

    def push(self, before=b""):
        """Send what the peer has to say, as a client at the end of its handshake has."""
        data = before + self.peer.bytes_to_send()
        size = self.cut or len(data) or 1
        for start in range(0, len(data), size):
            self.sock.sendall(data[start : start + size])

    def _pull(self):
        data = self.sock.recv(1 << 16)
        self._text += self.peer.receive(data) if data else b""
        return bool(data)

    def sendall(self, text):
        """See `socket.socket`."""
        with memoryview(text) as view:
            for start in range(0, len(view), 1 << 14):
                self.peer.ssl.write(view[start : start + (1 << 14)])
                self.push()

    def recv(self, size):
        """See `socket.socket`; nothing comes behind a close_notify."""
        while not self._text and not self.peer.ended and self._pull():
            pass
        text, self._text = self._text[:size], self._text[size:]
        return text

    def close(self):
        """See `socket.socket`; without a close_notify."""
        self.sock.close()


class OpenSslPeer:
    """A client by pyOpenSSL: for what Python's `ssl` cannot do.

    Attributes:
        established: Its handshake is over.
        secrets: Those of its connection, by their names in a key log.
    """

    def __init__(self, *, oldest=SSL.TLS1_2_VERSION, newest=SSL.TLS1_3_VERSION):
        self.secrets = {}
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(oldest)
        context.set_max_proto_version(newest)
        # The second level, which is the library's own, knows nothing older than TLS 1.2.
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
        context.set_keylog_callback(self._secret_agreed)
        connection = SSL.Connection(context, None)
        connection.set_connect_state()
        self.connection = connection
        self.established = False
        self.receive()

    @property
    def done(self):
        """The same, as a `Peer` has it."""
        return True

    def receive(self, data=b""):
        """Take bytes; give the text in them."""
        if data:
            self.connection.bio_write(data)
        text = b""
        try:
            if not self.established:
                self.connection.do_handshake()
                self.established = True
            while True:
                text += self.connection.recv(1 << 16)
        except SSL.WantReadError:
            return text
        except SSL.Error as error:
            raise TlsFailedError(error.args[0][0][2]) from None

    def encrypt(self, text):
        """Give what to send for this text."""
        self.connection.sendall(text)
        return self.bytes_to_send()

    def bytes_to_send(self):
        """Give what it has to say."""
        data = b""
        with contextlib.suppress(SSL.WantReadError):
            while True:
                data += self.connection.bio_read(1 << 16)
        return data

    def _secret_agreed(self, _, line):
        name, _, secret = line.decode().split()
        self.secrets[name] = bytes.fromhex(secret)

    def renegotiate(self):
        """Ask for another handshake on the same connection (TLS 1.2)."""
        self.connection.renegotiate()
        with contextlib.suppress(SSL.WantReadError):
            self.connection.do_handshake()
        return self.bytes_to_send()


@attrs.define
class Writer:
    """Writes records of TLS 1.3 by hand (RFC 8446, sections 5.2 and 7).

    No library here renews its keys when it is told to.  The client in whose place this writes
    cannot send any more then.
    """

    secret: bytes
    number: int = 0

    def record(self, content, kind):
        """Protect what a record has, of a content type."""
        inner = content + bytes((kind,))
        nonce = int.from_bytes(self._expand(b"iv", 12)) ^ self.number
        self.number += 1
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2)
        key = AESGCM(self._expand(b"key", 16))
        return head + key.encrypt(nonce.to_bytes(12), inner, head)

    def renew(self, *, peer_too):
        """Say that the key changes, and ask the peer for the same."""
        told = self.record(b"\x18\x00\x00\x01" + bytes((peer_too,)), 22)
        self.secret, self.number = self._expand(b"traffic upd", 32), 0
        return told

    def text(self, text):
        """Protect text."""
        return self.record(text, 23)

    def _expand(self, label, size):
        label = b"tls13 " + label
        info = size.to_bytes(2) + bytes((len(label),)) + label + b"\x00"
        return HKDFExpand(hashes.SHA256(), size, info).derive(self.secret)


def meet(server, context=None, **more):
    """Let a client shake hands with the server; the stream and the client."""
    stream, peer = server.stream(), Peer(context or client_context(), **more)
    shake_hands(stream, peer)
    return stream, peer
