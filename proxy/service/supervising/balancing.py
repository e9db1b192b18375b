"""Busy clients that came to the same worker by chance are spread over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.balance import next_move
from proxy.service.link import LinkError
from proxy.service.supervising.member import Member
from proxy.service.supervising.relay import Relay
from proxy.service.supervising.staff import Staff

LOOK_SECONDS: Final = 0.5
"""How often is looked how busy the workers are: what is shorter is noise."""

REST_LOOKS: Final = 3
"""After a move as many looks go by: the first of them still sees what was before."""

_NANOSECOND: Final = 1e-9


def core_seconds(pid: int) -> float | None:
    """Seconds for which the main thread of a process has run, or has wanted to.

    See proc_pid_schedstat(5): where others have the processor, a worker is as busy as if it had
    it.  None where it is not known.
    """
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return (int(ran) + int(waited)) * _NANOSECOND
    except (OSError, ValueError):
        return None


class Balancing:
    """See the module."""

    def __init__(
        self,
        staff: Staff,
        relay: Relay,
        clock: Clock,
        log: FilteringBoundLogger,
        used: Callable[[int], float | None] = core_seconds,
    ) -> None:
        self._staff = staff
        self._relay = relay
        self._clock = clock
        self._log = log
        self._used = used
        self._before: dict[int, float] = {}
        self._looked = 0.0
        self._rest = 0
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """Whom it looks at."""
        return f"<Balancing {self._staff!r}>"

    def start(self) -> None:
        """Look from now on."""
        self._look()

    def stop(self) -> None:
        """Look no more."""
        cancel(self._timer)

    def _look(self) -> None:
        self._timer = self._clock.callLater(LOOK_SECONDS, self._look)
        now, able = self._clock.seconds(), self._staff.members
        members = {one.pid: one for one in able if one.takes_clients}
        used = {pid: self._used(pid) for pid in members}
        passed, before = now - self._looked, self._before
        self._looked = now
        self._before = {pid: seconds for pid, seconds in used.items() if seconds is not None}
        if self._rest > 0:
            self._rest -= 1
            return
        busy = {
            members[pid].number: (seconds - before[pid]) / passed
            for pid, seconds in self._before.items()
            if pid in before and passed > 0
        }
        move = next_move(busy) if len(busy) == len(members) else None
        if move is None:
            return
        self._rest = REST_LOOKS
        by_number = {one.number: one for one in members.values()}
        giver, taker = by_number[move.giver], by_number[move.taker]
        moving = Deferred.fromCoroutine(self._move(giver, taker, move.part))
        moving.addErrback(self._mistaken)

    async def _move(self, giver: Member, taker: Member, part: float) -> None:
        """Move clients, but not to a worker that does nothing because it hangs."""
        try:
            await taker.link.ask("ping", seconds=LOOK_SECONDS)
        except LinkError:
            return
        self._relay.move(giver, taker, part)

    def _mistaken(self, failure: Failure) -> None:
        trace = failure.getTraceback()
        self._log.error("a mistake in moving clients", exception=trace)
