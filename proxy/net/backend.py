"""The shell of a backend's connection: login, then one exchange at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred

from proxy.config.tls import TlsMode
from proxy.dialogue.answers import Kind
from proxy.dialogue.backend import Account, BackendDialogue
from proxy.dialogue.events import Broken, Greeted, LoginRefused
from proxy.dialogue.exchange import Exchange
from proxy.errors import BackendLostError, BackendRefusedError, ErrorReply
from proxy.net.answer import ANSWER_LIMIT, Answer
from proxy.net.backend_tls import BackendStream, BackendTlsStreams
from proxy.net.shell import Shell
from proxy.net.sockets import keep_alive
from proxy.session.prepared import Holdings
from proxy.wire.commands import QUIT
from proxy.wire.framing import encode
from proxy.wire.greeting import Greeting
from proxy.wire.patch import Patch
from proxy.wire.primitives import Malformed
from proxy.wire.proxy_header import encode_local, encode_v2
from proxy.wire.responses import parse_err
from proxy.wire.tracking import NOTHING, Tracking


class AnswerTaker(Interface):
    """Who gets the bytes of an answer."""

    def answer_arrived(self, data: bytes) -> None:
        """More of the answer; the backend's `exchange` says whether it has ended."""

    def backend_lost(self, why: str) -> None:
        """The backend went away before the answer had ended."""


