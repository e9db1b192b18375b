"""What the workers have told of themselves, kept by the supervisor and added up.

See `proxy.service.seats.teller` for what they tell.  What a worker has counted stays counted
when another one takes its place.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from proxy.admin.sight import Standing
from proxy.admin.snapshot import PoolStatus
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.net.clock import Clock
from proxy.observe.counters import Counters
from proxy.observe.figures import Figures
from proxy.observe.latency import Histogram
from proxy.observe.metrics_now import WorkerNow
from proxy.observe.sums import Sums
from proxy.observe.tally import ProxyTally
from proxy.service.channel import Message
from proxy.service.supervising.member import Member
from proxy.service.supervising.staff import Seat

SILENT_SECONDS: Final = 3.0
"""A worker tells of itself each second: whoever has missed three of these hangs, or nearly."""


@attrs.define(eq=False)
class _Told:
    """What a process has told of itself last.

    Attributes:
        at: When, by the clock of the supervisor.
    """

    at: float
    figures: Figures
    uptime: float
    requests: int
    statements: int
    cpu: float
    delay: float
    delays: Histogram

    @classmethod
    def of(cls, process: Message, at: float) -> _Told:
        fields = {
            **process,
            "figures": Figures(**process["figures"]),
            "delays": Histogram.unpacked(process["delays"]),
        }
        return cls(at=at, **fields)


@attrs.define(eq=False)
class _Kept:
    """What those have counted that had a seat before.

    Attributes:
        requests: Commands of clients.
        cpu_seconds: Processor time.
        delays: How late came what was due each second.
    """

    requests: int = 0
    cpu_seconds: float = 0.0
    delays: Histogram = attrs.field(factory=Histogram)

    def keep(self, told: _Told) -> None:
        self.requests += told.requests
        self.cpu_seconds += told.figures.cpu_seconds
        self.delays.merge(told.delays)


@attrs.define(eq=False)
class OfProxy:
    """What all have told of one proxy.

    Attributes:
        sums: What they have counted.
        standings: How it stands at each, by its number.
        pools: Their pools, likewise.
    """

    sums: Sums
    standings: dict[int, Standing] = attrs.field(factory=dict)
    pools: dict[int, list[PoolStatus]] = attrs.field(factory=dict)

    def take(self, worker: int, told: Message) -> None:
        """A worker has told something new."""
        self.sums.take(worker, ProxyTally.unpacked(told["tally"]))
        self.standings[worker] = Standing(**told["standing"])
        self.pools[worker] = [PoolStatus(**one) for one in told["pools"]]

    def leave(self, worker: int) -> None:
        """A worker is gone, or serves the proxy no more."""
        self.sums.leave(worker)
        self.standings.pop(worker, None)
        self.pools.pop(worker, None)


class Tallies:
    """See the module.

    Args:
        clock: By which is told who is silent.
        seats: The places of the workers.

    Attributes:
        proxies: What was told of each proxy that is watched, by its name.
    """

    def __init__(self, clock: Clock, seats: Callable[[], Iterable[Seat]]) -> None:
        self._clock = clock
        self._seats = seats
        self._told: dict[int, _Told] = {}
        self._kept: dict[int, _Kept] = {}
        self.proxies: dict[str, OfProxy] = {}

    def __repr__(self) -> str:
        """Of how many there is something."""
        return f"<Tallies of {len(self._told)} workers and {len(self.proxies)} proxies>"

    def watch(self, proxy: str, own: Counters) -> OfProxy:
        """Keep what is told of a proxy from now on.

        Args:
            proxy: Its name.
            own: What this process counts of it itself.
        """
        found = self.proxies[proxy] = OfProxy(Sums(own))
        return found

    def forget(self, proxy: str) -> None:
        """Keep nothing of a proxy any more."""
        self.proxies.pop(proxy, None)

    # The workers

    def join(self, member: Member) -> None:
        """Hear a worker; for `Staff.on_joining`."""
        number = member.number

        def take(message: Message, _: list[socket.socket]) -> None:
            self._take(number, message)

        member.link.on("tally", take)

    def leave(self, member: Member) -> None:
        """A worker is gone; for `Staff.on_left`."""
        told = self._told.pop(member.number, None)
        if told is not None:
            self._kept.setdefault(member.number, _Kept()).keep(told)
        for proxy in self.proxies.values():
            proxy.leave(member.number)

    def _take(self, number: int, message: Message) -> None:
        self._told[number] = _Told.of(message["process"], self._clock.seconds())
        proxies: dict[str, Any] = message["proxies"]
        for name, of_proxy in self.proxies.items():
            if name in proxies:
                of_proxy.take(number, proxies[name])
            else:
                of_proxy.leave(number)

    def workers(self) -> list[WorkerStatus]:
        """How each of them stands."""
        return [self._worker(seat) for seat in self._seats()]

    def _worker(self, seat: Seat) -> WorkerStatus:
        member, told = seat.member, self._told.get(seat.number)
        if member is None or told is None:
            return WorkerStatus(
                number=seat.number,
                pid=0 if member is None else member.pid,
                state=self._state(seat),
                restarts=seat.restarts,
            )
        seen = told.figures
        return WorkerStatus(
            number=seat.number,
            pid=member.pid,
            state=self._state(seat),
            uptime=told.uptime,
            clients=sum(member.clients.values()),
            statements=told.statements,
            cpu=told.cpu,
            cpu_seconds=seen.cpu_seconds,
            resident_bytes=seen.resident_bytes,
            open_files=seen.open_files,
            max_open_files=seen.max_open_files,
            delay=told.delay,
            restarts=seat.restarts,
        )

    def _state(self, seat: Seat) -> str:
        """One of `WORKER_STATES`."""
        member, told = seat.member, self._told.get(seat.number)
        if member is None or not member.is_ready:
            return "replaced" if seat.restarts else "starting"
        silent = told is not None and self._clock.seconds() - told.at > SILENT_SECONDS
        return "silent" if silent else "serving"

    def now(self) -> Iterator[WorkerNow]:
        """How each of them stands, for the metrics."""
        for status in self.workers():
            told, kept = self._told.get(status.number), self._kept.get(status.number)
            delays = Histogram() if kept is None else kept.delays.copy()
            requests, cpu_seconds = (
                (0, 0.0) if kept is None else (kept.requests, kept.cpu_seconds)
            )
            if told is not None:
                delays.merge(told.delays)
                requests += told.requests
                cpu_seconds += told.figures.cpu_seconds
            yield WorkerNow(
                worker=str(status.number),
                worker_up=status.state in ("serving", "silent"),
                worker_clients=status.clients,
                worker_uptime_seconds=status.uptime,
                worker_resident_memory_bytes=status.resident_bytes,
                worker_open_fds=status.open_files,
                worker_max_fds=status.max_open_files,
                worker_requests=requests,
                worker_process_cpu_seconds=cpu_seconds,
                worker_restarts=status.restarts,
                worker_reactor_delay=delays,
            )
