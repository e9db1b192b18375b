"""Tests of `proxy.pool.ending`."""

from __future__ import annotations

import pytest

from proxy.pool.ending import end, find
from tests.support.memory import Stage


@pytest.fixture
def stage():
    return Stage()


def lease_of(stage):
    (lease,) = stage.ledger.leases()
    return lease


def test_a_connection_is_found_by_the_servers_number(stage):
    """Wherever it is; there may be none."""
    stage.begin(stage.client())
    lease = lease_of(stage)
    assert find(stage.pool, lease.backend.connection_id) is lease
    assert find(stage.pool, 12345) is None


def test_a_free_connection_is_closed(stage):
    """And nobody hears of it."""
    client = stage.client()
    client.query(b"SELECT 1")
    stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
    stage.part()
    end(stage.pool, lease_of(stage), "an operator ended it")
    stage.run(10.0)
    assert not [*stage.ledger.leases()]
    assert not client.closed


def test_whoever_has_it_hears_that_it_was_lost(stage):
    """In a transaction that is the end of it; the server is told to stop."""
    client = stage.client()
    stage.begin(client)
    lease = lease_of(stage)
    number = lease.backend.connection_id
    end(stage.pool, lease, "an operator ended it")
    stage.run()
    assert find(stage.pool, number) is None
    client.query(b"SELECT 1")
    stage.run()
    assert client.reply().sqlstate == "40001"
    end(stage.pool, lease, "once more")
    stage.run()
