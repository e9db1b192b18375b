"""What a statement and a connection cost: one process, two workers, and two proxies.

Where load, server and proxies share few cores, a process that serves half as many clients finds
fewer events in each turn of its reactor, and each costs more.  Two proxies beside each other,
with half of the clients and of the backends each, have that too, and nothing in common: what
two workers cost beyond them is what workers as such cost.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import attrs

from bench import machine
from bench.clients_sysbench import Sysbench
from bench.site import Site
from bench.workers.serving import BACKENDS, CLIENTS, Serving, serving

ALONE: Final = "one process"
WORKERS: Final = "two workers"
BESIDE: Final = "two proxies"

WORKS: Final = {
    "select": "oltp_point_select",
    "connect": str(Path(__file__).resolve().parent.parent / "connect.lua"),
}


@attrs.frozen
class Used:
    """Processor time of a process for each operation of all, in microseconds.

    Attributes:
        user: in its own code and that of libraries.
        system: in the kernel.
    """

    user: float
    system: float

    @property
    def both(self) -> float:
        """Their sum."""
        return self.user + self.system


@attrs.frozen
class Cost:
    """One measurement.

    Attributes:
        per_second: operations, of all clients together.
        p99_ms: of the latency; of two loads the larger one.
        each: what the processes used, by their names.
    """

    per_second: float
    p99_ms: float
    each: Mapping[str, Used]

    @property
    def cpu_us(self) -> float:
        """Processor time of all processes for an operation, in microseconds."""
        return sum(used.both for used in self.each.values())

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return {
            "per_second": self.per_second,
            "cpu_us": self.cpu_us,
            "p99_ms": self.p99_ms,
            "each": {name: attrs.asdict(used) for name, used in self.each.items()},
        }


Costs = dict[str, dict[str, list[Cost]]]
"""By work, then by who did it: one for each round."""


def costs(at: Site, load: Sysbench, rounds: int, seconds: float) -> Costs:
    """Take all in turns; another one begins in each round.

    Raises:
        LoadFailedError: a load did not come to its end.
    """
    found: Costs = {work: {ALONE: [], WORKERS: [], BESIDE: []} for work in WORKS}
    half = BACKENDS // 2
    with (
        serving(at, 1, BACKENDS) as alone,
        serving(at, 2, BACKENDS) as two,
        serving(at, 1, half) as left,
        serving(at, 1, half) as right,
    ):
        compared = [(ALONE, (alone,)), (WORKERS, (two,)), (BESIDE, (left, right))]
        for number in range(rounds):
            shift = number % len(compared)
            for work, script in WORKS.items():
                for name, served in compared[shift:] + compared[:shift]:
                    found[work][name].append(_load(served, load, script, seconds))
    return found


def _load(served: Sequence[Serving], load: Sysbench, script: str, seconds: float) -> Cost:
    """Load them at once, with the same part of the clients each."""
    pids = dict(_named(served))
    before = {name: machine.cpu_split(pid) for name, pid in pids.items()}
    with ThreadPoolExecutor(len(served)) as pool:
        loads = [
            pool.submit(
                load.run,
                *(one.running, script, CLIENTS // len(served), seconds),
                prepared=False,
            )
            for one in served
        ]
        outcomes = [each.result()[0] for each in loads]
    events = max(sum(outcome.events for outcome in outcomes), 1)
    used = {}
    for name, pid in pids.items():
        user, system = machine.cpu_split(pid)
        user_before, system_before = before[name]
        used[name] = Used(
            (user - user_before) / events * 1e6, (system - system_before) / events * 1e6
        )
    return Cost(
        sum(outcome.events / outcome.seconds for outcome in outcomes),
        max(outcome.p99_ms for outcome in outcomes),
        used,
    )


def _named(served: Sequence[Serving]) -> Iterator[tuple[str, int]]:
    """All processes that serve, and what each is called in the report."""
    for place, one in enumerate(served, 1):
        workers = one.workers()
        if workers:
            yield "supervisor", one.pid
            yield from ((f"worker {number}", pid) for number, pid in sorted(workers.items()))
        else:
            yield "process" if len(served) == 1 else f"proxy {place}", one.pid


def told(found: Costs) -> Iterator[str]:
    """For people: medians of the rounds, and medians of the ratios within each round."""
    for work, by_name in found.items():
        yield work
        for name, rounds in by_name.items():
            rate, cpu, p99 = (
                statistics.median(getattr(cost, what) for cost in rounds)
                for what in ("per_second", "cpu_us", "p99_ms")
            )
            yield f"  {name:16} {rate:9,.0f} /s {cpu:9.1f} µs  p99 {p99:.1f} ms"
            for process in rounds[0].each:
                user, system = (
                    statistics.median(getattr(cost.each[process], what) for cost in rounds)
                    for what in ("user", "system")
                )
                yield f"    {process:14} {user:9.1f} µs user {system:9.1f} µs system"
        for name, other in ((WORKERS, ALONE), (BESIDE, ALONE), (WORKERS, BESIDE)):
            yield (
                f"  {name} ÷ {other}: processor time "
                f"{ratio(by_name[name], by_name[other], 'cpu_us'):.2f}, throughput "
                f"{ratio(by_name[name], by_name[other], 'per_second'):.2f}"
            )


def ratio(costs: Sequence[Cost], others: Sequence[Cost], what: str) -> float:
    """The median of the ratios within each round."""
    return statistics.median(
        getattr(one, what) / getattr(other, what)
        for one, other in zip(costs, others, strict=True)
    )


def as_json(found: Costs) -> dict[str, Any]:
    """Every measurement, as plain values."""
    return {
        work: {name: [cost.as_json() for cost in rounds] for name, rounds in by_name.items()}
        for work, by_name in found.items()
    }
