"""Every Prometheus series, in RDS Proxy's names (in snake case) where it has the metric.

The express lane counts in plain integers: a method call per command on a metric object costs
more than the command's bookkeeping.  The series are made of these integers when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "mysqlproxy_"


def _count(doc: str) -> Any:
    return attrs.field(default=0, metadata={"doc": doc})


@attrs.define(eq=False)
class Counters:
    """What has happened in one proxy since it started; shells add to it directly."""

    client_connections_received: int = _count("Connections that clients opened.")
    client_connections_setup_succeeded: int = _count("Logins that succeeded.")
    client_connections_setup_failed_auth: int = _count("Logins with a wrong user or password.")
    client_connections_setup_failed_limit: int = _count("Clients turned away by max_clients.")
    client_connections_closed: int = _count("Connections of clients that ended.")
    client_connections_broken: int = _count("Clients cut off because they broke the protocol.")
    database_connection_requests: int = _count("Attempts to open a connection to a target.")
    database_connection_requests_with_tls: int = _count("Those that were opened with TLS.")
    database_connections_setup_succeeded: int = _count("Connections to a target that opened.")
    database_connections_setup_failed: int = _count("Attempts to open one that failed.")
    database_connections_closed: int = _count("Connections to a target that ended.")
    database_connections_reset: int = _count("Resets of a connection for its next client.")
    database_connections_borrow_requests: int = _count(
        "Times that a client needed a connection."
    )
    database_connections_borrow_requests_waited: int = _count("Those that had to wait for one.")
    database_connections_borrow_requests_aborted: int = _count("Those whose client left first.")
    database_connections_borrow_requests_timed_out: int = _count(
        "Those that ended in error 9501."
    )
    secret_fetches: int = _count("Times that a secret was read, or that this was tried.")
    secret_fetch_failures: int = _count("Those that failed.")
    query_requests: int = _count("Commands of clients; a multi-statement text is one.")
    query_requests_express: int = _count("Those that went through the express lane.")
    session_replays: int = _count("Times that a connection was brought into another session.")
    session_replay_statements: int = _count("Statements that this took.")
    writer_switches: int = _count("Times that another target became the writer.")
    writer_holds: int = _count("Times that clients had to wait for a target that takes writes.")
    writer_hold_seconds: float = _count("Seconds that they had to, all together.")
    session_pins: dict[str, int] = attrs.field(
        factory=dict, metadata={"doc": "Times that a client was pinned, by reason."}
    )

    def count_pin(self, reason: str) -> None:
        """Count a client that is pinned to its connection from now on."""
        self.session_pins[reason] = self.session_pins.get(reason, 0) + 1


def _gauge(doc: str) -> Any:
    return attrs.field(default=0, metadata={"doc": doc})


@attrs.frozen(kw_only=True)
class Gauges:
    """How things stand in one proxy right now."""

    client_connections: int = _gauge("Connections of clients, logins under way included.")
    client_connections_tls: int = _gauge("Those with TLS.")
    client_connections_in_setup: int = _gauge("Clients that are logging in.")
    client_connections_waiting: int = _gauge("Clients that wait for a connection to a target.")
    database_connections: int = _gauge("Connections to the target, opening ones included.")
    database_connections_currently_borrowed: int = _gauge("Connections lent to a client.")
    database_connections_currently_in_transaction: int = _gauge("Those in a transaction.")
    database_connections_currently_session_pinned: int = _gauge("Those pinned to their client.")
    database_connections_with_tls: int = _gauge("Connections to the target that have TLS.")
    secret_age_seconds: float = _gauge(
        "Seconds since the secret was read whose last reading is longest ago."
    )
    max_database_connections_allowed: int = _gauge("The most connections that there may be.")


@attrs.frozen
class _Watched:
    counters: Counters
    gauges: Callable[[], Gauges]


class ProxyCollector(Collector):
    """Makes the series of every proxy, each labelled with the name of its proxy."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}

    def watch(self, proxy: str, counters: Counters, gauges: Callable[[], Gauges]) -> None:
        """Show a proxy from now on; `gauges` is called each time somebody asks."""
        self._watched[proxy] = _Watched(counters, gauges)

    def forget(self, proxy: str) -> None:
        """Show a proxy no longer."""
        del self._watched[proxy]

    def collect(self) -> Iterator[Metric]:
        """Make all series: prometheus_client calls this on a scrape."""
        for field in attrs.fields(Counters):
            name, doc = PREFIX + field.name, field.metadata["doc"]
            if field.name == "session_pins":
                yield self._pins(name, doc)
                continue
            counter = CounterMetricFamily(name, doc, labels=["proxy"])
            for proxy, watched in self._watched.items():
                counter.add_metric([proxy], getattr(watched.counters, field.name))
            yield counter
        now = {proxy: watched.gauges() for proxy, watched in self._watched.items()}
        for field in attrs.fields(Gauges):
            gauge = GaugeMetricFamily(
                PREFIX + field.name, field.metadata["doc"], labels=["proxy"]
            )
            for proxy, gauges in now.items():
                gauge.add_metric([proxy], getattr(gauges, field.name))
            yield gauge

    def _pins(self, name: str, doc: str) -> Metric:
        counter = CounterMetricFamily(name, doc, labels=["proxy", "reason"])
        for proxy, watched in self._watched.items():
            for reason, times in watched.counters.session_pins.items():
                counter.add_metric([proxy, reason], times)
        return counter


def make_registry(collector: ProxyCollector) -> CollectorRegistry:
    """Make a registry of our own: the global one belongs to whoever imports us."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
