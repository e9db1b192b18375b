"""All workers send their clients to another release, by way of the supervisor, and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from proxy.net.clock import Timer, cancel
from proxy.service.handover_channel import Channel, Message
from proxy.service.relay import Relay
from proxy.service.staff import Staff

LOOK_SECONDS = 0.1
"""How often is looked whether all workers have ended."""


class StaffLeaving:
    """See the module, and `proxy.service.handover.Going`.

    Args:
        channel: To the other release.
        staff: Who has the clients.
        relay: Carries them.
        seconds: How long those may stay that cannot go.
        may_end: Whether nobody else has clients for this process.
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
        reactor: Any,
        log: FilteringBoundLogger,
    ) -> None:
        self._channel = channel
        self._staff = staff
        self._relay = relay
        self._seconds = seconds
        self._may_end = may_end
        self._reactor = reactor
        self._log = log
        self._timer: Timer | None = None
        self._stopped = False

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
        self._relay.successor = self._channel
        self._staff.tell("leave", seconds=self._seconds)
        self._look()

    def _look(self) -> None:
        self._timer = None
        if not self._staff.joined and self._may_end():
            self._log.info("this process ends: another one serves")
            self._reactor.stop()
            return
        self._timer = self._reactor.callLater(LOOK_SECONDS, self._look)

    def heard(self, message: Message) -> None:
        """See `Going`."""
        if message["what"] == "serving":
            self._staff.tell("heard", message={"what": "serving"})
        else:
            self._relay.answered(message)
        if self._stopped and not self._relay:
            self._channel.close()

    def lost(self) -> None:
        """See `Going`."""
        self._relay.successor_lost()
        self._staff.tell("stay")

    def stop(self) -> None:
        """See `Going`."""
        self._stopped = True
        cancel(self._timer)
        if not self._relay:
            self._channel.close()
