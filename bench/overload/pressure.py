"""Many times the work that the backends can do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from bench import tools
from bench.clients_sysbench import LoadFailedError
from bench.failover.samples import Measure
from bench.many import family
from bench.many.answer import values
from bench.many.client import Door
from bench.many.crowd import UNPLACED, Served
from bench.many.processes import Crowds
from bench.overload.order import Overtaking, overtaking
from bench.overload.serving import Settings, serving
from bench.overload.watching import Watch, recovered
from bench.peers import Running
from bench.site import Site

BACKENDS: Final = 4
TIMES: Final = 10
"""How many times the work that the backends can do."""

SLEEPING: Final = "sleeping"
COMPUTING: Final = "computing"
WORKS: Final = {
    SLEEPING: "SELECT SYSDATE(6), SLEEP(0.01)",
    COMPUTING: "SELECT SYSDATE(6), BENCHMARK(40000, SHA2('a', 256))",
}
"""Some ten milliseconds of a backend each, with the moment when it began; the one leaves the
machine to proxy and load, the other takes all of it."""

SATURATING: Final = (4, 8, 16, 32)
"""Clients, of which one number makes the most of the backends."""

CROWDS: Final = (TIMES, 5 * TIMES)
"""How many times as many clients as make the most of the backends."""

BORROW_TIMEOUT_SECONDS: Final = 1.0
TIMED_OUT: Final = "9501"

FORGIVEN_SECONDS: Final = 0.005
"""Of the order: commands that come within a turn of the reactor, and answers within one of the
load, are read in any order."""

_AS_GOOD: Final = 0.95
"""The fewest clients that reach so much of the best rate are those that make the most of the
backends: more only wait."""

_SETTLE_SECONDS: Final = 1.0
_AFTER_SECONDS: Final = 3.0
_SPARE_CLIENTS: Final = 1.3
_NORMAL_TIMES: Final = 3.0
_NORMAL_SECONDS: Final = 0.01
"""Served as without a load is who waits for no more than three times as long, and these ten
milliseconds: a turn of the load's processes on the same processors."""


def closed(
    here: Site, program: tools.Program, work: str, seconds: float, measure: Measure
) -> float:
    """Clients that ask again as soon as they are answered: few, many, and again many more.

    Returns:
        The most statements a second.

    Raises:
        LoadFailedError: a statement went wrong.
    """
    settings = Settings(BACKENDS)
    with (
        serving(here, program, settings) as running,
        Crowds(Door(running.host, running.port), [WORKS[work]]) as crowds,
    ):
        crowds.enter(max(CROWDS) * max(SATURATING))
        crowds.rush(max(SATURATING), _SETTLE_SECONDS)  # all backends are there
        rates = {}
        for count in SATURATING:
            crowds.rush(count, seconds)
            rates[count] = rate(_good(crowds.told()), seconds)
        best = max(rates.values())
        best_count = min(count for count in rates if rates[count] >= _AS_GOOD * best)
        measure.add("statements per second at best", "few", best)
        measure.add("clients", "few", best_count)
        for times in CROWDS:
            column = f"{times} times"
            with Watch(running) as watch:
                time.sleep(_SETTLE_SECONDS)
                normal = _normal(watch)
                crowds.rush(times * best_count, seconds)
                time.sleep(_AFTER_SECONDS)
            served = _good(crowds.told())
            ended = max(one.asked for one in served)
            found = rate(served, seconds)
            measure.add("clients", column, times * best_count)
            measure.add("statements per second at best", column, found)
            measure.add("% of the best", column, found / best * 100)
            _add_order(measure, column, order_of(served))
            latencies = sorted(one.answered - one.asked for one in served)
            measure.add("wait, median, ms", column, _part(latencies, 0.5) * 1e3)
            measure.add("wait, p99, ms", column, _part(latencies, 0.99) * 1e3)
            measure.add("wait, longest, ms", column, latencies[-1] * 1e3)
            back = recovered(watch.probes, ended, normal)
            measure.add("normal again, ms after the last question", column, back * 1e3)
    return best


