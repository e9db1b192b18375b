"""Accepts connections for somebody else, with as little as that takes.

Twisted's port makes two addresses, a socket, a protocol and a transport of each connection.
Who only passes it on needs its descriptor.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet import tcp

AT_ONCE: Final = 256
"""Connections that are accepted in one turn of the reactor; whatever else there is to do waits
meanwhile."""

MORE: Final = 20
"""How many more the next turn accepts when this one has found as many as it would take.  One
that finds fewer leads to one that looks for no more than those: to find that there is none is
half as dear as to accept one."""

CLOSED_AT_ONCE: Final = 256
"""Connections that are closed in one turn for lack of descriptors."""

_GONE: Final = frozenset((errno.ECONNABORTED, errno.EPERM))
"""That client has left before it was accepted, or a firewall has stepped in: not the next."""


class Accepting:
    """Reads a port in the place of its own `doRead`.

    Args:
        port: A port of Twisted's that listens.
        take: Given each connection's descriptor, which is its own from then on; says whether
            there is room for more.
        rest: Told to let the port rest for a moment.
        log: For what goes wrong.
    """

    def __init__(
        self,
        port: Any,
        take: Callable[[int], bool],
        rest: Callable[[Any], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._port = port
        # What `socket.accept` calls, which then asks the kernel what kind of socket it has got.
        self._accept: Callable[[], tuple[int, object]] = port.socket._accept  # noqa: SLF001 - see above
        self._take = take
        self._rest = rest
        self._log = log

    def __repr__(self) -> str:
        """Where."""
        return f"<Accepting for {self._port}>"

    def read(self) -> None:
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        port = self._port
        found, limit = 0, port.numberAccepts
        while found < limit:
            try:
                handle, _ = self._accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _GONE:
                    self._find_room(error)
                    break
                found += 1
                continue
            found += 1
            try:
                has_room = self._take(handle)
            except Exception:  # noqa: BLE001 - a mistake with one client is not for the next ones
                trace = traceback.format_exc()
                self._log.error("a mistake in accepting a client", exception=trace)
                continue
            if not has_room:
                self._rest(port)
                break
        port.numberAccepts = min(limit + MORE, AT_ONCE) if found == limit else max(1, found)

    def _find_room(self, error: OSError) -> None:
        """Close who waits where there is no descriptor left, and else try again later."""
        if not self._port.connected:
            return  # it was closed in this turn
        closed = self._turn_away() if error.errno == errno.EMFILE else 0
        why = error.strerror
        self._log.error("clients cannot be accepted", why=why, closed=closed)
        if not closed:
            self._rest(self._port)

    def _turn_away(self) -> int:
        """Close connections by the descriptor that Twisted keeps for it; how many those were.

        They would else wait for as long as the lack lasts, and learn nothing.
        """
        closed, reserved = 0, tcp._reservedFD  # noqa: SLF001 - each port of Twisted's sees that it is there
        if reserved.available():
            with reserved:
                while closed < CLOSED_AT_ONCE:
                    try:
                        handle, _ = self._accept()
                    except OSError:
                        break
                    os.close(handle)
                    closed += 1
        return closed
