"""What a process has counted of one proxy, as plain data that another process can read.

A tally is taken of the counters themselves and of how things stand at that moment.  All of it
is JSON: dicts, texts and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from proxy.observe.counters import Counters, EndpointCounters, TargetCounters
from proxy.observe.latency import Histogram
from proxy.observe.metrics_now import ProxyNow, TargetNow

Packed = dict[str, Any]
"""An object of JSON."""

OF_PROXY: Final = (
    "secret_fetches",
    "secret_fetch_failures",
    "writer_switches",
    "writer_holds",
    "writer_hold_seconds",
)
"""Numbers of `Counters`; none of them falls."""

OF_ENDPOINT: Final = (
    "client_connections_broken",
    "client_connections_closed",
    "client_connections_received",
    "client_connections_setup_failed_auth",
    "client_connections_setup_failed_limit",
    "client_connections_setup_succeeded",
    "query_errors",
    "query_requests_repeated",
)
"""Numbers of `EndpointCounters` that do not fall."""

CLIENTS: Final = "client_connections"
"""The one that falls when a client leaves."""

OF_CLIENTS: Final = ("plain", "tls")
OF_TALLY: Final = ("requests", "express")
"""Numbers of `Tally` that do not fall; `clients` does."""

_TALLY: Final = ("clients", *OF_TALLY)

HISTOGRAMS: Final = ("query_response_latency", "database_connections_borrow_latency")
LATENCIES: Final = "query_database_response_latency"
OF_TARGET: Final = (
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
"""Numbers of `TargetCounters`; none of them falls."""


@attrs.frozen
class ProxyTally:
    """What was counted of a proxy, and how it stood then.

    Attributes:
        counters: A copy.
        now: Whose targets have copies of their counters.
    """

    counters: Counters
    now: ProxyNow = attrs.field(factory=ProxyNow)

    def packed(self) -> Packed:
        """As it is sent."""
        return {"counters": _packed(self.counters), "now": _packed_now(self.now)}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> ProxyTally:
        """What `packed` was made of."""
        return cls(_unpacked(packed["counters"]), _unpacked_now(packed["now"]))


def _packed(counters: Counters) -> Packed:
    return {
        **_numbers(counters, OF_PROXY),
        "session_pins": dict(counters.session_pins),
        "endpoints": {name: _packed_endpoint(one) for name, one in counters.endpoints.items()},
    }


def _unpacked(packed: Mapping[str, Any]) -> Counters:
    counters = Counters()
    _set(counters, packed, OF_PROXY)
    counters.session_pins.update(packed["session_pins"])
    for name, one in packed["endpoints"].items():
        counters.endpoints[name] = _unpacked_endpoint(one)
    return counters


def _packed_endpoint(counters: EndpointCounters) -> Packed:
    return {
        **_numbers(counters, (CLIENTS, *OF_ENDPOINT)),
        **{name: _numbers(getattr(counters, name), _TALLY) for name in OF_CLIENTS},
        **{name: getattr(counters, name).packed() for name in HISTOGRAMS},
        LATENCIES: {
            address: latency.packed()
            for address, latency in getattr(counters, LATENCIES).items()
        },
    }


def _unpacked_endpoint(packed: Mapping[str, Any]) -> EndpointCounters:
    counters = EndpointCounters()
    _set(counters, packed, (CLIENTS, *OF_ENDPOINT))
    for name in OF_CLIENTS:
        _set(getattr(counters, name), packed[name], _TALLY)
    for name in HISTOGRAMS:
        setattr(counters, name, Histogram.unpacked(packed[name]))
    for address, latency in packed[LATENCIES].items():
        counters.query_database_response_latency[address] = Histogram.unpacked(latency)
    return counters


def _packed_now(now: ProxyNow) -> Packed:
    fields = attrs.asdict(now, recurse=False)
    targets = []
    for one in now.targets:
        target = attrs.asdict(one, recurse=False)
        targets.append({**target, "counters": _numbers(one.counters, OF_TARGET)})
    return {**fields, "targets": targets}


def _unpacked_now(packed: Mapping[str, Any]) -> ProxyNow:
    targets = []
    for one in packed["targets"]:
        counters = TargetCounters()
        _set(counters, one["counters"], OF_TARGET)
        targets.append(TargetNow(**{**one, "counters": counters}))
    return ProxyNow(**{**packed, "targets": tuple(targets)})


def _numbers(holder: Any, names: tuple[str, ...]) -> Packed:
    return {name: getattr(holder, name) for name in names}


def _set(holder: Any, packed: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        setattr(holder, name, packed[name])
