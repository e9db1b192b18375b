"""What a process and its successor tell each other, over a socket pair that only they have.

A message is four bytes of length (big-endian) and a JSON object; "what" says which.  Sockets
travel beside the bytes (SCM_RIGHTS), and "sockets" says by their inodes which belong to the
message: the kernel drops one in silence where the receiver has no descriptor left, and those
behind it must not be taken for it.

================  =========  ==================================================================
what              from       means
================  =========  ==================================================================
begin             old        its ports, and the first number for new clients; with the sockets
ready             successor  it listens at all of its endpoints
failed            successor  it cannot; `why` is a sentence
go                old        it accepts nobody any more: the successor is the service from here
serving           successor  it has heard that
client            old        a client, with its connection; see `front.moving`
taken             successor  it serves the client of this number
refused           successor  it does not; `why` is for the log
================  =========  ==================================================================
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

LAYOUT: Final = 1
"""Grows with every change of what the messages mean."""

MESSAGE_BYTES: Final = 1 << 28
"""The longest message: a client may have 16,382 prepared statements, each of some kilobytes."""

_HEADER: Final = 4
_CHUNK: Final = 1 << 16
_SOCKETS_AT_ONCE: Final = 253
"""What the kernel lets through beside one piece of data (SCM_MAX_FD)."""

Message = dict[str, Any]


class ChannelBrokenError(Exception):
    """What came makes no sense, or nothing comes any more."""


class Reader:
    """Puts messages together again, with their sockets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sockets: dict[int, socket.socket] = {}

    def feed(self, data: bytes) -> None:
        """Bytes that came."""
        self._buffer += data

    def give(self, handle: int) -> None:
        """A descriptor that came, before the bytes of its message or among them."""
        self._sockets[inode(handle)] = socket.socket(fileno=handle)

    def next(self) -> tuple[Message, list[socket.socket]] | None:
        """The next whole message and its sockets, which are the caller's then.

        Sockets that did not come are left out.

        Raises:
            ChannelBrokenError: that is none.
        """
        if len(self._buffer) < _HEADER:
            return None
        end = _HEADER + int.from_bytes(self._buffer[:_HEADER], "big")
        if end > MESSAGE_BYTES:
            raise ChannelBrokenError("a message is too long")
        if len(self._buffer) < end:
            return None
        text = bytes(self._buffer[_HEADER:end])
        del self._buffer[:end]
        try:
            message = json.loads(text)
            named = [one for one in message.get("sockets", ()) if one in self._sockets]
            sockets = [self._sockets.pop(one) for one in named]
        except (ValueError, AttributeError, TypeError, KeyError):
            raise ChannelBrokenError("a message makes no sense") from None
        return message, sockets

    def close(self) -> None:
        """Close what nobody has taken."""
        while self._sockets:
            self._sockets.popitem()[1].close()


def inode(handle: int) -> int:
    """What tells sockets apart that are open, in whichever process."""
    return os.fstat(handle).st_ino


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    text = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(text).to_bytes(_HEADER, "big") + text


def receive_now(channel: socket.socket, limit_seconds: float) -> tuple[Message, list[Any]]:
    """The next message, waited for without a reactor: for a process that only begins.

    Raises:
        ChannelBrokenError: none comes.
    """
    reader = Reader()
    channel.settimeout(limit_seconds)
    try:
        while (found := reader.next()) is None:
            data, handles, _, _ = socket.recv_fds(channel, _CHUNK, _SOCKETS_AT_ONCE)
            for handle in handles:
                os.set_inheritable(handle, False)
                reader.give(handle)
            if not data:
                raise ChannelBrokenError("the process before this one has ended")
            reader.feed(data)
    except OSError as error:
        raise ChannelBrokenError(f"nothing comes from the process before: {error}") from None
    return found


@implementer(IFileDescriptorReceiver)
class Channel(Protocol):
    """One end.

    Args:
        receive: Told each message, and given its sockets.
        lost: Told once that nothing more comes.
    """

    def __init__(
        self,
        receive: Callable[[Message, list[socket.socket]], None],
        lost: Callable[[], None],
    ) -> None:
        self._receive = receive
        self._lost = lost
        self._reader = Reader()
        self.is_open = False

    def connectionMade(self) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self.is_open = True

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """See `twisted.internet.interfaces.IFileDescriptorReceiver`."""
        os.set_inheritable(descriptor, False)
        self._reader.give(descriptor)

    def dataReceived(self, data: bytes) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self._reader.feed(data)
        try:
            while (found := self._reader.next()) is not None:
                self._receive(*found)
        except ChannelBrokenError:
            self.close()

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self.is_open = False
        self._reader.close()
        self._lost()

    def say(self, what: str, handles: Iterable[int] = (), **more: Any) -> None:
        """Send a message.

        Args:
            what: Which.
            handles: Descriptors that go with it; they have to stay open until it has arrived.
            more: What else it says.
        """
        if not self.is_open:
            return
        transport: Any = self.transport
        sockets = []
        for handle in handles:
            transport.sendFileDescriptor(handle)
            sockets.append(inode(handle))
        transport.write(encode({"what": what, "sockets": sockets, **more}))

    def flush(self) -> None:
        """Send at once what the kernel takes, without a turn of the reactor."""
        transport: Any = self.transport
        if self.is_open and not transport.disconnecting:  # else only the reactor can end it
            transport.doWrite()  # of an error the reactor hears by itself

    def close(self) -> None:
        """Say nothing more, once everything is sent."""
        if self.is_open:
            transport: Any = self.transport
            transport.loseConnection()


def adopt(reactor: Any, end: socket.socket, channel: Channel) -> None:
    """Let a channel speak over its end of the pair, which is closed here: it has a copy."""
    with end:
        end.setblocking(False)
        factory: Any = Factory.forProtocol(lambda: channel)
        factory.noisy = False
        reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)
