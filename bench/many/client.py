"""One client: connects, logs in, asks; never waits."""

from __future__ import annotations

import enum
import socket
import ssl
import time
from typing import Final

import attrs

from bench.encryption import client_context
from bench.many.answer import Answer
from bench.site import PASSWORD, SCHEMA, USER
from proxy.wire.auth import caching_sha2, native
from proxy.wire.constants import Capability
from proxy.wire.greeting import (
    AUTH_MORE_DATA,
    AUTH_SWITCH,
    Greeting,
    Login,
    SslRequest,
    parse_auth_switch,
    parse_greeting,
)
from proxy.wire.primitives import Malformed

_CAPABILITIES: Final = (
    Capability.PROTOCOL_41
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_WITH_DB
    | Capability.TRANSACTIONS
)
_MAX_PACKET: Final = 1 << 24
_COLLATION: Final = 45
_READ_BYTES: Final = 1 << 16
_ERROR: Final = 0xFF
_COM_QUERY: Final = b"\x03"
_SCRAMBLES: Final = {
    "caching_sha2_password": caching_sha2.scramble,
    "mysql_native_password": native.scramble,
}


class Phase(enum.Enum):
    """How far a client is."""

    GREETING = "waits for a greeting"
    TLS = "shakes hands"
    LOGIN = "waits to be let in"
    FREE = "has nothing to do"
    ASKED = "waits for an answer"
    ENDED = "is gone"


@attrs.frozen
class Door:
    """Where clients connect.

    Attributes:
        host: its address.
        port: its port.
        tls: whether clients speak TLS.
    """

    host: str
    port: int
    tls: bool = False


class Client:
    """See the module.  Times are those of `time.monotonic`, in seconds.

    Attributes:
        number: which one of its crowd.
        socket: not blocking.
        phase: how far it is.
        answer: to the last statement.
        trouble: why it ended: the number of an error, or a word; empty while it has not.
        came: when it began to connect.
        let_in: when its login was done; 0 before.
        asked: when it sent the last statement.
        answered: when the last answer had come whole.
    """

    __slots__ = (
        "_door",
        "_greeting",
        "_received",
        "answer",
        "answered",
        "asked",
        "came",
        "let_in",
        "number",
        "phase",
        "socket",
        "trouble",
    )

    def __init__(self, number: int, door: Door, source: str | None = None) -> None:
        self.number = number
        self.phase = Phase.GREETING
        self.answer = Answer()
        self.trouble = ""
        self.came = time.monotonic()
        self.let_in = self.asked = self.answered = 0.0
        self._door = door
        self._greeting: Greeting | None = None
        self._received = b""
        self.socket: socket.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect_ex((door.host, door.port))

    def __repr__(self) -> str:
        """Which one, and how far it is."""
        return f"<Client {self.number} {self.phase.value} {self.trouble}>"

    def ask(self, statement: bytes) -> None:
        """Send a statement; the client is free."""
        self.answer.begin()
        self.phase = Phase.ASKED
        self.asked = time.monotonic()
        self._send(_COM_QUERY + statement, 0)

    def step(self) -> bool:
        """Take in what has come; whether it was let in, answered, or is gone by it."""
        try:
            if self.phase is Phase.TLS:
                self._shake_hands()
            # Of what TLS has decrypted already, no selector tells.
            while not self._take(self.socket.recv(_READ_BYTES)):
                if not self._door.tls:
                    return False
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            self.end(type(error).__name__)
        return True

    def end(self, why: str) -> None:
        """Close it, without a good-bye."""
        self.phase = Phase.ENDED
        self.trouble = why
        self.socket.close()

    def _take(self, data: bytes) -> bool:
        if not data:
            self.end("closed")
            return True
        if self.phase is Phase.ASKED:
            if self.answer.feed(data):
                self.answered = time.monotonic()
                self.phase = Phase.FREE
            return self.phase is Phase.FREE
        self._received += data
        while len(self._received) >= 4 and self.phase is not Phase.ENDED:
            end = 4 + int.from_bytes(self._received[:3], "little")
            if len(self._received) < end:
                break
            payload, number = self._received[4:end], self._received[3]
            self._received = self._received[end:]
            self._log_in(payload, number)
        return self.phase in {Phase.FREE, Phase.ENDED}

    def _log_in(self, payload: bytes, number: int) -> None:
        kind = payload[0]
        if kind == _ERROR:
            self.end(str(int.from_bytes(payload[1:3], "little")))
        elif self.phase is Phase.GREETING:
            self._greet(payload)
        elif kind == AUTH_SWITCH:
            switch = parse_auth_switch(payload)
            if isinstance(switch, Malformed) or switch.plugin not in _SCRAMBLES:
                self.end("a plugin that is not known here")
                return
            self._send(_SCRAMBLES[switch.plugin](PASSWORD, switch.nonce), number + 1)
        elif kind == AUTH_MORE_DATA and payload[1:] == caching_sha2.FAST_AUTH_SUCCESS:
            pass
        elif kind == AUTH_MORE_DATA and self._door.tls:
            self._send(PASSWORD.encode() + b"\x00", number + 1)
        elif kind == AUTH_MORE_DATA:
            self.end("the password has to be known from an earlier login")
        else:
            self.let_in = time.monotonic()
            self.phase = Phase.FREE

    def _greet(self, payload: bytes) -> None:
        greeting = parse_greeting(payload)
        if isinstance(greeting, Malformed):
            self.end(str(greeting))
            return
        self._greeting = greeting
        if not self._door.tls:
            self._show(_CAPABILITIES, 1)
        elif not greeting.capabilities & Capability.SSL:
            self.end("no TLS is offered")
        else:
            request = SslRequest(_CAPABILITIES | Capability.SSL, _MAX_PACKET, _COLLATION)
            self._send(request.encode(), 1)
            self.phase = Phase.TLS
            # The descriptor stays the same, and with it what the selector knows.
            self.socket = client_context().wrap_socket(
                self.socket, do_handshake_on_connect=False
            )
            self._shake_hands()

    def _shake_hands(self) -> None:
        secure = self.socket
        assert isinstance(secure, ssl.SSLSocket)
        secure.do_handshake()
        self._show(_CAPABILITIES | Capability.SSL, 2)

    def _show(self, capabilities: int, number: int) -> None:
        greeting = self._greeting
        assert greeting is not None
        prove = _SCRAMBLES.get(greeting.plugin, native.scramble)
        login = Login(
            capabilities,
            _MAX_PACKET,
            _COLLATION,
            USER,
            prove(PASSWORD, greeting.nonce),
            SCHEMA.encode(),
            greeting.plugin,
        )
        self._send(login.encode(), number)
        self.phase = Phase.LOGIN

    def _send(self, payload: bytes, number: int) -> None:
        # Some hundred bytes after an answer: there is room for them.
        size = len(payload).to_bytes(3, "little")
        self.socket.send(b"".join((size, bytes((number & 0xFF,)), payload)))
