"""One client: connects, logs in, asks; never waits."""

from __future__ import annotations

import enum
import socket
import time
from typing import Final

import attrs

from bench.entrance import COM_QUERY, Entrance, Stage, packet
from bench.many.answer import Answer
from bench.secured import Secured

_READ_BYTES: Final = 1 << 16


class Phase(enum.Enum):
    """How far a client is."""

    COMING = "waits to be let in"
    TLS = "shakes hands"
    FREE = "has nothing to do"
    ASKED = "waits for an answer"
    ENDED = "is gone"


_SOMETHING_HAS_COME: Final = (Phase.FREE, Phase.ENDED)


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
        "_entrance",
        "_stream",
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
        self.phase = Phase.COMING
        self.answer = Answer()
        self.trouble = ""
        self.came = time.monotonic()
        self.let_in = self.asked = self.answered = 0.0
        self._door = door
        self._entrance = Entrance(tls=door.tls)
        self.socket = socket.socket()
        self._stream: socket.socket | Secured = self.socket
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
        self._send(packet(COM_QUERY + statement))

    def step(self) -> bool:
        """Take in what has come; whether it was let in, answered, or is gone by it."""
        try:
            if self.phase is Phase.TLS:
                self._shake_hands()
            # Of what TLS has decrypted already, no selector tells.
            while not self._take(self._stream.recv(_READ_BYTES)):
                if self._stream is self.socket:
                    return False
        except BlockingIOError:
            return False
        except OSError as error:
            self.end(type(error).__name__)
        return True

    def end(self, why: str) -> None:
        """Close it, without a good-bye."""
        self.phase = Phase.ENDED
        self.trouble = why
        self._stream = self.socket
        self.socket.close()

    def _take(self, data: bytes) -> bool:
        if not data:
            self.end("closed")
        elif self.phase is Phase.ASKED:
            if self.answer.feed(data):
                self.answered = time.monotonic()
                self.phase = Phase.FREE
        elif self.phase is Phase.FREE:
            # Nobody has asked: it is told why it is about to be closed.
            self.answer.begin()
            self.answer.feed(data)
            self.end(str(self.answer.code))
        else:
            self._log_in(data)
        return self.phase in _SOMETHING_HAS_COME

    def _log_in(self, data: bytes) -> None:
        entrance = self._entrance
        reply = entrance.receive(data)
        if reply:
            self._send(reply)
        if entrance.stage is Stage.TLS:
            self.phase = Phase.TLS
            self._stream = Secured(self.socket)
            self._shake_hands()
        elif entrance.stage is Stage.IN:
            self.let_in = time.monotonic()
            self.phase = Phase.FREE
        elif entrance.stage is Stage.REFUSED:
            self.end(str(entrance.code) if entrance.code else entrance.why)

    def _shake_hands(self) -> None:
        secure = self._stream
        assert isinstance(secure, Secured)
        secure.shake_hands()
        self.phase = Phase.COMING
        self._send(self._entrance.secured())

    def _send(self, data: bytes) -> None:
        # Some hundred bytes after an answer: there is room for them.
        self._stream.send(data)
