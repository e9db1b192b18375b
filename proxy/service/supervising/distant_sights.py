"""Who serves the clients, as a supervisor shows it: its workers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from proxy.admin.snapshot_worker import WorkerStatus
from proxy.net.clock import Clock
from proxy.observe import log
from proxy.service.assembly import DistantAssembly
from proxy.service.link import LinkError, all_of
from proxy.service.supervising.distant_sight import LOOK_SECONDS, DistantSight
from proxy.service.supervising.member import Member
from proxy.service.supervising.staff import Staff
from proxy.service.supervising.tallies import Tallies


class DistantSights:
    """See `proxy.service.sights.Sights`.

    Args:
        staff: The workers.
        clock: By which they have to answer in time.
        assemblies: Gives the proxies.
        logger: Hears who does not.
    """

    def __init__(
        self,
        staff: Staff,
        clock: Clock,
        assemblies: Callable[[], Sequence[DistantAssembly]],
        logger: FilteringBoundLogger,
    ) -> None:
        self._staff = staff
        self._clock = clock
        self._assemblies = assemblies
        self._log = logger
        self._tallies = Tallies(clock, lambda: staff.seats)
        self._sights: dict[DistantAssembly, DistantSight] = {}
        staff.on_joining.append(self._join)
        staff.on_left.append(self._tallies.leave)

    def __repr__(self) -> str:
        """What is known."""
        return f"<DistantSights {self._tallies!r}>"

    @property
    def tallies(self) -> Tallies:
        """What the workers have told."""
        return self._tallies

    def of(self, assembly: DistantAssembly) -> DistantSight:
        """See `Sights`."""
        found = self._sights.get(assembly)
        if found is None:
            there = self._assemblies()
            self._sights = {one: kept for one, kept in self._sights.items() if one in there}
            names = {one.proxy.config.name for one in self._sights}
            for name in [name for name in self._tallies.proxies if name not in names]:
                self._tallies.forget(name)
            found = self._sights[assembly] = self._make(assembly)
        return found

    def _make(self, assembly: DistantAssembly) -> DistantSight:
        proxy = assembly.proxy
        told = self._tallies.watch(proxy.config.name, proxy.counters)
        return DistantSight(
            lambda: proxy.config, told, assembly.now, self._staff, self._clock, self._log
        )

    def _join(self, member: Member) -> None:
        self._tallies.join(member)
        for sight in self._sights.values():
            sight.tell(member)

    def workers(self) -> Sequence[WorkerStatus]:
        """See `Sights`."""
        return self._tallies.workers()

    def sample(self) -> None:
        """See `Sights`: they tell each second of their own accord."""

    def set_log_level(self, level: log.Level) -> None:
        """See `Sights`."""
        log.set_level(level)
        self._staff.tell("log_level", level=level)

    async def heard(self) -> None:
        """See `Sights`; a worker that does not answer in time hears it later, or never."""
        await all_of(map(_heard, self._staff.members))

    def why_not_ready(self) -> str:
        """See `Sights`."""
        return "" if self._staff.members else "no worker serves"


async def _heard(member: Member) -> None:
    with contextlib.suppress(LinkError):  # what is asked is answered after what was told
        await member.link.ask("ping", seconds=LOOK_SECONDS)
