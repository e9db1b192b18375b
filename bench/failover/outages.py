"""The writer is lost: killed or frozen; somebody promotes another server, or the group does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs
import click

from bench import tools
from bench.failover import peers, proxying, verdict
from bench.failover.clients import Client, Kind, Way
from bench.failover.clusters import Cluster
from bench.failover.crowd import Crowd
from bench.failover.prober import Prober
from bench.failover.proxying import Proxy
from bench.failover.samples import Measure
from bench.report import OURS
from proxy.embedded import LocalServer

PROMOTED_AFTER_SECONDS: Final = 1.0
"""A script that promotes has made sure by then that the writer is dead."""

CALM_SECONDS: Final = 1.5
"""Of work before the fault."""

AFTER_SECONDS: Final = 3.0
"""Of work after it: who waits for a second error has time for it."""

SPREAD_SECONDS: Final = 6.0
"""Between the change of the writer and the next fault: more than min_switch_interval, by which
changes that follow each other too quickly are damped."""

WRITABLE_LIMIT_SECONDS: Final = 60.0
NOTICED_LIMIT_SECONDS: Final = 30.0
WELL_LIMIT_SECONDS: Final = 60.0

KINDS: Final = (Kind.IDLE, Kind.READS, Kind.WRITES, Kind.LONG)

NOTICED: Final = "ms until the writer counts as not there"
HELD: Final = "ms until clients that need it wait"
FIRST: Final = "ms from writable to the first write"
LAST: Final = "ms from writable until all clients went on"
STALL: Final = "ms of the longest stall of a client"
TO_WRITABLE: Final = "ms from the fault to writable"


@attrs.frozen
class Extent:
    """How much is done.

    Attributes:
        runs: how often.
        clients: of each kind.
        form: how this proxy runs.
        seed: of the chance by which faults of the ledger are chosen.
    """

    runs: int
    clients: int
    form: proxying.Form
    seed: int


@attrs.define
class Outage:
    """One kind of outage, run after run.

    Attributes:
        measure: takes the samples.
        lose: takes the writer away.
        waits_until_noticed: whether the promotion waits until the proxy has noticed.
        others: further ways, started for each run.
    """

    measure: Measure
    lose: Callable[[LocalServer], None]
    waits_until_noticed: bool = False
    others: Sequence[peers.Start] = ()

    def run(self, cluster: Cluster, extent: Extent) -> None:
        """All runs, the same proxy in all of them."""
        with proxying.proxy(extent.form, cluster.topology, cluster.places) as proxy:
            for number in range(extent.runs):
                lost = cluster.primary
                with contextlib.ExitStack() as stack:
                    ways = [proxy.way, *self._ways(stack, cluster)]
                    switched_at = self._once(cluster, proxy, ways, extent.clients)
                click.echo(f"{self.measure.title}: run {number + 1} of {extent.runs}", err=True)
                cluster.repair(lost)
                proxy.wait_until_well(WELL_LIMIT_SECONDS)
                time.sleep(max(switched_at + SPREAD_SECONDS - time.monotonic(), 0))

    def _ways(self, stack: contextlib.ExitStack, cluster: Cluster) -> Iterable[Way]:
        for start in self.others:
            try:
                yield stack.enter_context(start(cluster.servers))
            except (tools.ProgramMissingError, TimeoutError) as error:
                self.measure.note(f"{start.__name__}: {error}")

    def _once(self, cluster: Cluster, proxy: Proxy, ways: Sequence[Way], clients: int) -> float:
        """One outage; when the new writer took writes, by the monotonic clock."""
        lost, *rest = cluster.servers
        orders = [(way, kind, clients) for way in ways for kind in KINDS]
        with Crowd(orders) as crowd:
            time.sleep(CALM_SECONDS)
            fault_at, wall = time.monotonic(), time.time()
            with Prober(rest) as prober:
                self.lose(lost)
                self._look(proxy, lost, wall)
                time.sleep(max(fault_at + PROMOTED_AFTER_SECONDS - time.monotonic(), 0))
                cluster.promote()
                writable_at = prober.wait(WRITABLE_LIMIT_SECONDS)
            time.sleep(AFTER_SECONDS)
            crowd.call()
        for way in ways:
            mine = [client for client in crowd.clients if client.way is way]
            self._judge(way, mine, fault_at, writable_at)
        return writable_at

    def _look(self, proxy: Proxy, lost: LocalServer, since: float) -> None:
        """When the proxy's log says that the writer is not there, if that is of interest."""
        if not self.waits_until_noticed:
            return
        target = f"{lost.host}:{lost.port}"
        for figure, event, fields in (
            (HELD, proxying.WAITING, {}),
            (NOTICED, proxying.HEALTH, {"target": target, "condition": proxying.NOT_THERE}),
        ):
            try:
                line = proxy.wait_for_line(event, since, NOTICED_LIMIT_SECONDS, **fields)
            except TimeoutError as error:
                self.measure.note(str(error))
                self.measure.add(figure, OURS, None)
            else:
                self.measure.add(figure, OURS, (line.at - since) * 1e3)

    def _judge(
        self, way: Way, clients: Sequence[Client], fault_at: float, writable_at: float
    ) -> None:
        add = self.measure.add
        working = [client for client in clients if client.kind is not Kind.IDLE]
        writing = [client for client in clients if client.kind is Kind.WRITES]
        add(TO_WRITABLE, way.name, (writable_at - fault_at) * 1e3)
        for figure, seconds in (
            (FIRST, verdict.first_write(writing, fault_at, writable_at)),
            (LAST, verdict.last_client(working, writable_at)),
            (STALL, verdict.longest_stall(working, fault_at)),
        ):
            add(figure, way.name, None if seconds is None else seconds * 1e3)
        for kind, heard in verdict.errors_by_kind(clients).items():
            self.measure.hear(way.name, kind.value, heard)
            add(f"errors of {_count(clients, kind)} {kind.value}", way.name, heard.total())
        opened = [one for one in clients if verdict.transaction_at(one, fault_at) == "open"]
        add("transactions open at the fault", way.name, len(opened))
        add("connections made anew", way.name, verdict.lost_connections(clients))
        if way.name == OURS:
            for surprise in verdict.surprises(clients, fault_at):
                self.measure.note(surprise.what, surprise.example)


def _count(clients: Iterable[Client], kind: Kind) -> int:
    return sum(client.kind is kind for client in clients)
