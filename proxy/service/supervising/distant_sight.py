"""A proxy that workers serve, as operators see it in the supervisor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.admin import looking, summing
from proxy.admin.sight import Seen, Standing
from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
)
from proxy.config.model import ProxyConfig
from proxy.front.proxy import seat_of
from proxy.net.clock import Clock
from proxy.observe.counters import Counters
from proxy.observe.metrics_now import ProxyNow
from proxy.service.channel import Message
from proxy.service.link import LinkError, all_of
from proxy.service.supervising.member import Member
from proxy.service.supervising.staff import Staff
from proxy.service.supervising.tallies import OfProxy

LOOK_SECONDS: Final = 3.0
"""How long a worker may take to tell all rows of a list: 10,000 of them take it a second beside
its other work.  Who looks sees the rows of the others then, and that some are missing."""

KILL_SECONDS: Final = 5.0
"""How long it may take to find and end a client, which takes some milliseconds."""

MORE_DIGESTS: Final = 100
"""So many more than are wanted each worker tells of: a statement that takes most of the time
in all may not be among the first at one of them."""

Status = TypeVar("Status")


@attrs.define(eq=False)
class _Told(Generic[Status]):
    """Rows that have come, of all workers.

    Attributes:
        kind: Of these rows.
        totals: How many each worker has, by its number.
        missing: Numbers of those that have not told all of theirs.
    """

    kind: type[Status]
    rows: list[Status] = attrs.field(factory=list)
    totals: dict[int, int] = attrs.field(factory=dict)
    missing: tuple[int, ...] = ()

    def take(self, worker: int, answer: Message) -> None:
        self.rows += [self.kind(**_fields(one)) for one in answer["rows"]]
        self.totals[worker] = max(answer["total"], self.totals.get(worker, 0))


def _fields(row: Message) -> Message:
    """The fields of a row: what was a tuple has become a list on its way."""
    return {key: tuple(one) if isinstance(one, list) else one for key, one in row.items()}


class DistantSight:
    """See `proxy.admin.sight.Sight`.

    Args:
        config: Gives the configuration in force.
        told: What the workers have told of it.
        steward_now: How it stands by the steward, who decides.
        staff: The workers.
        clock: By which they have to answer in time.
        log: Hears who did not.
    """

    def __init__(
        self,
        config: Callable[[], ProxyConfig],
        told: OfProxy,
        steward_now: Callable[[], ProxyNow],
        staff: Staff,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._config = config
        self._told = told
        self._steward_now = steward_now
        self._staff = staff
        self._clock = clock
        self._log = log
        self._debug = self._configured_debug = self.config.debug_logging

    def __repr__(self) -> str:
        """Of which proxy."""
        return f"<DistantSight of {self.name!r}, {self.count} clients>"

    @property
    def name(self) -> str:
        """See `Sight`."""
        return self.config.name

    @property
    def config(self) -> ProxyConfig:
        """See `Sight`."""
        return self._config()

    @property
    def counters(self) -> Counters:
        """See `Sight`: the sum over the workers."""
        return self._whole(self._told.sums.refresh())

    def _whole(self, counters: Counters) -> Counters:
        """The same with all endpoints: where no client has come yet nothing has happened."""
        for one in self.config.endpoints:
            counters.endpoint(one.name)
        return counters

    @property
    def count(self) -> int:
        """See `Sight`."""
        return sum(one.clients.get(self.name, 0) for one in self._staff.members)

    @property
    def debug(self) -> bool:
        """See `Sight`."""
        if self.config.debug_logging is not self._configured_debug:  # a reload has changed it
            self._debug = self._configured_debug = self.config.debug_logging
        return self._debug

    @debug.setter
    def debug(self, on: bool) -> None:
        self._configured_debug, self._debug = self.config.debug_logging, on
        self._staff.tell("debug_logging", proxy=self.name, on=on)

    def tell(self, member: Member) -> None:
        """Tell a worker that begins what was switched while the others run."""
        if self.debug is not self.config.debug_logging:
            member.link.tell("debug_logging", proxy=self.name, on=self.debug)

    def now(self) -> ProxyNow:
        """How it stands, for the metrics; its counters are of the same moment."""
        limits = {one.target: one.max_connections for one in self.pools()}
        now = self._told.sums.joined(self._steward_now(), limits)
        self._whole(self._told.sums.counters)
        return now

    def standing(self) -> Standing:
        """See `Sight`."""
        return summing.standing(self._told.standings.values())

    def pools(self) -> list[PoolStatus]:
        """See `Sight`."""
        return summing.pools(self._told.pools.values())

    def pin_reasons(self) -> list[PinReasonStatus]:
        """See `Sight`."""
        now = self._told.sums.now().session_pins_now
        return looking.pin_reasons(self.name, now, self._told.sums.counters.session_pins)

    # What has to be asked for

    async def clients(self, most: int | None = None) -> Seen[ClientStatus]:
        """See `Sight`."""
        return await self._seen("clients", ClientStatus, most, summing.clients)

    async def connections(self, most: int | None = None) -> Seen[ConnectionStatus]:
        """See `Sight`."""
        return await self._seen("connections", ConnectionStatus, most, summing.connections)

    async def pins(self, most: int | None = None) -> Seen[PinStatus]:
        """See `Sight`."""
        return await self._seen("pins", PinStatus, most, summing.pins)

    async def digests(self, most: int) -> Seen[DigestStatus]:
        """See `Sight`."""
        told = _Told(DigestStatus)
        await self._ask_all(told, "digests", most + MORE_DIGESTS)
        rows = summing.digests(told.rows)
        # Which statements are the same at several workers is only known of those that came.
        total = max(len(rows), *told.totals.values(), 0)
        return Seen(rows[:most], total, told.missing)

    async def _seen(
        self,
        of: str,
        kind: type[Status],
        most: int | None,
        together: Callable[[Iterable[Status]], list[Status]],
    ) -> Seen[Status]:
        told = _Told(kind)
        await self._ask_all(told, of, most)
        return Seen(together(told.rows)[:most], sum(told.totals.values()), told.missing)

    async def _ask_all(self, told: _Told[Any], of: str, most: int | None) -> None:
        ends = self._clock.seconds() + LOOK_SECONDS
        members = self._staff.members
        await all_of(self._ask(one, told, of, most, ends) for one in members)
        if told.missing:
            self._log.warning(
                "workers did not tell in time what an operator looks at",
                proxy=self.name,
                what=of,
                workers=[*told.missing],
            )

    async def _ask(
        self, member: Member, told: _Told[Any], of: str, most: int | None, ends: float
    ) -> None:
        """All rows of one worker, step by step, as far as they come in time."""
        asked: Message = {"proxy": self.name, "of": of, "most": most}
        try:
            while True:
                left = max(ends - self._clock.seconds(), 0.0)
                answer = await member.link.ask("look", seconds=left, **asked)
                told.take(member.number, answer)
                if not answer["go_on"]:
                    return
                asked = {"go_on": answer["go_on"]}
        except LinkError:
            told.missing = (*told.missing, member.number)

    async def has_client(self, number: int) -> bool:
        """See `Sight`."""
        return await self._find("has", number)

    async def kill_client(self, number: int) -> bool:
        """See `Sight`."""
        return await self._find("kill_client", number, query=False)

    async def stop_statement(self, number: int) -> bool:
        """See `Sight`."""
        return await self._find("kill_client", number, query=True)

    async def _find(self, what: str, number: int, **more: Any) -> bool:
        """Ask whose client it is by its number, then the others: it may have moved."""
        members = self._staff.members
        first = [one for one in members if one.number == seat_of(number)]
        others = [one for one in members if one not in first]
        for some in (first, others):
            if await self._any(some, what, number=number, **more):
                return True
        return False

    async def has_connection(self, target: str, number: int) -> bool:
        """See `Sight`."""
        return await self._any(self._staff.members, "has", target=target, number=number)

    async def kill_connection(self, target: str, number: int) -> bool:
        """See `Sight`."""
        members = self._staff.members
        return await self._any(members, "kill_connection", target=target, number=number)

    async def _any(self, members: Iterable[Member], what: str, **more: Any) -> bool:
        """Whether one of them has it."""

        async def ask(member: Member) -> bool:
            try:
                answer = await member.link.ask(
                    what, seconds=KILL_SECONDS, proxy=self.name, **more
                )
            except LinkError:  # who is gone, or does not answer, has nothing that is wanted
                return False
            return bool(answer["found"])

        return any(await all_of(map(ask, members)))
