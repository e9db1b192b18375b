"""Tests of `proxy.admin.looking`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from proxy.admin import looking
from proxy.admin.near_sight import NearSight
from proxy.admin.process import Served
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.session.pins import PinReason
from tests.admin.operating import FakeOperations, FakeProcess
from tests.support.memory import Stage


@pytest.fixture
def stage():
    return Stage()


def pool_of(stage):
    (pool,) = looking.pools(stage.proxy, stage.clock.seconds())
    return pool


def pinned(stage):
    """A client that is pinned, and holds its connection."""
    client = stage.client()
    client.query(b"CREATE TEMPORARY TABLE t (a INT)")
    stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
    client.payloads()
    return client


def test_the_process_is_described():
    """By what it says of itself, and what the system says of it."""
    process = FakeProcess(FakeOperations(), config_path=Path("/etc/proxy.yaml"))
    status = looking.process_status(process)
    assert (status.pid, status.uptime, status.form) == (os.getpid(), 60.0, "pure Python")
    assert (status.ready, status.not_ready) == (True, "")
    assert (status.configuration, status.configured) == (
        "/etc/proxy.yaml",
        "2026-11-26T12:00:00.000Z",
    )
    assert status.resident_bytes > 1 << 20
    assert 0 < status.open_files <= status.max_open_files
    assert status.cpu_seconds > 0
    assert status.workers == 1
    process.not_ready = "it is too early"
    assert looking.process_status(process).not_ready == "it is too early"


def test_what_workers_take_is_added_up():
    """With what this process takes itself; who does everything alone is counted once."""
    process = FakeProcess(FakeOperations())
    alone = looking.process_status(process)
    process.others = [
        WorkerStatus(number=n, pid=-n, cpu_seconds=1e6, resident_bytes=1 << 40, open_files=1000)
        for n in (1, 2)
    ]
    status = looking.process_status(process)
    assert (status.pid, status.workers) == (os.getpid(), 2)
    assert 2e6 < status.cpu_seconds < 2e6 + 1e5
    assert status.open_files >= 2000 > alone.open_files
    assert status.resident_bytes > 2 << 40 > alone.resident_bytes


def test_moments_are_in_utc():
    """Whatever zone they were taken in."""
    zone = timezone(timedelta(hours=2))
    assert looking.moment(datetime(2026, 1, 1, 1, tzinfo=zone)) == "2025-12-31T23:00:00.000Z"
    assert looking.moment(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


def test_proxies_that_log_their_statements_are_named():
    """As things are now, whatever the configuration said."""
    process = FakeProcess(FakeOperations(), FakeOperations("bank"))
    process.stages[1].proxy.debug = True
    assert looking.debug_logging(process) == ["bank"]


def test_endpoints_say_where_they_listen_and_for_how_many(stage):
    """One that does not listen has no address."""
    stage.client()
    served = Served(NearSight(stage.proxy), FakeOperations(), {"main": "127.0.0.1:3306"})
    (endpoint,) = looking.endpoints(served)
    assert (endpoint.name, endpoint.target_role) == ("main", "READ_WRITE")
    assert (endpoint.address, endpoint.clients) == ("127.0.0.1:3306", 1)
    (silent,) = looking.endpoints(Served(NearSight(stage.proxy), FakeOperations(), {}))
    assert silent.address == ""


def test_a_pool_is_counted(stage):
    """Each connection is in one place, and who waits is in its queue."""
    stage.begin(stage.client())
    stage.begin(stage.client())
    stage.client().query(b"SELECT 1")
    stage.run(3.0)
    pool = pool_of(stage)
    assert (pool.proxy, pool.connections, pool.lent, pool.idle) == ("shop", 2, 2, 0)
    assert (pool.in_transaction, pool.max_connections) == (2, 2)
    assert (pool.waiting, pool.longest_wait) == (1, 3.0)
    assert not pool.held
    total = pool.idle + pool.lent + pool.lingering + pool.dialing
    assert total + pool.resetting + pool.retiring == pool.connections


def test_pins_are_counted_by_reason(stage):
    """Now and since the start, with advice."""
    client = pinned(stage)
    assert pool_of(stage).pinned == 1
    (reason,) = NearSight(stage.proxy).pin_reasons()
    assert (reason.reason, reason.now, reason.total) == ("TEMPORARY_TABLE", 1, 1)
    assert reason.why == PinReason.TEMPORARY_TABLE.value
    assert "Drop the table" in reason.advice
    client.leave()
    (reason,) = NearSight(stage.proxy).pin_reasons()
    assert (reason.now, reason.total) == (0, 1)


def test_digests_are_the_slowest(stage):
    """With their means; no literal is in them."""
    client = stage.client()
    dialect = client.client.session.dialect
    for seconds in (0.25, 0.75):
        stage.proxy.digests.note(b"SELECT 'secret'", dialect, seconds, False)
    stage.proxy.digests.note(b"SELECT 1, 2", dialect, 0.5, True)
    first, second = looking.digests(stage.proxy, 10)
    assert (first.digest, first.count, first.errors) == ("SELECT ?", 2, 0)
    assert (first.total_seconds, first.mean_seconds, first.max_seconds) == (1.0, 0.5, 0.75)
    assert second.errors == 1
    assert len(looking.digests(stage.proxy, 1)) == 1
