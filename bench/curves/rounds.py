"""The rounds of one curve: each point has a proxy of its own, and all are measured in turns."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import attrs
import click

from bench import tools
from bench.clients_sysbench import LoadFailedError
from bench.curves import load
from bench.curves.axes import IDLE_SECONDS, Curve, Point
from bench.curves.idlers import idlers
from bench.curves.results import Place, Sample
from bench.curves.ways import SPARE_FILES, Way, way
from bench.encryption import Tls
from bench.peers import PeerFailedError
from bench.site import Site

_SETTLE_SECONDS: Final = 2.0
"""Until a proxy has done what the logins have left to be done."""


@attrs.frozen
class Effort:
    """How much is measured.

    Attributes:
        rounds: how often each point is.
        seconds: of each load.
        tls: whether the idle clients speak TLS.
    """

    rounds: int
    seconds: int
    tls: bool = False


@attrs.frozen
class _Ready:
    """A point whose proxy runs.

    Attributes:
        point: which.
        way: its proxy.
        login_seconds: see `Sample`.
    """

    point: Point
    way: Way
    login_seconds: float | None


@attrs.frozen
class _Still:
    """A proxy while nothing happens, see `Sample`."""

    share: float | None
    memory_bytes: float | None


class Rounds:
    """Those of one curve.

    Attributes:
        failures: What went wrong, by point.
        beside: Throughput at the last point, in the mean of that at the first two at the same
            time; one for each round, where idle clients are what changes.
    """

    def __init__(self, here: Site, sysbench: tools.Program, curve: Curve) -> None:
        self._here = here
        self._sysbench = sysbench
        self._curve = curve
        self._samples: dict[int, list[Sample]] = defaultdict(list)
        self.failures: dict[str, str] = {}
        self.beside: list[float] = []

    def run(self, effort: Effort) -> list[Place]:
        """Measure; a point that fails is left out from then on.

        Raises:
            ProgramMissingError: the compiled form was not built.
        """
        with contextlib.ExitStack() as stack:
            ready = []
            for point in self._curve.points:
                try:
                    ready.append(self._prepare(stack, point, effort))
                except (LoadFailedError, PeerFailedError) as error:
                    self._fail(point, error)
            # Both ends are compared with each other, so that they follow each other.
            order = [*ready[:1], *ready[:0:-1]]
            time.sleep(_SETTLE_SECONDS)
            for number in range(effort.rounds):
                still = self._look(ready)
                # There and back again: whoever comes late in one round comes early in the next.
                for one in order if number % 2 == 0 else reversed(order):
                    if str(one.point.at) not in self.failures:
                        self._measure(one, number, effort, still[one.point.at])
                if self._curve.looks_still and len(ready) > 2 and not self.failures:
                    self._compare(ready, number, effort)
                said = f"{self._curve.key}: round {number + 1} of {effort.rounds}"
                click.echo(said, err=True)
        return [Place(at, tuple(self._samples[at])) for at in sorted(self._samples)]

    def _prepare(self, stack: contextlib.ExitStack, point: Point, effort: Effort) -> _Ready:
        setting = point.setting
        # One more is the look whether it serves.
        clients = point.load.clients + setting.idle + SPARE_FILES
        tls = Tls.CLIENTS if effort.tls else Tls.NOWHERE
        proxy = stack.enter_context(way(self._here, setting, clients, tls))
        login = None
        if setting.idle:
            before = proxy.run_seconds()
            stack.enter_context(idlers(proxy, setting.idle, tls=effort.tls))
            login = (proxy.run_seconds() - before) / setting.idle
        return _Ready(point, proxy, login)

    def _look(self, ready: Sequence[_Ready]) -> dict[int, _Still]:
        """At all of them at once: none has anything to do."""
        if not self._curve.looks_still:
            return {one.point.at: _Still(None, None) for one in ready}
        before = {one.point.at: one.way.run_seconds() for one in ready}
        time.sleep(IDLE_SECONDS)
        return {
            one.point.at: _Still(
                (one.way.run_seconds() - before[one.point.at]) / IDLE_SECONDS,
                one.way.memory_bytes(),
            )
            for one in ready
        }

    def _measure(self, one: _Ready, number: int, effort: Effort, still: _Still) -> None:
        try:
            found = load.run(self._sysbench, one.way, one.point.load, effort.seconds)
        except LoadFailedError as error:
            self._fail(one.point, error)
            return
        self._samples[one.point.at].append(
            Sample(
                number,
                found.rate,
                found.median_ms,
                found.p99_ms,
                found.cpu_seconds,
                one.way.memory_bytes() if still.memory_bytes is None else still.memory_bytes,
                still.share,
                one.login_seconds,
            )
        )

    def _compare(self, ready: Sequence[_Ready], number: int, effort: Effort) -> None:
        """Load them at once: what disturbs one disturbs the others.

        The first two have no idle clients, or next to none, so that they show what chance does.
        """
        compared = [ready[0], ready[1], ready[-1]]
        begin = number % len(compared)  # nobody always begins and ends first
        order = [*compared[begin:], *compared[:begin]]
        # None is alone for more than a moment at the begin and at the end.
        seconds = 2 * effort.seconds
        with ThreadPoolExecutor(len(order)) as pool:
            loads = {
                one.point.at: pool.submit(
                    load.run, self._sysbench, one.way, one.point.load, seconds
                )
                for one in order
            }
        try:
            alone, nearly, among = (loads[one.point.at].result().rate for one in compared)
        except LoadFailedError as error:
            self._fail(ready[-1].point, error)
        else:
            self.beside.append(among / ((alone + nearly) / 2))

    def _fail(self, point: Point, error: Exception) -> None:
        self.failures[str(point.at)] = str(error)
        click.echo(f"{self._curve.key}, {point.at:,}: {error}", err=True)
