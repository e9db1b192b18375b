"""What both sides of the wire share: eager writes, back-pressure, how a connection ends."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet import tcp, unix
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

STALLED_BYTES = 1 << 16
"""A peer that leaves so much unread is not sent more until it has read: Twisted's own limit."""


@implementer(IPushProducer)
class Shell(Protocol):
    """A transport with MySQL on it.

    A write goes to the socket at once, and only what the socket does not take is queued in the
    transport: the queue's turn through the reactor costs more than all else a statement needs.
    """

    _socket: Any = None
    _source: Shell | None = None
    lost = False

    def connectionMade(self) -> None:
        """Prepare the socket: no delay for small packets, and a dead peer is noticed."""
        transport = self.transport
        if isinstance(transport, unix.Server | unix.Client):
            self._socket = transport.getHandle()
        elif isinstance(transport, tcp.Connection):
            handle = transport.getHandle()
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # A peer that vanished without a word is noticed after 60 + 3 * 10 seconds.
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
            self._socket = handle

    def write(self, data: bytes) -> bool:
        """Send now what the socket takes; queue the rest.

        Returns:
            Whether all of it went out.
        """
        transport = cast("Any", self.transport)
        handle = self._socket
        if (
            handle is not None
            and not transport.dataBuffer
            and not transport._tempDataBuffer  # noqa: SLF001 - nothing public tells it
            and transport.connected
            and not transport.disconnecting
        ):
            try:
                sent = handle.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                # The reactor finds the same error and ends the connection in its own way.
                sent = 0
            if sent == len(data):
                return True
            data = data[sent:]
        transport.write(data)
        return False

    def write_from(self, source: Shell, data: bytes) -> None:
        """Send what came from `source`, which is read no further while we do not keep up."""
        if not self.write(data) and self._source is None and not self.lost:
            self._source = source
            self.transport.registerProducer(source, True)  # type: ignore[union-attr]
            if self._queued() > STALLED_BYTES:
                source.pauseProducing()
                self.transport.producerPaused = True  # type: ignore[union-attr]

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has to read before everything is sent."""
        return not self.lost and self._socket is not None and self._queued() > 0

    def _queued(self) -> int:
        """Bytes that the transport has not sent yet."""
        transport = cast("Any", self.transport)
        return int(
            len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # noqa: SLF001 - nothing public tells it
        )

    def end_flow(self) -> None:
        """What came from the source is complete: it is free for others again."""
        source = self._source
        if source is not None:
            self._source = None
            self.transport.unregisterProducer()  # type: ignore[union-attr]
            source.resumeProducing()

    # As the source of another shell

    def pauseProducing(self) -> None:
        """Read nothing more for now."""
        if not self.lost:
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def resumeProducing(self) -> None:
        """Read on."""
        if not self.lost:
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def stopProducing(self) -> None:
        """The peer that we fed is gone; whoever owns the exchange decides what follows."""

    # Ends

    def hang_up(self) -> None:
        """Close once everything is sent."""
        if not self.lost:
            cast("Any", self.transport).loseConnection()

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        if not self.lost:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.lost = True
        self._socket = None
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
