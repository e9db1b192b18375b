"""Scripted servers and clients on real sockets, for a proxy in a process of its own.

Every socket blocks, with a time limit; each connection of the server has a thread of its own.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

from proxy.wire.auth import caching_sha2
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import AUTH_SWITCH, SslRequest, auth_more_data, parse_auth_switch
from tests.support.scripted import (
    CAPABILITIES,
    CLIENT_CAPABILITIES,
    ServerSide,
    login_packet,
    packets,
    query_packet,
)
from tests.support.tls import Peer, Sealed, client_context

SSL_REQUEST = encode(
    SslRequest(CLIENT_CAPABILITIES | Capability.SSL, 1 << 24, 45).encode(), sequence=1
)
"""How a client asks for TLS."""

LIMIT_SECONDS = 20.0
"""How long anything here may take before the test fails."""


class SecureSide(ServerSide):
    """A server that offers TLS; its input and output is what starts it."""

    def __init__(self, number, **more):
        super().__init__(number, offered=CAPABILITIES | Capability.SSL, **more)
        self.reader.sequence = 2  # of the login: the request for TLS is read elsewhere

    def _log_in(self, payload):
        answer = super()._log_in(payload)
        return answer[:3] + b"\x03" + answer[4:]


class Connection:
    """One connection that the proxy opened.

    Attributes:
        hello: The first bytes that came, before TLS.
    """

    def __init__(self, server, sock, number):
        self.server = server
        self.sock = sock
        self.hello = b""
        self.side = (ServerSide if server.tls is None else SecureSide)(
            number, max_connections=server.max_connections, routines=server.routines
        )

    def run(self):
        """Talk until either side closes."""
        try:
            with contextlib.suppress(OSError):
                self.server.welcome(self)
                while data := self.sock.recv(1 << 16):
                    answer, left = self.side.receive(data)
                    if answer:
                        self.sock.sendall(answer)
                    for payload in left:
                        self.server.answer(self, payload)
        finally:
            self.sock.close()
            self.server.leave(self)

    def greet(self):
        """Say hello, and start TLS where the server offers it."""
        self.sock.sendall(self.side.hello())
        if self.server.tls is not None:
            self.start_tls()

    def start_tls(self):
        """Wait until the proxy asks for TLS, and shake hands."""
        while len(self.hello) < len(SSL_REQUEST):
            piece = self.sock.recv(len(SSL_REQUEST) - len(self.hello))
            if not piece:
                return
            self.hello += piece
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.server.resumed.append(self.sock.session_reused)

    def answer(self, *payloads):
        """Send an answer, an OK when there are no payloads."""
        self.sock.sendall(packets(payloads or [self.side.ok()]))

    def die(self):
        """Close without a word."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class ScriptedServer:
    """Listens where a MySQL server could.

    Attributes:
        scripts: What to do for a statement: how its text begins, and a callable that gets the
            `Connection`.  Anything else is answered with an OK.
        routines: See `ServerSide`.
        connections: Those that are open.
        texts: Every statement that was not a routine.
        tls: The context of TLS that it offers, if any.
        resumed: Of each connection with TLS, whether its session was resumed.
        welcome: What a new `Connection` begins with.
    """

    def __init__(self, *, max_connections=100, tls=None):
        self.max_connections = max_connections
        self.tls = tls
        self.resumed = []
        self.welcome = Connection.greet
        self.scripts = {}
        self.routines = {}
        self.connections = []
        self.texts = []
        self.accepted = 0
        self.host = "127.0.0.1"
        self._threads = []
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        for thread in self._threads:
            thread.join(LIMIT_SECONDS)
            assert not thread.is_alive()

    def start(self):
        """Accept connections, again after a stop."""
        if self._listener.fileno() < 0:
            self._listener = socket.create_server((self.host, self.port))
        self._spawn(self._accept, self._listener)

    def stop(self):
        """Refuse connections and close those that are open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in [*self.connections]:
            connection.die()

    def _spawn(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(LIMIT_SECONDS * 6)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self.accepted += 1
                    connection = Connection(self, sock, self.accepted)
                    self.connections.append(connection)
                self._spawn(connection.run)

    def answer(self, connection, payload):
        """Do what the script says for a statement."""
        text = connection.side.text_of(payload) or payload
        self.texts.append(text)
        for beginning, script in self.scripts.items():
            if text.startswith(beginning):
                script(connection)
                return
        connection.answer()

    def leave(self, connection):
        """Forget a connection that has ended."""
        with self._lock:
            self.connections.remove(connection)

    def heard(self, beginning):
        """Whether a statement that begins so has come."""
        return any(text.startswith(beginning) for text in [*self.texts])


class Talker:
    """A client that speaks the protocol packet by packet."""

    greeting = None

    def __init__(self, port=0, path=None, *, buffer=0):
        family = socket.AF_UNIX if path else socket.AF_INET
        self.sock = socket.socket(family)
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.settimeout(LIMIT_SECONDS)
        try:
            self.sock.connect(str(path) if path else ("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def read(self, size):
        """Read exactly so many bytes."""
        pieces = []
        while size:
            piece = self.sock.recv(min(size, 1 << 20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def packet(self):
        """Read one packet: sequence number and payload."""
        header = self.read(4)
        return header[3], self.read(int.from_bytes(header[:3], "little"))

    def payload(self):
        """Read one packet's payload."""
        return self.packet()[1]

    def start_tls(self, context=None, *, name=None, cut=0, at_once=False):
        """Ask for TLS, in the same segment if `at_once`, and shake hands."""
        self.ask_for_tls(at_once=at_once)
        peer = Peer(context or client_context(), name=name)
        self.sock = Sealed(self.sock, peer, cut=cut)
        self.sock.start(SSL_REQUEST if at_once else b"")

    def ask_for_tls(self, *, at_once=False):
        """Read the greeting, and ask for TLS where that is not left to the caller."""
        self.greeting = self.payload()
        if not at_once:
            self.sock.sendall(SSL_REQUEST)

    def log_in(self, user="app", password="secret", schema=None, capabilities=None):
        """Log in; the payload of the server's verdict."""
        greeting = self.greeting or self.payload()
        sequence = 2 if self.greeting else 1
        self.sock.sendall(
            login_packet(greeting, user, password, schema, capabilities, sequence=sequence)
        )
        while True:
            sequence, payload = self.packet()
            if payload[0] == AUTH_SWITCH:
                proof = caching_sha2.scramble(password, parse_auth_switch(payload).nonce)
            elif payload == auth_more_data(caching_sha2.PERFORM_FULL_AUTHENTICATION):
                proof = bytes(256)  # what no password looks like
            elif payload == auth_more_data(caching_sha2.FAST_AUTH_SUCCESS):
                continue
            else:
                return payload
            self.sock.sendall(encode(proof, sequence + 1))

    def send(self, text):
        """Send a statement."""
        self.sock.sendall(query_packet(text))

    def ask(self, text):
        """Run a statement whose answer is one packet."""
        self.send(text)
        return self.payload()

    def rest(self):
        """Read until the proxy closes the connection."""
        pieces = []
        with contextlib.suppress(ConnectionResetError):
            while piece := self.sock.recv(1 << 16):
                pieces.append(piece)
        return b"".join(pieces)


def hang(_):
    """Script of a statement that is never answered."""


def error_code(payload):
    """Give the code of an ERR packet."""
    assert payload[0] == 0xFF, payload
    return int.from_bytes(payload[1:3], "little")


def resident_kib(pid):
    """Memory of a process that is in use now, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def peak_kib(pid):
    """The most memory that a process has ever had in use, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def wait_until(condition):
    """Look until it holds, and fail when it does not in time."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
