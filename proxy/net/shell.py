"""What both sides of the wire share: eager writes, back-pressure, how a connection ends."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet import main, tcp
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from proxy.net.tls import Stream, TlsFailedError

STALLED_BYTES: Final = 1 << 16
"""A peer that leaves so much unread is not sent more until it has read: Twisted's own limit."""


READ_BYTES: Final = (479, 1 << 13, 1 << 17)
"""What is asked of the socket at once: the next larger once a buffer was full, for the rows of
a long result in few steps, and the next smaller after many reads that needed no more.  What a
buffer costs depends on its size: one of 512 bytes, 33 of which are Python's own, is free, and
above the largest the C library gives the memory back to the system each time."""

_HANDSHAKE_READ: Final = 1
"""Which of them a handshake needs: its messages are longer than statements."""

SMALL_READS: Final = 64
"""How many are so many."""


_CLOSED: Final = Failure(ConnectionDone())


class Shell:
    """A transport with MySQL on it: an `IProtocol` and an `IPushProducer`.

    A write goes to the socket at once, and only what the socket does not take is queued in the
    transport: the queue's turn through the reactor costs more than all else a statement needs.
    Reads take the short way too: the reactor calls the shell in the transport's place.
    """

    transport: Any = None
    lost = False
    _source: Shell | None = None
    _socket: Any = None
    _send: Any = None
    """The socket's own `send`; None while bytes are queued, which nothing may overtake."""
    _receive: Any = None
    _read_size = 0
    _small_reads = 0
    _tls: Stream | None = None

    def makeConnection(self, transport: Any) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Take the socket of a plain connection, and prepare it."""
        transport = self.transport
        if isinstance(transport, tcp.Connection):  # those of unix sockets are, too
            handle = self._socket = transport.getHandle()
            self._send, self._receive = handle.send, handle.recv
            self.transport.doRead = self.read

    def read(self) -> Any:
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        size = READ_BYTES[self._read_size]
        try:
            data: bytes = self._receive(size)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not data:
            return None if self._close() else main.CONNECTION_DONE
        if self._read_size or len(data) == size:
            self._size_reads(len(data))
        if self._tls is not None:
            self._read_tls(data)
        else:
            self.dataReceived(data)
        return None

    def _size_reads(self, received: int) -> None:
        """The next read asks for as much as the last ones needed."""
        size = self._read_size
        if received == READ_BYTES[size]:
            self._small_reads = 0
            self._read_size = min(size + 1, len(READ_BYTES) - 1)
        elif received > READ_BYTES[size - 1]:
            self._small_reads = 0
        else:
            self._small_reads += 1
            if self._small_reads == SMALL_READS:
                self._small_reads = 0
                self._read_size = size - 1

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        raise NotImplementedError

    # TLS

    @property
    def tls_version(self) -> str:
        """Such as TLSv1.3; empty without TLS."""
        return self._tls.version if self._tls is not None else ""

    def start_tls(self, stream: Stream, received: bytes = b"") -> None:
        """Speak TLS from here on; `received` is what the peer has sent of it already."""
        self._tls = stream
        self._read_size = max(self._read_size, _HANDSHAKE_READ)
        self._send_of(stream)
        if received:
            self._read_tls(received)

    def tls_established(self) -> None:
        """Called once, when the handshake is over."""

    def tls_failed(self, why: str) -> None:
        """Called when the peer breaks TLS; the connection ends behind it."""
        raise NotImplementedError

    def _read_tls(self, data: bytes) -> None:
        tls = self._tls
        assert tls is not None
        had_begun, text = tls.established, b""
        try:
            text = tls.receive(data)
        except TlsFailedError as error:
            self._send_of(tls)
            self.tls_failed(str(error))
            self._end_for_peer()
            return
        if not had_begun:  # else there is something to send only when we write
            if tls.established:
                self.tls_established()  # what is said now goes out with the handshake's end
            if not tls.waits:
                self._send_of(tls)
        elif not text:
            self._send_of(tls)
        if text:
            self.dataReceived(text)
        if tls.ended:
            self._end_for_peer()

    def _send_of(self, tls: Stream) -> None:
        """Send what TLS says by itself."""
        data = tls.bytes_to_send()
        if data:
            self._write_plain(data)

    def _end_for_peer(self) -> None:
        """Close what the peer has ended: it need not read what is unsent."""
        if self.has_unsent:
            self.abort()
        else:
            self.hang_up()

    def write(self, data: bytes) -> bool:
        """Send now what the socket takes; queue the rest.

        Returns:
            Whether all of it went out.
        """
        tls = self._tls
        if tls is not None:
            if not tls.established:
                return True  # nobody could read it
            try:
                data = tls.encrypt(data)
            except TlsFailedError:
                if not self.transport.disconnecting:  # else it is what comes behind the end
                    self.abort()
                return True
        return self._write_plain(data)

    def _write_plain(self, data: bytes) -> bool:
        if self._send is None:
            self._resume_sending()
        if self._send is not None:
            try:
                sent: int = self._send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                # The reactor finds the same error and ends the connection in its own way.
                sent = 0
            if sent == len(data):
                return True
            data = data[sent:]
            self._send = None
        self.transport.write(data)
        return False

    def _resume_sending(self) -> None:
        """Use the socket again, once the transport has sent all that was queued."""
        transport = self.transport
        if (
            self._socket is not None
            and not transport.dataBuffer
            and not transport._tempDataBuffer  # noqa: SLF001 - nothing public tells it
            and transport.connected
            and not transport.disconnecting
        ):
            self._send = self._socket.send

    def write_from(self, source: Shell, data: bytes) -> None:
        """Send what came from `source`, which is read no further while we do not keep up."""
        if not self.write(data) and self._source is None and not self.lost:
            self._source = source
            self.transport.registerProducer(source, True)
            if self._queued() > STALLED_BYTES:
                source.pauseProducing()
                self.transport.producerPaused = True

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has to read before everything is sent."""
        return not self.lost and self._socket is not None and self._queued() > 0

    def _queued(self) -> int:
        """Bytes that the transport has not sent yet."""
        transport = self.transport
        return int(
            len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # noqa: SLF001 - nothing public tells it
        )

    def end_flow(self) -> None:
        """What came from the source is complete: it is free for others again."""
        source = self._source
        if source is not None:
            self._source = None
            self.transport.unregisterProducer()
            source.resumeProducing()

    # As the source of another shell

    def pauseProducing(self) -> None:
        """Read nothing more for now."""
        if not self.lost:
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        if not self.lost:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The peer that we fed is gone; whoever owns the exchange decides what follows."""

    # Ends

    def hang_up(self) -> None:
        """Close once everything is sent."""
        if not self.lost:
            self._end_tls()
            self._send = None
            self.transport.loseConnection()

    def _end_tls(self) -> None:
        """Say that nothing more comes, so that nobody can cut the text off unnoticed."""
        tls = self._tls
        if tls is not None and not self.transport.disconnecting:
            data = tls.end()
            if data:
                self._write_plain(data)

    def close(self) -> None:
        """Close at once when everything is sent, and else then."""
        if not self._close():
            self.hang_up()

    def _close(self) -> bool:
        """Close without a turn of the reactor; False where the transport has more to do."""
        transport = self.transport
        if self._socket is None or transport.disconnecting or self._queued():
            return False
        self._end_tls()
        if self._queued():
            return False
        transport.connectionLost(_CLOSED)
        return True

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._send = None
        if not self.lost:
            self.transport.abortConnection()

    def let_go(self) -> None:
        """Another process has the connection: close it here, which the peer does not notice.

        Twisted's own ways to close shut it down first, for all who have it.
        """
        transport = self.transport
        transport.stopReading()
        transport.stopWriting()
        self._socket.close()
        self.lost = True
        self._socket = self._send = self._receive = None
        transport.connected, transport.disconnected = 0, 1
        del transport.protocol, transport.socket, transport.fileno, transport.doRead

    @property
    def socket(self) -> Any:
        """The plain connection where nothing stands between; None with TLS, or at the end."""
        return None if self._tls is not None else self._socket

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.lost = True
        self._socket = self._send = self._receive = self._tls = None
        source, self._source = self._source, None
        if source is not None:
            source.resumeProducing()
        self.ended(_said(reason))

    def ended(self, why: str) -> None:
        """Called once, when the connection is gone; `why` is for the log."""
        raise NotImplementedError


def _said(reason: Failure) -> str:
    """A sentence for the log."""
    if isinstance(reason.value, ConnectionDone):
        return "the connection was closed"
    return str(reason.value).rstrip(".")
