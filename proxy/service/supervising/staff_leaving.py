"""All workers send their clients to another release, by way of the supervisor, and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from proxy.net.clock import Timer, cancel
from proxy.service.channel import Channel, Message
from proxy.service.supervising.relay import Relay
from proxy.service.supervising.staff import Staff

LOOK_SECONDS = 0.1
"""How often is looked whether all workers have ended."""

DEALT_SECONDS = 1.0
"""How long those who were accepted last may take until a worker has them: it hears of them in
milliseconds, and tells so in some fifty."""

DEALING_SECONDS = 0.02
"""How often is looked whether it has."""


class StaffLeaving:
    """See the module, and `proxy.service.handover.restart.Going`.

    Args:
        channel: To the other release.
        staff: Who has the clients.
        relay: Carries them.
        seconds: How long those may stay that cannot go.
        may_end: Whether nobody else has clients for this process.
        are_dealt: Whether all that were accepted here have come to a worker.
        reactor: Ours.
        log: For what an operator may care about.
    """

    def __init__(
        self,
        channel: Channel,
        staff: Staff,
        relay: Relay,
        seconds: float,
        may_end: Callable[[], bool],
        are_dealt: Callable[[], bool],
        reactor: Any,
        log: FilteringBoundLogger,
    ) -> None:
        self._channel = channel
        self._staff = staff
        self._relay = relay
        self._seconds = seconds
        self._may_end = may_end
        self._are_dealt = are_dealt
        self._reactor = reactor
        self._log = log
        self._timer: Timer | None = None
        self._left = self._is_heard = self._is_lost = self._stopped = False

    def __repr__(self) -> str:
        """Who is left."""
        return f"<StaffLeaving {len(self._staff.joined)} workers are left>"

    @property
    def is_awaited(self) -> bool:
        """See `Going`."""
        return bool(self._relay)

    def begin(self) -> None:
        """See `Going`."""
        self._staff.close()
        self._relay.leave(None if self._is_lost else self._channel)
        self._leave(DEALT_SECONDS)

    def _leave(self, patience: float) -> None:
        """Have all sent, once nobody comes any more: who comes then is turned away."""
        if not self._are_dealt() and patience > 0:
            again = patience - DEALING_SECONDS
            self._timer = self._reactor.callLater(DEALING_SECONDS, self._leave, again)
            return
        self._left = True
        self._staff.tell("leave", seconds=self._seconds)
        if self._is_heard:
            self._serving()
        if self._is_lost:
            self._staff.tell("stay")
        self._look()

    def _serving(self) -> None:
        self._staff.tell("heard", message={"what": "serving"})

    def _look(self) -> None:
        self._timer = None
        if not self._staff.joined and not self._relay and self._may_end():
            self._log.info("this process ends: another one serves")
            self._reactor.stop()
            return
        self._timer = self._reactor.callLater(LOOK_SECONDS, self._look)

    def heard(self, message: Message) -> None:
        """See `Going`."""
        if message["what"] == "serving":
            self._is_heard = True
            if self._left:
                self._serving()
        else:
            self._relay.answered(message)
        if self._stopped and not self._relay:
            self._channel.close()

    def lost(self) -> None:
        """See `Going`."""
        self._is_lost = True
        self._relay.successor_lost()
        if self._left:
            self._staff.tell("stay")

    def stop(self) -> None:
        """See `Going`."""
        self._stopped = True
        cancel(self._timer)
        self._relay.halt()  # the channel is closed to whoever would come later
        if not self._relay:
            self._channel.close()
