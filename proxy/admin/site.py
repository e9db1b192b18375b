"""The admin API over HTTP: connections, their limits, and where they come in."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from proxy.admin.api import Api
from proxy.admin.call import MAX_BODY_BYTES, Answer, Call
from proxy.admin.operations import Operations
from proxy.config.admin import AdminPort, AdminSocket, parse_admin_listen
from proxy.observe.log import get_logger

REQUEST_SECONDS = 30.0
"""A connection has so long from one answer to the end of the next request: operators type
slowly, but programs do not."""

MAX_CONNECTIONS = 64
"""Many dashboards and scripts at once; each takes up to 40 KiB, and a file descriptor that a
client could use."""

MAX_HEADER_BYTES = 8 * 1024
"""Browsers send some 2 KiB."""

MAX_HEADERS = 50
"""Browsers send some 20."""

ABORT_SECONDS = 5.0
"""Whoever has not taken an answer of some KiB in so long is gone."""

MAX_DISCARDED_BYTES = 1024 * 1024
"""Whoever sends more than they may is told, unless it is so much that it hurts to read it."""

_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Server": "mysqlproxy",
}


class AdminListenError(Exception):
    """The admin API cannot listen where it should; says where and why."""


class AdminRequest(Request):
    """One request: kept in memory up to its limit, then answered."""

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
        self._answering = Deferred.fromCoroutine(self._answer())
        self._answering.addErrback(_unless_cancelled)

    async def _answer(self) -> None:
        self._send(await self.channel.factory.api.answer(self._call()))

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.setResponseCode(answer.status, answer.status.phrase.encode())
        for name, value in {**_HEADERS, **answer.headers}.items():
            self.setHeader(name.encode(), value.encode())
        self.setHeader(b"Content-Length", str(len(body)).encode())
        self.write(body)
        self.finish()

    def _call(self) -> Call:
        path, _, query = self.uri.partition(b"?")
        local = isinstance(self.channel.getHost(), UNIXAddress)
        return Call(
            method=_text(self.method),
            path=_text(path),
            query=_text(query),
            body=self._body.getvalue(),
            body_bytes=self._received_bytes,
            content_type=self.getHeader("Content-Type") or "",
            host=self.getHeader("Host") or "",
            origin=self.getHeader("Origin"),
            local=local,
            by=_peer(self.channel, local=local),
        )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `twisted.web.http.Request`."""
        super().connectionLost(reason)
        if self._answering is not None:
            self._answering.cancel()


class AdminChannel(HTTPChannel):
    """One connection, with limits for those who are slow or send much."""

    def connectionMade(self) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        super().connectionMade()
        self.factory.channels.add(self)

    def resetTimeout(self) -> None:
        """Whoever sends a byte now and then gets no more time for it."""

    def requestDone(self, request: Request) -> None:
        """See `twisted.web.http.HTTPChannel`."""
        super().requestDone(request)
        self.setTimeout(REQUEST_SECONDS)  # also for those that do not read the last answer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `twisted.internet.interfaces.IProtocol`."""
        self.factory.channels.discard(self)
        super().connectionLost(reason)


class AdminFactory(Factory):
    """Makes connections, as long as there is room.

    Attributes:
        api: Who answers.
        channels: The connections.
    """

    noisy = False

    def __init__(self, api: Api, reactor: Any) -> None:
        self._reactor = reactor
        self.api = api
        self.channels: set[AdminChannel] = set()

    def buildProtocol(self, _addr: Any) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        if len(self.channels) >= MAX_CONNECTIONS:
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

    def log(self, request: Request) -> None:
        """Nothing: actions are logged where they are done."""


class AdminSite:
    """The admin API of a process."""

    def __init__(
        self,
        operations: Sequence[Operations],
        reactor: Any,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._reactor = reactor
        self._log = get_logger() if log is None else log
        self.api = Api(operations, reactor, self._log)
        self._factory = AdminFactory(self.api, reactor)
        self._ports: list[Any] = []  # IListeningPort, which mypy cannot read

    async def listen(self, text: str) -> None:
        """Listen at a place that the setting `admin.listen` names.

        Raises:
            AdminListenError: that is not possible; says why.
        """
        place = parse_admin_listen(text)
        endpoint: Any
        if isinstance(place, AdminSocket):
            endpoint = UNIXServerEndpoint(
                self._reactor, place.path, mode=place.mode, wantPID=True
            )
        else:
            endpoint = TCP4ServerEndpoint(self._reactor, place.port, interface=place.host)
        try:
            port = await endpoint.listen(self._factory)
        except (CannotListenError, OSError) as error:
            raise AdminListenError(_why_not(place, error)) from error
        self._ports.append(port)
        self._log.info("the admin API listens", address=str(place))

    async def stop(self) -> None:
        """Listen no more, and close all connections; actions that are under way go on."""
        while self._ports:
            await self._ports.pop().stopListening()
        for channel in [*self._factory.channels]:
            channel.forceAbortClient()


def _unless_cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _why_not(place: AdminSocket | AdminPort, error: Exception) -> str:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    why = str(getattr(cause, "strerror", None) or cause)
    if isinstance(place, AdminSocket) and isinstance(cause, FileNotFoundError):
        why = "the folder is not there"
    elif isinstance(error, CannotListenError) and not isinstance(cause, OSError):
        why = "another process listens there"  # it holds Twisted's lock beside the socket
    return f"the admin API cannot listen at {place}: {why}"


def _text(value: bytes) -> str:
    """Of what can only be ASCII; anything else becomes what nobody asks for."""
    return value.decode("ascii", errors="replace")


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