class BackendProtocol(Shell):
    """A connection to a MySQL server.

    Attributes:
        exchange: Follows the answer that is under way, or did the last one.
        greeting: What the server said first; None until then.
        on_loss: Called once when a connection that had logged in is gone, with the reason and
            whether an answer was under way (whoever takes it hears of the loss by itself).
        holdings: The prepared statements that it holds.
    """

    exchange: Exchange
    greeting: Greeting | None = None
    status = 0

    def __init__(
        self,
        account: Account,
        *,
        secure: bool,
        tls: BackendTlsStreams | None = None,
        announces: bool = False,
    ) -> None:
        self.account = account
        self._tls_streams = tls
        self._announces = announces
        self.logged_in: Deferred[BackendProtocol] = Deferred(lambda _: self.abort())
        self._dialogue: BackendDialogue | None = BackendDialogue(
            account, secure=secure, tls=tls.mode if tls is not None else TlsMode.DISABLED
        )
        self._taker: AnswerTaker | None = None
        self.on_loss: Callable[[str, bool], None] = _nobody
        self.holdings = Holdings(0)

    def __repr__(self) -> str:
        """Which connection, and what it does."""
        number = self.greeting.connection_id if self.greeting else "-"
        refused = not self._dialogue and not hasattr(self, "exchange")
        doing = (
            "refused" if refused else "logging in" if self._dialogue else repr(self.exchange)
        )
        return f"<BackendProtocol {number} of {self.account.user!r}: {doing}>"

    @property
    def connection_id(self) -> int:
        """The server's id of this connection."""
        return self.greeting.connection_id if self.greeting else 0

    @property
    def owes_answer(self) -> bool:
        """Whether an answer is under way."""
        return self._taker is not None

    def connectionMade(self) -> None:
        """See `Shell`."""
        super().connectionMade()
        if self._socket is not None:
            keep_alive(self._socket)
        if self._announces:
            self.write(_header(self.transport))

    # TLS

    def tls_established(self) -> None:
        """See `Shell`."""
        dialogue, stream = self._dialogue, self._tls
        assert dialogue is not None
        assert isinstance(stream, BackendStream)
        dialogue.tls_started(verified=stream.is_verified)
        self.write(dialogue.bytes_to_send())

    def tls_failed(self, why: str) -> None:
        """See `Shell`."""
        self.ended(f"TLS with the target failed: {why}")

    # Login

    def _log_in(self, data: bytes, dialogue: BackendDialogue) -> None:
        for event in dialogue.receive_data(data):
            match event:
                case Greeted(greeting, starts_tls):
                    self.greeting = greeting
                    if starts_tls and self._tls_streams is not None:
                        self.write(dialogue.bytes_to_send())
                        self.start_tls(self._tls_streams.stream())
                case Broken(why, reply):
                    self._refuse(
                        BackendLostError(why) if reply is None else _refusal(why, reply)
                    )
                    return
                case LoginRefused(err):
                    self._refuse(BackendRefusedError(err.code, err.sqlstate, err.text))
                    return
                case logged_in:
                    self.status = logged_in.status
                    self.exchange = Exchange(dialogue.capabilities)
                    self._dialogue = None
                    if self._tls is not None and self._tls_streams is not None:
                        self._tls_streams.remember(self._tls)
                    self.logged_in.callback(self)
                    return
        outgoing = dialogue.bytes_to_send()
        if outgoing:
            self.write(outgoing)

    def _refuse(self, error: BackendLostError) -> None:
        self._dialogue = None
        if not self.logged_in.called:
            self.logged_in.errback(error)
        self.abort()

    # Exchanges

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the server."""
        taker = self._taker
        if taker is None:
            if self._dialogue is not None:
                self._log_in(data, self._dialogue)
            else:
                self.lose(_unasked(data))
            return
        exchange = self.exchange
        data = exchange.feed(data)
        if exchange.ended:
            self._taker = None
            excess = exchange.excess
            taker.answer_arrived(data)
            if excess:
                self.lose("the server sent more than its answer")
        elif exchange.broken:
            self.lose(exchange.why)
        elif data:
            taker.answer_arrived(data)

    def send(
        self,
        packet: bytes,
        kind: Kind,
        taker: AnswerTaker,
        capabilities: int,
        tracking: Tracking = NOTHING,
        patches: tuple[Patch, ...] = (),
        status: int = 0,
    ) -> None:
        """Send a command, packets and all; the answer goes to `taker`.

        The other arguments are those of `Exchange.begin`.
        """
        self.exchange.begin(kind, capabilities, tracking, patches, status)
        self._taker = taker
        self.write(packet)

    def tell(self, payload: bytes) -> None:
        """Send a command that has no answer."""
        self.write(encode(payload))

    def ask(self, payload: bytes, kind: Kind = Kind.SIMPLE) -> Deferred[Answer]:
        """Run a command of our own.

        The Deferred fails with `BackendRefusedError` for an ERR packet and `BackendLostError`
        when the connection ends; cancelling it ends the connection.
        """
        collector = _Collector(self)
        self.send(encode(payload), kind, collector, self.exchange.server_capabilities)
        return collector.done

    def replace_taker(self, taker: AnswerTaker) -> None:
        """Somebody else takes the rest of the answer."""
        if self._taker is not None:
            self._taker = taker

    # Ends

    def quit(self) -> None:
        """Say good-bye, and close when the server has."""
        self.tell(QUIT)
        self.hang_up()

    def lose(self, why: str) -> None:
        """Nobody may get this connection again: whoever uses it hears so at once."""
        self.abort()
        self._report_loss(why)

    def ended(self, why: str) -> None:
        """See `Shell`."""
        if self._dialogue is not None:
            self._refuse(BackendLostError(why))
        else:
            self._report_loss(why)

    def _report_loss(self, why: str) -> None:
        """Once: to the pool first, so that the lease is gone when its borrower hears of it."""
        on_loss, self.on_loss = self.on_loss, _nobody
        taker, self._taker = self._taker, None
        on_loss(why, taker is not None)
        if taker is not None:
            taker.backend_lost(why)


def _nobody(why: str, busy: bool) -> None:  # noqa: FBT001 - see `on_loss`
    """Nobody wants to know yet."""


def _unasked(data: bytes) -> str:
    """What a server says unasked is why it hangs up: an ERR packet, mostly."""
    if len(data) > 4 and data[4] == 0xFF:
        err = parse_err(data[4:])
        if not isinstance(err, Malformed):
            return f"the server says {err.code} ({err.sqlstate}): {err.text}"
    return "the server sent something unasked"


def _refusal(why: str, reply: ErrorReply) -> BackendRefusedError:
    """A login that cannot be: the log hears why, the client the reply."""
    return BackendRefusedError(reply.code, reply.sqlstate, reply.message, why)


def _header(transport: Any) -> bytes:
    """Our own address, for a target that wants to be told by the PROXY protocol."""
    ours, theirs = transport.getHost(), transport.getPeer()
    if not isinstance(ours, IPv4Address | IPv6Address):
        return encode_local()
    return encode_v2((ours.host, ours.port), (theirs.host, theirs.port))


class _Collector:
    """Takes the answer to a statement of our own."""

    def __init__(self, backend: BackendProtocol) -> None:
        self._backend = backend
        self._pieces: list[bytes] = []
        self._size = 0
        self.done: Deferred[Answer] = Deferred(lambda _: backend.abort())

    def answer_arrived(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        exchange = self._backend.exchange
        if self._size > ANSWER_LIMIT:
            self._backend.abort()
        elif not exchange.ended:
            return
        elif exchange.err is not None:
            err = exchange.err
            self._fail(BackendRefusedError(err.code, err.sqlstate, err.text))
        elif not self.done.called:
            self.done.callback(
                Answer(
                    exchange.status,
                    exchange.warnings,
                    exchange.row_count,
                    tuple(exchange.changes),
                    b"".join(self._pieces),
                    exchange.deprecate_eof,
                )
            )

    def backend_lost(self, why: str) -> None:
        self._fail(BackendLostError(why))

    def _fail(self, error: Exception) -> None:
        if not self.done.called:
            self.done.errback(error)
