"""Where a worker gets its clients: connections that the supervisor has accepted."""

from __future__ import annotations

import errno
import json
import os
import socket
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.abstract import FileDescriptor
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from proxy.front.listener import ClientFactory
from proxy.front.proxy import Proxy
from proxy.net.clock import Timer, cancel
from proxy.service.supervising.member import PACKET_BYTES

AT_ONCE: Final = 64
"""Connections that are taken in one turn of the reactor; who is there waits meanwhile."""

AGAIN_SECONDS: Final = 0.05
TRIES: Final = 20
"""What the supervisor says of another configuration comes another way than clients do, and may
be later than the first client of an endpoint that is new in it."""

_NO_ROOM: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

TELL_SECONDS: Final = 0.05
"""How often the supervisor is told how many clients there are, where that has changed."""


class Arrivals(FileDescriptor):
    """See the module.

    Args:
        door: Our end; see `proxy.service.supervising.member.Member.deal`.
        proxies: Those that there are; a reload may change them.
        tell: Told how many clients each has, and how many connections have come for it.
        reactor: Ours.
        log: For what goes wrong.
    """

    def __init__(
        self,
        door: socket.socket,
        proxies: Callable[[], Mapping[str, Proxy]],
        tell: Callable[[Mapping[str, int], Mapping[str, int]], None],
        reactor: Any,
        log: FilteringBoundLogger,
    ) -> None:
        super().__init__(reactor)
        door.setblocking(False)
        self._door = door
        self._proxies = proxies
        self._tell = tell
        self._log = log
        self._received: Counter[str] = Counter()
        self._told: Mapping[str, int] = {}
        self._told_received = 0
        self._timer: Timer | None = None
        self._stopped = False

    def __repr__(self) -> str:
        """How many have come."""
        return f"<Arrivals {self._received.total()} have come>"

    def fileno(self) -> int:
        """See `twisted.internet.interfaces.IFileDescriptor`."""
        return self._door.fileno()

    def start(self) -> None:
        """Take clients from now on."""
        self.startReading()
        self._look()

    def stop(self) -> None:
        """Take none any more; what is on its way the supervisor takes back."""
        self._stopped = True
        cancel(self._timer)
        self.stopReading()
        self._door.close()

    def _look(self) -> None:
        """Tell how many clients there are, if that is not known."""
        self._timer = self.reactor.callLater(TELL_SECONDS, self._look)
        clients = {name: proxy.count for name, proxy in self._proxies().items()}
        received = self._received.total()
        if clients != self._told or received != self._told_received:
            self._told, self._told_received = clients, received
            self._tell(clients, self._received)

    def doRead(self) -> None:
        """See `twisted.internet.interfaces.IReadDescriptor`."""
        for _ in range(AT_ONCE):
            try:
                packet, handles, _flags, _ = socket.recv_fds(
                    self._door, PACKET_BYTES, 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError as error:
                self._log.error("clients cannot be received", why=error.strerror)
                return
            if not packet:  # the supervisor is gone, of which the link hears too
                self.stopReading()
                return
            try:
                self._take(packet, handles)
            except Exception:  # noqa: BLE001 - a mistake with one client is not for the next ones
                trace = traceback.format_exc()
                self._log.error("a mistake in greeting a client", exception=trace)

    def _take(self, packet: bytes, handles: list[int]) -> None:
        name, endpoint, elsewhere = json.loads(packet)
        self._received[name] += 1
        if not handles:
            self._log.error("a client was lost", why=os.strerror(errno.EMFILE))
            return
        self._find_place(socket.socket(fileno=handles[0]), name, endpoint, elsewhere, TRIES)

    def _find_place(
        self, connection: socket.socket, name: str, endpoint: str, elsewhere: int, tries: int
    ) -> None:
        proxy = self._proxies().get(name)
        if proxy is not None and endpoint in proxy.routes:
            proxy.clients_elsewhere = elsewhere
            with connection:
                self._let_in(connection, ClientFactory(proxy, endpoint))
        elif tries and not self._stopped:
            self.reactor.callLater(
                AGAIN_SECONDS,
                *(self._find_place, connection, name, endpoint, elsewhere, tries - 1),
            )
        else:
            connection.close()

    def _let_in(self, connection: socket.socket, factory: Factory) -> None:
        connection.setblocking(False)
        try:
            connection.getpeername()  # Twisted asks too, but leaves open what it then has
            self.reactor.adoptStreamConnection(connection.fileno(), connection.family, factory)
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._log.error("a client was lost", why=error.strerror)
            else:
                self._log.debug("a client had gone before it was greeted", why=error.strerror)

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.interfaces.IFileDescriptor`."""
        super().connectionLost(reason)
        cancel(self._timer)
