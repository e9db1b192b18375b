"""Where a worker gets its clients: connections that the supervisor has accepted."""

from __future__ import annotations

import errno
import os
import socket
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.abstract import FileDescriptor
from twisted.python.failure import Failure

from proxy.front.listener import ClientFactory
from proxy.front.proxy import Proxy
from proxy.net.adopt import adopt
from proxy.net.clock import Timer, cancel
from proxy.service.supervising.member import Place, counted_for, read_packet, receive

AT_ONCE: Final = 64
"""Connections that are taken in one turn of the reactor; who is there waits meanwhile."""

MORE: Final = 8
"""How many more the next turn takes when this one has found as many as it would take.  One that
finds fewer leads to one that looks for no more than those."""

AGAIN_SECONDS: Final = 0.05
TRIES: Final = 20
"""What the supervisor says of another configuration comes another way than clients do, and may
be later than the first client of an endpoint that is new in it."""

_NO_ROOM: Final = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)
)

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
        self._at_once = AT_ONCE
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
        """Take none any more; what is on its way the supervisor takes back.

        It is still told how many there are: whoever leaves has had a place that others want.
        """
        self._stopped = True
        self.stopReading()
        self._door.close()

    def end(self) -> None:
        """Nobody is left."""
        cancel(self._timer)

    def note(self, proxy: str) -> None:
        """A client has come by another way, which the supervisor has counted as sent too."""
        self._received[proxy] += 1

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
        found = 0
        while found < self._at_once:
            try:
                packet, handle = receive(self._door)
            except BlockingIOError:
                break
            except OSError as error:
                self._log.error("clients cannot be received", why=error.strerror)
                return
            if not packet:  # the supervisor is gone, of which the link hears too
                self.stopReading()
                return
            found += 1
            try:
                self._take(packet, handle)
            except Exception:  # noqa: BLE001 - a mistake with one client is not for the next ones
                trace = traceback.format_exc()
                self._log.error("a mistake in greeting a client", exception=trace)
        full = found == self._at_once
        self._at_once = min(found + MORE, AT_ONCE) if full else max(1, found)

    def _take(self, packet: bytes, handle: int | None) -> None:
        place, room = read_packet(packet)
        self._received[counted_for(place, room)] += 1
        if handle is None:
            self._log.error("a client was lost", why=os.strerror(errno.EMFILE))
            return
        # Only the family is asked of the kernel then.
        connection = socket.socket(-1, socket.SOCK_STREAM, 0, handle)
        self._find_place(connection, place, room, TRIES)

    def _find_place(
        self, connection: socket.socket, place: Place, room: int, tries: int
    ) -> None:
        proxy = self._proxies().get(place.proxy)
        if proxy is not None and place.endpoint in proxy.routes:
            # The supervisor has counted, who sees all that come and that change workers; here
            # some that were counted may have come already, and others be gone.
            clients = proxy.config.max_clients - room
            proxy.clients_elsewhere = max(clients - proxy.count, 0)
            self._let_in(connection, ClientFactory(proxy, place.endpoint))
        elif tries and not self._stopped:
            again = (self._find_place, connection, place, room, tries - 1)
            self.reactor.callLater(AGAIN_SECONDS, *again)
        else:
            connection.close()

    def _let_in(self, connection: socket.socket, factory: ClientFactory) -> None:
        try:
            adopt(self.reactor, connection, factory)
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._log.error("a client was lost", why=error.strerror)
            else:
                self._log.debug("a client had gone before it was greeted", why=error.strerror)

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.interfaces.IFileDescriptor`."""
        super().connectionLost(reason)
        cancel(self._timer)
