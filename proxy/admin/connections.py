"""The HTTP connections of the admin API, and their limits for who is slow or hostile."""

from __future__ import annotations

import ipaddress
import socket
import struct
from io import BytesIO
from typing import Any, cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import ILogObserver, Logger, LogPublisher
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from proxy.admin.api import Api
from proxy.admin.call import MAX_BODY_BYTES, Call
from proxy.admin.routes import Reply
from proxy.observe.log import get_logger
from proxy.vocabulary import unmapped

REQUEST_SECONDS = 30.0
"""A connection has so long from one answer to the end of the next request: operators type
slowly, but programs do not."""

MAX_CONNECTIONS = 64
"""Many dashboards and scripts at once; each takes up to 40 KiB, and a file descriptor that a
client could use.  When one more comes, whoever has asked nothing for longest makes room."""

MAX_HEADER_BYTES = 8 * 1024
"""Browsers send some 2 KiB."""

MAX_HEADERS = 50
"""Browsers send some 20."""

ABORT_SECONDS = 5.0
"""Whoever has not taken an answer of some KiB in so long is gone."""

MAX_DISCARDED_BYTES = 1024 * 1024
"""Whoever sends more than they may is told, unless it is so much that it hurts to read it."""

MAX_NAME = 100
"""Characters of a certificate's name that are shown."""

_log = get_logger()

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",  # no page of another site may load it
    "Server": "mysqlproxy",
}


