"""What has happened since the proxy started, as plain integers that shells add to directly.

A method call per command on a metric object costs more than the command's bookkeeping.  The
series are made of these integers when somebody asks, see `proxy.observe.metrics`: each public
name here is that of a series.
"""

from __future__ import annotations

from typing import Final

from proxy.observe.latency import Histogram

EXACT: Final = 100
"""Statements a second of which each is looked at for the table of digests: with some 5
microseconds for each of them that is a two-thousandth of the processor."""

SAMPLED: Final = 64
"""Beyond these one in so many is, and counts for so many: some 80 nanoseconds a statement."""

MOST_TARGETS: Final = 256
"""Targets whose latencies are told apart: no group has more, but addresses of targets that
are discovered may change for years."""

SLOW_SECONDS: Final = 0.01
"""Statements that take longer are looked at each: a thousand of them a second are a busy
database, and half a hundredth of the processor here."""


class Tally:
    """What clients of one endpoint do that all have TLS, or all have not.

    Attributes:
        clients: Those that have logged in.
        requests: Their commands.
        express: Those that began in the express lane.
    """

    __slots__ = ("clients", "express", "requests")

    def __init__(self) -> None:
        self.clients = self.requests = self.express = 0


class EndpointCounters:
    """What happens at one endpoint.

    Attributes:
        plain: Clients without TLS.
        tls: Clients with it.
        query_database_response_latency: The part of commands that targets took, by address.
        until_sample: Statements until one is looked at for the table of digests.
        weight: For how many that one counts.
        exact_second: The second in which it was last looked whether each may be looked at.
        exact_left: How many more may be in that second.
    """

    __slots__ = (
        "client_connections",
        "client_connections_broken",
        "client_connections_closed",
        "client_connections_received",
        "client_connections_setup_failed_auth",
        "client_connections_setup_failed_limit",
        "client_connections_setup_succeeded",
        "database_connections_borrow_latency",
        "exact_left",
        "exact_second",
        "plain",
        "query_database_response_latency",
        "query_errors",
        "query_requests_repeated",
        "query_response_latency",
        "tls",
        "until_sample",
        "weight",
    )

    def __init__(self) -> None:
        self.client_connections = 0
        self.client_connections_received = self.client_connections_closed = 0
        self.client_connections_broken = 0
        self.client_connections_setup_succeeded = 0
        self.client_connections_setup_failed_auth = 0
        self.client_connections_setup_failed_limit = 0
        self.query_errors = self.query_requests_repeated = 0
        self.plain, self.tls = Tally(), Tally()
        self.query_response_latency = Histogram()
        self.query_database_response_latency: dict[str, Histogram] = {}
        self.database_connections_borrow_latency = Histogram()
        self.until_sample = self.weight = 1
        self.exact_second = 0.0
        self.exact_left = EXACT

    def of_target(self, address: str) -> Histogram:
        """The latency of a target; those that are too many have one for all, without a name."""
        found = self.query_database_response_latency
        if address not in found and len(found) >= MOST_TARGETS:
            address = ""
        if address not in found:
            found[address] = Histogram()
        return found[address]

    @property
    def client_connections_tls(self) -> int:
        """Clients with TLS that have logged in."""
        return self.tls.clients

    @property
    def client_connections_no_tls(self) -> int:
        """Those without."""
        return self.plain.clients

    @property
    def client_connections_in_setup(self) -> int:
        """Clients that have not logged in yet."""
        return self.client_connections - self.tls.clients - self.plain.clients

    @property
    def query_requests(self) -> int:
        """Commands of clients."""
        return self.tls.requests + self.plain.requests

    @property
    def query_requests_tls(self) -> int:
        """Those of clients with TLS."""
        return self.tls.requests

    @property
    def query_requests_no_tls(self) -> int:
        """Those of clients without."""
        return self.plain.requests

    @property
    def query_requests_express(self) -> int:
        """Those that began in the express lane."""
        return self.tls.express + self.plain.express


class TargetCounters:
    """What happens at one target, as long as it has a pool."""

    __slots__ = (
        "database_connection_requests",
        "database_connection_requests_with_tls",
        "database_connections_borrow_requests",
        "database_connections_borrow_requests_aborted",
        "database_connections_borrow_requests_timed_out",
        "database_connections_borrow_requests_waited",
        "database_connections_closed",
        "database_connections_lost",
        "database_connections_reset",
        "database_connections_setup_failed",
        "database_connections_setup_succeeded",
        "session_replay_statements",
        "session_replays",
    )

    def __init__(self) -> None:
        self.database_connection_requests = 0
        self.database_connection_requests_with_tls = 0
        self.database_connections_setup_succeeded = 0
        self.database_connections_setup_failed = 0
        self.database_connections_closed = self.database_connections_lost = 0
        self.database_connections_reset = 0
        self.database_connections_borrow_requests = 0
        self.database_connections_borrow_requests_waited = 0
        self.database_connections_borrow_requests_aborted = 0
        self.database_connections_borrow_requests_timed_out = 0
        self.session_replays = self.session_replay_statements = 0


class Counters:
    """What happens in one proxy; that of its endpoints is theirs, that of its targets theirs.

    Attributes:
        endpoints: By name.
        session_pins: Times that a client was pinned, by reason.
    """

    __slots__ = (
        "endpoints",
        "secret_fetch_failures",
        "secret_fetches",
        "session_pins",
        "writer_hold_seconds",
        "writer_holds",
        "writer_switches",
    )

    def __init__(self) -> None:
        self.endpoints: dict[str, EndpointCounters] = {}
        self.secret_fetches = self.secret_fetch_failures = 0
        self.writer_switches = self.writer_holds = 0
        self.writer_hold_seconds = 0.0
        self.session_pins: dict[str, int] = {}

    def endpoint(self, name: str) -> EndpointCounters:
        """Those of an endpoint, new ones where there are none."""
        found = self.endpoints.get(name)
        if found is None:
            found = self.endpoints[name] = EndpointCounters()
        return found

    def count_pin(self, reason: str) -> None:
        """Count a client that is pinned to its connection from now on."""
        self.session_pins[reason] = self.session_pins.get(reason, 0) + 1

    @property
    def query_requests(self) -> int:
        """Commands of clients, at all endpoints."""
        return sum([one.query_requests for one in self.endpoints.values()])

    def statement_latency(self) -> Histogram:
        """From the arrival of a command to the end of its answer, at all endpoints: a copy."""
        return _merged([one.query_response_latency for one in self.endpoints.values()])

    def database_latency(self) -> Histogram:
        """The part of it that targets took: a copy."""
        return _merged(
            [
                latency
                for one in self.endpoints.values()
                for latency in one.query_database_response_latency.values()
            ]
        )

    def borrow_latency(self) -> Histogram:
        """How long clients waited for a connection: a copy."""
        return _merged(
            [one.database_connections_borrow_latency for one in self.endpoints.values()]
        )


def _merged(histograms: list[Histogram]) -> Histogram:
    merged = Histogram()
    for one in histograms:
        merged.merge(one)
    return merged
