"""Who serves the clients, as the running process shows it: this process, or its workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from proxy.admin.near_sight import NearSight
from proxy.admin.sight import Sight
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.net.clock import Clock
from proxy.observe import log
from proxy.service.assembly import Assembly
from proxy.service.pulse import Pulse


class Sights(Protocol):
    """What is seen of the proxies, and of who serves them.

    An assembly is of the kind that this process has: see `proxy.service.assembly`.
    """

    def of(self, assembly: Any) -> Sight:
        """What is seen of a proxy; the same for as long as that is there."""

    def workers(self) -> Sequence[WorkerStatus]:
        """The processes that serve clients."""

    def sample(self) -> None:
        """A second has passed."""

    def set_log_level(self, level: log.Level) -> None:
        """Write lines of this level and above from now on."""

    async def heard(self) -> None:
        """Wait until whoever serves clients has heard what was ordered before."""

    def why_not_ready(self) -> str:
        """Why new clients should go elsewhere; empty when they should not."""


class NearSights:
    """Those of a process that does everything itself.

    Args:
        clock: By which `sample` is called each second.
        assemblies: Gives its proxies.
        uptime: Gives the seconds since it began to serve.
    """

    def __init__(
        self,
        clock: Clock,
        assemblies: Callable[[], Sequence[Assembly]],
        uptime: Callable[[], float],
    ) -> None:
        self._assemblies = assemblies
        self._uptime = uptime
        self._sights: dict[Assembly, NearSight] = {}
        self._pulse = Pulse(clock, self._requests)

    def __repr__(self) -> str:
        """How busy the process is."""
        return f"<NearSights {self._pulse!r}>"

    def _requests(self) -> int:
        return sum(one.proxy.counters.query_requests for one in self._assemblies())

    def of(self, assembly: Assembly) -> NearSight:
        """See `Sights`."""
        found = self._sights.get(assembly)
        if found is None:
            there = self._assemblies()
            self._sights = {one: kept for one, kept in self._sights.items() if one in there}
            found = self._sights[assembly] = NearSight(assembly.proxy)
        return found

    def workers(self) -> Sequence[WorkerStatus]:
        """See `Sights`: the process itself."""
        pulse = self._pulse
        seen = pulse.figures
        return [
            WorkerStatus(
                number=1,
                pid=seen.pid,
                uptime=self._uptime(),
                clients=sum(one.proxy.count for one in self._assemblies()),
                statements=pulse.statements,
                cpu=pulse.cpu,
                cpu_seconds=seen.cpu_seconds,
                resident_bytes=seen.resident_bytes,
                open_files=seen.open_files,
                max_open_files=seen.max_open_files,
                delay=pulse.delay,
            )
        ]

    def sample(self) -> None:
        """See `Sights`."""
        self._pulse.beat()

    def set_log_level(self, level: log.Level) -> None:
        """See `Sights`."""
        log.set_level(level)

    async def heard(self) -> None:
        """See `Sights`: it has been done already."""

    def why_not_ready(self) -> str:
        """See `Sights`: the rest of the process knows."""
        return ""