class AdminRequest(Request):
    """One request: kept in memory up to its limit, then answered."""

    channel: Any  # an `AdminChannel`
    _answering: Deferred[None] | None = None
    _received_bytes = 0

    def gotLength(self, _length: int | None) -> None:
        """Twisted would put long bodies into files; here they are cut off."""
        self.content = self._body = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """See `twisted.web.http.Request`."""
        room = max(0, MAX_BODY_BYTES - self._received_bytes)
        self._body.write(data[:room])
        self._received_bytes += len(data)
        if self._received_bytes > MAX_DISCARDED_BYTES:
            self.channel.forceAbortClient()

    def process(self) -> None:
        """See `twisted.web.http.Request`."""
        self.channel.is_answering = True
        self._answering = Deferred.fromCoroutine(self._answer())
        self._answering.addErrback(self._mistaken)

    async def _answer(self) -> None:
        self._send(await self.channel.factory.api.answer(self._call()))

    def _mistaken(self, failure: Failure) -> None:
        """No answer is possible, or nobody is there any more who would want one."""
        if not failure.check(CancelledError):
            self.channel.forceAbortClient()
            _log.error("an answer could not be sent", exception=failure.getTraceback())

    def _send(self, answer: Reply) -> None:
        body = answer.body
        self.setResponseCode(answer.status, answer.status.phrase.encode())
        headers = {**_HEADERS, "Content-Type": answer.media_type, **answer.headers}
        for name, value in headers.items():
            self.setHeader(name.encode(), value.encode())
        self.setHeader(b"Content-Length", str(len(body)).encode())
        self.write(body)
        self.finish()

    def _call(self) -> Call:
        path, _, query = self.uri.partition(b"?")
        channel = self.channel
        local = isinstance(channel.getHost(), UNIXAddress)
        encrypted = ISSLTransport.providedBy(channel.transport)
        return Call(
            method=_text(self.method),
            path=_text(path),
            query=_text(query),
            body=self._body.getvalue(),
            body_bytes=self._received_bytes,
            content_type=self._header("Content-Type") or "",
            host=self._header("Host") or "",
            origin=self._header("Origin"),
            site=self._header("Sec-Fetch-Site") or "",
            authorization=self._header("Authorization") or "",
            known_tag=self._header("If-None-Match") or "",
            local=local,
            nearby=local or _is_loopback(channel.getHost().host),
            encrypted=encrypted,
            address="" if local else channel.getPeer().host,
            certificate=_certificate(channel.transport) if encrypted else "",
            by=_peer(channel, local=local),
        )

    def _header(self, name: str) -> str | None:
        """Of a header that came twice all is taken: no half of it is what a guard looks for."""
        values = self.requestHeaders.getRawHeaders(name.encode())
        return None if values is None else _text(b", ".join(values))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `twisted.web.http.Request`."""
        super().connectionLost(reason)
        if self._answering is not None:
            self._answering.cancel()


class AdminChannel(HTTPChannel):
    """One connection, with limits for those who are slow or send much.

    Attributes:
        is_answering: Whether a whole request is in, and its answer is not out.
    """

    is_answering = False
    # Twisted's lines say that idle connections were closed, which is so all day long.
    _log = Logger(observer=cast("ILogObserver", LogPublisher()))  # which tells nobody

    def connectionMade(self) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        super().connectionMade()
        self.factory.channels[self] = None

    def resetTimeout(self) -> None:
        """Whoever sends a byte now and then gets no more time for it."""

    def setLineMode(self, extra: bytes = b"") -> None:
        """An answer is out.

        What came before that is not looked at: else who sends thousands of requests at once and
        reads nothing has all answers made at once, and kept.  HTTP lets a server close then,
        and programs that send early send again.
        """
        if (extra + self.clearLineBuffer()).strip():
            self.persistent = False
            self.loseConnection()
        super().setLineMode()

    def requestDone(self, request: Request) -> None:
        """See `twisted.web.http.HTTPChannel`."""
        self.is_answering = False
        channels = self.factory.channels
        if channels.pop(self, self) is None:
            channels[self] = None  # the last one to be asked to go
        super().requestDone(request)
        self.setTimeout(REQUEST_SECONDS)  # also for those that do not read the last answer

    def make_room(self) -> None:
        """Go: somebody else wants the place."""
        if self.requests:
            self.forceAbortClient()
        else:
            self.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self.factory.channels.pop(self, None)
        super().connectionLost(reason)


class AdminFactory(Factory):
    """Makes connections, as long as there is room.

    Attributes:
        api: Who answers.
        channels: The connections; those that asked something last are last.
    """

    noisy = False

    def __init__(self, api: Api, reactor: Any) -> None:
        self._reactor = reactor
        self.api = api
        self.channels: dict[AdminChannel, None] = {}

    def buildProtocol(self, _addr: Any) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        if len(self.channels) >= MAX_CONNECTIONS and not self._make_room():
            return None
        channel: Any = AdminChannel()
        channel.factory = self
        channel.requestFactory = AdminRequest
        channel.callLater = self._reactor.callLater
        channel.timeOut = REQUEST_SECONDS
        channel.abortTimeout = ABORT_SECONDS
        channel.maxHeaders = MAX_HEADERS
        channel.totalHeadersSize = MAX_HEADER_BYTES
        return channel

    def _make_room(self) -> bool:
        """Close the connection on which nothing was asked for longest; False for none."""
        for channel in self.channels:
            if not channel.is_answering:
                del self.channels[channel]
                channel.make_room()
                return True
        return False

    def log(self, request: Request) -> None:
        """Nothing: actions are logged where they are done."""


def _text(value: bytes) -> str:
    """Of what can only be ASCII; anything else becomes what nobody asks for."""
    return value.decode("ascii", errors="replace")


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(unmapped(host)).is_loopback


def _certificate(transport: Any) -> str:
    """The name in the certificate that the peer has shown, and that was checked."""
    shown = transport.getPeerCertificate()
    if shown is None:
        return ""
    name = shown.to_cryptography().subject.rfc4514_string() or "without a name"
    return "".join(one if one.isprintable() else "?" for one in name[:MAX_NAME])


def _peer(channel: Any, *, local: bool) -> str:
    """Who is at the other end: the user's number, where the system tells it."""
    if not local:
        peer = channel.getPeer()
        return f"{peer.host}:{peer.port}"
    handle: socket.socket = channel.transport.getHandle()
    size = struct.calcsize("3i")
    _pid, uid, _gid = struct.unpack(
        "3i", handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return f"uid {uid}"
