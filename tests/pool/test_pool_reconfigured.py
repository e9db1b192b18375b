"""Tests of `proxy.pool.pool`: other limits and times while it is at work."""

import attrs
import pytest

from proxy.config.pool import ConnectionPoolConfig
from tests.support.borrow import BARE, borrow
from tests.support.memory import Stage

POOL = ConnectionPoolConfig(max_connections=2)


def test_a_higher_limit_serves_who_waits_at_once(full):
    """As many connections are dialed as there is room for now."""
    waiting = [borrow(full) for _ in range(3)]
    full.pool.reconfigure(attrs.evolve(POOL, max_connections=4))
    full.run()
    assert [len(one.leases) for one in waiting] == [1, 1, 0]


def test_a_lower_limit_takes_connections_as_they_come_free(full):
    """Nobody loses one that it has, and no more are closed than have to be."""
    full.pool.reconfigure(attrs.evolve(POOL, max_connections=1))
    assert full.ledger.borrowed == 2
    for holder in full.holders:
        full.pool.give_back(holder.lease, BARE)
    full.run()
    assert full.ledger.total == 1


def test_idle_connections_beyond_a_lower_limit_are_closed_at_once():
    """All others stay, one at most excepted."""
    stage = Stage(max_connections=8)
    holders = [borrow(stage) for _ in range(8)]
    for holder in holders:
        stage.pool.give_back(holder.lease, BARE)
    stage.pool.reconfigure(attrs.evolve(POOL, max_connections=5))
    stage.run()
    assert stage.ledger.total in (4, 5)


def test_limits_are_kept_until_the_target_is_known(stage):
    """One connection is all there is before the first login."""
    stage.pool.reconfigure(attrs.evolve(POOL, max_connections=50))
    assert stage.ledger.limits.connections == 1


@pytest.mark.parametrize("before", [0, 5])
def test_a_shorter_patience_counts_for_who_waits(full, before):
    """From the time on at which it began to wait."""
    waiting = borrow(full)
    full.run(before)
    full.pool.reconfigure(attrs.evolve(POOL, connection_borrow_timeout=10))
    full.run(10 - before - 1)
    assert not waiting.replies
    full.run(1)
    assert [reply.code for reply in waiting.replies] == [9501]


def test_who_waits_already_for_longer_is_sent_away_at_once(full):
    """With the same error as everybody."""
    waiting = borrow(full)
    full.run(30)
    full.pool.reconfigure(attrs.evolve(POOL, connection_borrow_timeout=10))
    full.run()
    assert len(waiting.replies) == 1


def test_new_connections_have_room_for_other_numbers_of_statements(stage):
    """Those that are open keep theirs."""
    first = borrow(stage)
    config = attrs.evolve(POOL, max_prepared_statements_per_connection=3)
    stage.pool.reconfigure(config)
    second = borrow(stage)
    assert first.lease.backend.holdings.limit == 100
    assert second.lease.backend.holdings.limit == 3


def test_another_init_query_runs_on_new_connections(stage):
    """And at each reset."""
    ran = []
    stage.servers.routines[b"SET @a = 1"] = lambda side: (
        ran.append(b"SET @a = 1") or [side.ok()]
    )
    stage.pool.dialer.reconfigure("SET @a = 1", reports_commits=False)
    borrow(stage)
    assert len(ran) == 1
