"""Tests of `proxy.observe.metrics_table`."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import attrs
import pytest

from proxy.observe.counters import Counters, EndpointCounters, TargetCounters
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.observe.metrics_table import (
    ALL,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    OF_ENDPOINT,
    OF_PROXY,
    OF_TARGET,
)

DOCS = Path(__file__).parents[2] / "docs"

RDS = re.findall(
    r"\w+",
    """
AvailabilityPercentage ClientConnections ClientConnectionsInSetup ClientConnectionsClosed
ClientConnectionsNoTLS ClientConnectionsTLS ClientConnectionsReceived
ClientConnectionsSetupSucceeded ClientConnectionsSetupFailedAuth DatabaseConnectionRequests
DatabaseConnectionRequestsWithTLS DatabaseConnections DatabaseConnectionsWithTLS
DatabaseConnectionsSetupSucceeded DatabaseConnectionsSetupFailed
DatabaseConnectionsBorrowLatency DatabaseConnectionsBorrowRequests
DatabaseConnectionsBorrowRequestsAborted DatabaseConnectionsCurrentlyBorrowed
DatabaseConnectionsCurrentlyInTransaction DatabaseConnectionsCurrentlySessionPinned
MaxDatabaseConnectionsAllowed QueryRequests QueryRequestsNoTLS QueryRequestsTLS
QueryResponseLatency QueryDatabaseResponseLatency
""",
)
"""Every metric that RDS Proxy has in CloudWatch."""

PER_CLIENT = re.compile("Client|Query|BorrowLatency")
"""Those that CloudWatch has by proxy and endpoint; the others are by target or role."""


def snake(name):
    """A name of CloudWatch's in snake case."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("TLS", "Tls"))
    return split.lower()


@pytest.mark.parametrize("name", RDS)
def test_every_metric_of_rds_proxy_is_there(name):
    """Under its own name in snake case; latencies are histograms in seconds."""
    (series,) = [one for one in ALL if one.rds == name]
    assert series.field == snake(name)
    assert (series.kind == HISTOGRAM) == name.endswith("Latency")
    assert series.labels[0] == "proxy"
    if PER_CLIENT.search(name):
        assert series.labels[:2] == ("proxy", "endpoint")
    else:
        assert series.labels[1] == "target_group"
        assert series.labels[-1] == "target_role"


def test_no_other_metric_is_said_to_be_of_rds_proxy():
    """The column of the manual is right."""
    assert {one.rds for one in ALL if one.rds} == {*RDS}


def test_names_are_unique_and_explained():
    """Each has a sentence."""
    names = [one.name for one in ALL]
    assert len(names) == len({*names})
    for one in ALL:
        assert re.fullmatch(r"mysqlproxy_[a-z_]+", one.name)
        assert one.doc.endswith(".")
        assert one.shown.endswith("_total") == (one.kind == COUNTER)


@pytest.mark.parametrize(
    ("series", "holders"),
    [
        (OF_ENDPOINT, (EndpointCounters(), EndpointCounters(), EndpointCounters())),
        (OF_TARGET, (TargetCounters(), TargetNow, None)),
        (OF_PROXY, (Counters(), ProxyNow, None)),
    ],
)
def test_every_series_has_its_number(series, holders):
    """The counters and the gauges of the table are fields of the classes that have them."""
    kinds = dict(zip((COUNTER, GAUGE, HISTOGRAM), holders, strict=True))
    for one in series:
        holder = kinds[one.kind]
        names = (
            {field.name for field in attrs.fields(holder)} if attrs.has(holder) else dir(holder)
        )
        assert one.field in names


@pytest.mark.parametrize("kind", [Counters, TargetCounters])
def test_every_counter_is_shown(kind):
    """None is counted for nobody."""
    one, shown = kind(), {series.field for series in ALL}
    names = {name for name in dir(one) if name[0] != "_" and not callable(getattr(one, name))}
    assert names - {"endpoints"} <= shown


def test_the_manual_has_every_series():
    """With all that the table says of it."""
    page = (DOCS / "metrics.rst").read_text("utf-8")
    write_metrics = runpy.run_path(str(DOCS / "write_metrics.py"))
    _, _, written = page.partition(write_metrics["BEGIN"])
    assert written.strip() == write_metrics["render"]().strip(), "run docs/write_metrics.py"
    for one in ALL:
        assert f"``{one.shown}``" in written
    for name in RDS:
        assert f"``{name}``" in written
