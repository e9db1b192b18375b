"""The Prometheus page: made of plain integers when somebody asks for it.

Its names are RDS Proxy's, in snake case, where that has the metric;
`proxy.observe.metrics_table` has all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from proxy.observe import metrics_table as table
from proxy.observe.counters import Counters
from proxy.observe.latency import Histogram
from proxy.observe.log import events
from proxy.observe.metrics_now import TARGET_GROUP, ProxyNow, WorkerNow
from proxy.observe.metrics_table import PREFIX, Series

__all__ = [
    "CONTENT_TYPE",
    "PREFIX",
    "Counters",
    "ProcessCounters",
    "ProxyCollector",
    "exposition",
    "make_registry",
]

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Of what `exposition` makes."""

STATES = ("REGISTERING", "AVAILABLE", "UNAVAILABLE", "UNUSED")
"""RDS Proxy's names for the state of a target, each a series of its own."""

Row = tuple[tuple[str, ...], Any]
"""Labels, and who has the numbers."""


@attrs.define(eq=False)
class ProcessCounters:
    """What happens in the process, whatever proxy it concerns.

    Attributes:
        version: Of mysqlproxy.
        form: compiled or pure Python.
        configuration_reloads: By result: succeeded, refused.
        configured: Gives when the configuration in force was put in force, since 1970.
        log_events: How many lines of the log there were, by level.
        reactor_delay: How late each turn came that was due after a second.
    """

    version: str = ""
    form: str = ""
    configured: Callable[[], float] = float
    configuration_reloads: dict[str, int] = attrs.field(
        factory=lambda: {"succeeded": 0, "refused": 0}
    )
    log_events: Mapping[str, int] = attrs.field(factory=lambda: events.by_level)
    reactor_delay: Histogram = attrs.field(factory=Histogram)

    @property
    def configuration_timestamp_seconds(self) -> float:
        """When the configuration in force was put in force, in seconds since 1970."""
        return self.configured()


@attrs.frozen
class _Watched:
    counters: Counters
    look: Callable[[], ProxyNow]


class ProxyCollector(Collector):
    """Makes the series of the process, of its workers and of every proxy.

    Attributes:
        process: What is counted for the process.
        workers: Gives how the workers stand; none where there are none.
    """

    def __init__(self, process: ProcessCounters | None = None) -> None:
        self.process = process or ProcessCounters()
        self.workers: Callable[[], Iterable[WorkerNow]] = tuple
        self._watched: dict[str, _Watched] = {}

    def watch(self, proxy: str, counters: Counters, look: Callable[[], ProxyNow]) -> None:
        """Show a proxy from now on.

        Args:
            proxy: Its name.
            counters: What has happened in it.
            look: Gives how it stands; called each time somebody asks, before `counters` are
                read.
        """
        self._watched[proxy] = _Watched(counters, look)

    def forget(self, proxy: str) -> None:
        """Show a proxy no longer."""
        self._watched.pop(proxy, None)

    def collect(self) -> Iterator[Metric]:
        """Make all series: prometheus_client calls this on a scrape."""
        workers = [*self.workers()]
        yield from self._of_process(workers)
        rows: list[Row] = [((one.worker,), one) for one in workers]
        for series in table.OF_WORKER:
            yield _family(series, rows)
        now = {name: watched.look() for name, watched in self._watched.items()}
        counters = {name: watched.counters for name, watched in self._watched.items()}
        proxies: list[Row] = [((name,), counters[name]) for name in now]
        standing: list[Row] = [((name,), one) for name, one in now.items()]
        for series in table.OF_PROXY:
            yield _family(series, proxies if series.kind == table.COUNTER else standing)
        yield _by_label(table.SESSION_PINS, proxies)
        yield _by_label(table.SESSION_PINS_NOW, standing)
        groups: list[Row] = [((name, TARGET_GROUP), one) for name, one in now.items()]
        yield _by_label(table.AVAILABILITY, groups)
        endpoints: list[Row] = [
            ((name, endpoint), one)
            for name, of_proxy in counters.items()
            for endpoint, one in of_proxy.endpoints.items()
        ]
        for series in table.OF_ENDPOINT:
            yield _family(series, endpoints)
        yield _family(table.DATABASE_LATENCY, [*self._latencies(now)])
        yield from _of_targets(now)

    def _latencies(self, now: Mapping[str, ProxyNow]) -> Iterator[Row]:
        """Those of the targets that there are, at each endpoint."""
        field = table.DATABASE_LATENCY.field
        for name, watched in self._watched.items():
            targets = {one.place: one for one in now[name].targets}
            for endpoint, counters in watched.counters.endpoints.items():
                for place, latency in counters.query_database_response_latency.items():
                    if place in targets:
                        target = targets[place]
                        group = (TARGET_GROUP, target.address, target.target_role)
                        yield (name, endpoint, *group), {field: latency}

    def _of_process(self, workers: Iterable[WorkerNow]) -> Iterator[Metric]:
        process = self.process
        late = process.reactor_delay.copy()
        for one in workers:
            late.merge(one.worker_reactor_delay)
        build, lines, reloads, configured, delay = table.OF_PROCESS
        yield _family(build, [((process.version, process.form), {"build_info": 1})])
        yield _by_label(lines, [((), process)])
        yield _by_label(reloads, [((), process)])
        yield _family(configured, [((), process)])
        yield _family(delay, [((), {delay.field: late})])


def _of_targets(now: Mapping[str, ProxyNow]) -> Iterator[Metric]:
    targets = [
        ((name, TARGET_GROUP, one.address, one.target_role), one)
        for name, of_proxy in now.items()
        for one in of_proxy.targets
    ]
    states: list[Row] = [
        (labels, {"target_state": {state: one.target_state == state for state in STATES}})
        for labels, one in targets
        if one.target_state
    ]
    yield _by_label(table.TARGET_STATE, states)
    counted: list[Row] = [(labels, one.counters) for labels, one in targets]
    standing: list[Row] = [*targets]
    for series in table.OF_TARGET:
        yield _family(series, standing if series.kind == table.GAUGE else counted)


def _read(field: str, holder: Any) -> Any:
    return holder[field] if isinstance(holder, dict) else getattr(holder, field)


def _family(series: Series, rows: Iterable[Row]) -> Metric:
    """The metric with a number for each row; who has None is left out."""
    if series.kind == table.HISTOGRAM:
        histogram = HistogramMetricFamily(series.name, series.doc, labels=series.labels)
        for labels, holder in rows:
            one: Histogram = _read(series.field, holder)
            histogram.add_metric(labels, one.cumulative(), one.seconds)
        return histogram
    made = CounterMetricFamily if series.kind == table.COUNTER else GaugeMetricFamily
    family = made(series.name, series.doc, labels=series.labels)
    for labels, holder in rows:
        number = _read(series.field, holder)
        if number is not None:
            family.add_metric(labels, number)
    return family


def _by_label(series: Series, rows: Iterable[Row]) -> Metric:
    """The metric with a number for each value of its last label, from a mapping."""
    made = CounterMetricFamily if series.kind == table.COUNTER else GaugeMetricFamily
    family = made(series.name, series.doc, labels=series.labels)
    for labels, holder in rows:
        for value, number in _read(series.field, holder).items():
            family.add_metric((*labels, value), number)
    return family


def make_registry(collector: ProxyCollector) -> CollectorRegistry:
    """Make a registry of our own: the global one belongs to whoever imports us.

    The figures of the process and of its Python have the names that all programs give them.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """All series as text, for `/metrics`; see `CONTENT_TYPE`."""
    return generate_latest(registry)