def opened(
    here: Site,
    program: tools.Program,
    work: str,
    best: float,
    seconds: float,
    measure: Measure,
) -> None:
    """Statements that come at many times the best rate, whether answers come or not.

    Args:
        here: the server.
        program: the proxy.
        work: one of `WORKS`.
        best: the most statements a second that the backends can do.
        seconds: how long.
        measure: takes the figures.
    """
    wanted = best * TIMES
    column = f"{TIMES} times the rate"
    clients = int(wanted * BORROW_TIMEOUT_SECONDS * _SPARE_CLIENTS)
    settings = Settings(BACKENDS, BORROW_TIMEOUT_SECONDS, max_clients=2 * clients)
    with (
        serving(here, program, settings) as running,
        Crowds(Door(running.host, running.port), [WORKS[work]]) as crowds,
    ):
        crowds.enter(clients)
        crowds.rush(BACKENDS, _SETTLE_SECONDS)
        with Watch(running) as watch:
            time.sleep(_SETTLE_SECONDS)
            normal = _normal(watch)
            used = _cpu(running)
            began = time.monotonic()
            crowds.offer(wanted, seconds)
            took, used = time.monotonic() - began, _cpu(running) - used
            time.sleep(_AFTER_SECONDS)
        everything = crowds.told()
    told = [one for one in everything if one.trouble != UNPLACED]
    ended = max(one.asked for one in told)
    begun = min(one.asked for one in told)
    measure.add("clients", column, clients)
    measure.add("asked per second", column, len(told) / (ended - begun))
    measure.add("not asked, nobody was free", column, len(everything) - len(told))
    served = [one for one in told if not one.trouble]
    steady = [one for one in served if begun + BORROW_TIMEOUT_SECONDS < one.answered < ended]
    found = len(steady) / (ended - begun - BORROW_TIMEOUT_SECONDS)
    measure.add("answered per second", column, found)
    measure.add("% of the best", column, found / best * 100)
    _add_order(measure, column, order_of(served))
    refused = sorted(
        one.answered - one.asked - BORROW_TIMEOUT_SECONDS
        for one in told
        if one.trouble == TIMED_OUT
    )
    measure.add("refused by 9501 per second", column, len(refused) / took)
    if refused:
        measure.add("refused too early, ms, most", column, max(-refused[0], 0) * 1e3)
        measure.add("refused too late, ms, median", column, _part(refused, 0.5) * 1e3)
        measure.add("refused too late, ms, p99", column, _part(refused, 0.99) * 1e3)
        measure.add("refused too late, ms, most", column, refused[-1] * 1e3)
    others = Counter(one.trouble for one in told if one.trouble not in {"", TIMED_OUT})
    measure.add("other ends", column, others.total())
    measure.hear(column, work, others)
    _add_memory(measure, column, watch, begun, ended)
    measure.add("processor time of the proxy, % of a core", column, used / took * 100)
    back = recovered(watch.probes, ended, normal)
    measure.add("normal again, ms after the last question", column, back * 1e3)


def _cpu(running: Running) -> float:
    assert running.pid is not None
    return family.cpu_seconds(running.pid)


def _good(served: Sequence[Served]) -> Sequence[Served]:
    troubles = {one.trouble for one in served if one.trouble}
    if troubles or not served:
        raise LoadFailedError(f"statements end with {sorted(troubles) or 'nothing at all'}")
    return served


def rate(served: Sequence[Served], seconds: float) -> float:
    """Answers a second of a load of this length; those after its end do not count."""
    ends = min(one.asked for one in served) + seconds
    return sum(one.answered <= ends for one in served) / seconds


def order_of(served: Sequence[Served]) -> Overtaking:
    """Compare when they were asked with when the server began with them."""
    stories = [(one.asked, values(one.row)[0].decode("ascii")) for one in served]
    return overtaking(stories, FORGIVEN_SECONDS)


def _add_order(measure: Measure, column: str, found: Overtaking) -> None:
    measure.add("overtaken by more than 5 ms, of 10,000", column, found.share * 1e4)
    measure.add("overtaken by at most, ms", column, found.worst_seconds * 1e3)


def _add_memory(
    measure: Measure, column: str, watch: Watch, begun: float, ended: float
) -> None:
    weights = [(at, size / 2**20) for at, size in watch.memory]
    before = [size for at, size in weights if at < begun]
    third = begun + (ended - begun) / 3
    early = [size for at, size in weights if begun < at < third]
    late = [size for at, size in weights if third <= at < ended]
    measure.add("memory before, MiB", column, before[-1])
    measure.add("memory in the first third, most, MiB", column, max(early))
    measure.add("memory afterwards, most, MiB", column, max(late))


def _normal(watch: Watch) -> float:
    """Up to what the onlooker counts as served as it is now."""
    return _part(sorted(probe.seconds for probe in watch.probes), 0.5) * _NORMAL_TIMES + (
        _NORMAL_SECONDS
    )


def _part(ordered: Sequence[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]
