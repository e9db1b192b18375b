"""Clients of a process that has a successor go there one by one, each while it rests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.front import moving
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.net.clock import Clock, Timer, cancel
from proxy.service.channel import Message
from proxy.service.handover.departures import Departures

LOOK_SECONDS: Final = 0.05
"""Pause between two looks at who rests: clients that are never silent for long are met by
chance between two statements, at one look in ten or so."""

MANY: Final = 1000
"""With so many clients a look takes some milliseconds, and is taken less often."""

LOOK_AT_MANY_SECONDS: Final = 0.5

IDLE_SECONDS: Final = 1.0
"""How long a connection to a target may be idle here: the successor opens its own, and the
target counts both."""


class Leaving:
    """Sends clients to the successor, until there are none, or the time is over.

    Args:
        departures: To the successor.
        close: Closes the channel to it.
        clients: All of this process.
        proxies: Likewise.
        clock: The reactor.
        seconds: How long those may stay that cannot go.
        may_end: Whether nobody else has clients for this process.
        end: Called once, when there is nothing more to do here.
        log: For what an operator may care about.
    """

    def __init__(
        self,
        departures: Departures,
        close: Callable[[], None],
        clients: Mapping[int, Client],
        proxies: Sequence[Proxy],
        clock: Clock,
        seconds: float,
        may_end: Callable[[], bool],
        end: Callable[[], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._departures = departures
        self._close = close
        self._clients = clients
        self._proxies = proxies
        self._clock = clock
        self._ends = clock.seconds() + seconds
        self._may_end = may_end
        self._end = end
        self._log = log
        self._timer: Timer | None = None
        self._resting: deque[Client] = deque()
        self._is_heard = False
        self._stays = False
        self._stopped = False

    def __repr__(self) -> str:
        """How far it is."""
        return f"<Leaving {self._departures!r}>"

    def begin(self) -> None:
        """Send the first ones."""
        for proxy in self._proxies:
            proxy.draining = True
            for pool in proxy.pools:
                pool.allowance.rest_no_longer(IDLE_SECONDS)
        self._look()

    def stop(self) -> None:
        """Send nobody more; of those on their way the successor says whether it has them."""
        self._stopped = True
        cancel(self._timer)
        self._resting.clear()
        self._close_if_done()

    @property
    def is_awaited(self) -> bool:
        """Whether the successor has still to say of a client whether it serves it."""
        return bool(self._departures)

    def _close_if_done(self) -> None:
        if self._stopped and not self._departures:
            self._close()

    # Going

    def _look(self) -> None:
        left = [*self._clients.values()]
        if not left and not self._departures and self._is_heard and self._may_end():
            self._finish("all clients have gone")
            return
        if self._clock.seconds() >= self._ends:
            self._finish("the time is over for clients that could not go")
            return
        self._departures.forget_gone()
        if not self._stays:
            self._send_those_who_rest(left)
        pause = LOOK_SECONDS if len(left) < MANY else LOOK_AT_MANY_SECONDS
        self._timer = self._clock.callLater(pause, self._look)

    def _send_those_who_rest(self, left: Sequence[Client]) -> None:
        for client in left:
            if not self._departures.has_to_stay(client) and moving.may_move(client):
                moving.call_back(client)
        self._resting.clear()
        self._resting.extend(left)
        self._send()

    def _send(self) -> None:
        while self._resting and self._departures.has_room:
            self._departures.send(self._resting.popleft())

    def heard(self, message: Message) -> None:
        """The successor says that it serves, or what it has done with a client."""
        if message["what"] == "serving":
            self._is_heard = True
            return
        self._departures.heard(message)
        self._send()
        self._close_if_done()

    def lost(self) -> None:
        """The successor has gone, and nobody says what has become of those on their way."""
        self.stay()
        self._departures.lost()

    def stay(self) -> None:
        """The successor has gone: clients are served here for as long as they may.

        Of those on their way is still heard, from somebody in between who has not gone.
        """
        self._is_heard = self._stays = True
        self._resting.clear()
        if not self._stopped:
            self._log.warning(
                "the new process has ended; clients that are still here stay",
                clients=len(self._clients) + len(self._departures),
            )

    def _finish(self, why: str) -> None:
        self._log.info(
            "this process ends: another one serves",
            why=why,
            moved=self._departures.moved,
            clients=len(self._clients),
        )
        self._end()
