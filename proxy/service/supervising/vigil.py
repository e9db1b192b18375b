"""Whether workers live: each is asked, and one that does not answer is of no use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.net.clock import Timer, cancel
from proxy.service.link import LinkError, LinkSilentError
from proxy.service.supervising.member import Member

PING_SECONDS: Final = 1.0
"""How often each worker is asked whether it lives."""

WORKER_SILENT_SECONDS: Final = 10.0
"""A worker that answers nothing for so long hangs: whatever it does for clients is done in
milliseconds, and what takes longer is the database's."""

LATE_SECONDS: Final = 1.0
"""A worker that has not answered for so long gets no new clients until it does."""

AGAIN_SECONDS: Final = 1.0
"""For an answer to a last question: it may be this process that has stood still, and then finds
that nobody has answered in time."""

_PATIENCE: Final = (LATE_SECONDS, WORKER_SILENT_SECONDS - LATE_SECONDS, AGAIN_SECONDS)


class Vigil:
    """See the module.

    Args:
        dismiss: Ends a worker; told why.
        reactor: Ours.
        log: For mistakes of our own.
    """

    def __init__(
        self,
        dismiss: Callable[[Member, str], None],
        reactor: Any,
        log: FilteringBoundLogger,
    ) -> None:
        self._dismiss = dismiss
        self._reactor = reactor
        self._log = log
        self._timers: dict[Member, Timer] = {}

    def __repr__(self) -> str:
        """How many are to be asked again."""
        return f"<Vigil over {len(self._timers)}>"

    def begin(self, member: Member) -> None:
        """Ask it from now on."""
        self.end(member)
        self._timers[member] = self._reactor.callLater(PING_SECONDS, self._ping, member)

    def end(self, member: Member) -> None:
        """It is gone."""
        cancel(self._timers.pop(member, None))

    def _ping(self, member: Member) -> None:
        del self._timers[member]
        Deferred.fromCoroutine(self._ask(member)).addErrback(self._mistaken)

    async def _ask(self, member: Member) -> None:
        for seconds in _PATIENCE:
            try:
                await member.link.ask("ping", seconds=seconds)
            except LinkSilentError:
                member.is_late = True
                member.on_late()
            except LinkError:
                return  # it is gone, and somebody else cares
            else:
                member.is_late = False
                self.begin(member)
                return
        self._dismiss(member, f"it has not answered for {WORKER_SILENT_SECONDS:g} s")

    def _mistaken(self, failure: Failure) -> None:
        trace = failure.getTraceback()
        self._log.error("a mistake in watching the workers", exception=trace)
