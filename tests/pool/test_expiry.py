"""Tests of `proxy.pool.expiry`: how long borrowers wait."""

import pytest
from structlog.testing import capture_logs

from tests.support.borrow import BARE, KEY, borrow
from tests.support.memory import Stage


def test_a_borrow_ends_in_time_with_9501_and_a_log_line(full):
    """The log says what was waited for, how long, and how many were ahead."""
    borrow(full)
    full.run(1)
    late = borrow(full)
    with capture_logs() as lines:
        full.run(7.5)
        full.run(0.5)
    (reply,) = late.replies
    assert (reply.code, reply.message) == (
        9501,
        "Timed-out waiting to acquire database connection",
    )
    line = [line for line in lines if "waited too long" in line["event"]][-1]
    assert line["user"] == "app"
    assert line["seconds"] == 8.0
    assert line["were_ahead"] == 1
    assert "2 lent" in line["pool"]
    assert full.counters.database_connections_borrow_requests_timed_out == 2
    assert not full.ledger.waiting


@pytest.mark.parametrize("back_first", [True, False])
def test_a_lease_that_comes_back_in_the_turn_of_the_timeout_is_lent_once(full, back_first):
    """Given back before the timer: the waiter has it.  After: it is idle.  Never both."""
    full.run(9)
    lease = full.holders[0].lease
    if back_first:
        full.clock.callLater(8.0, full.pool.give_back, lease, BARE)
    waiting = borrow(full)
    if not back_first:
        full.clock.callLater(8.0, full.pool.give_back, lease, BARE)
    full.run(8.0)
    assert len(waiting.leases) == (1 if back_first else 0)
    assert len(waiting.replies) == (0 if back_first else 1)
    assert (lease in full.ledger.lent) is back_first
    assert full.ledger.idle_count == (0 if back_first else 1)


def test_each_waiter_has_its_own_time(full):
    """One timer serves all, and nobody is refused early."""
    first = borrow(full)
    full.run(3)
    second = borrow(full)
    full.run(5)
    assert (len(first.replies), len(second.replies)) == (1, 0)
    full.run(3)
    assert len(second.replies) == 1


def test_the_timer_outlives_the_waiter_that_it_was_set_for(full):
    """When the oldest leaves, the next one still hears of its own timeout."""
    first = borrow(full)
    full.run(2)
    second = borrow(full)
    full.pool.withdraw(first.waiter)
    full.run(6)
    assert second.replies == []
    full.run(2)
    assert len(second.replies) == 1
    assert first.replies == []
    assert full.counters.database_connections_borrow_requests_aborted == 1


def test_who_leaves_the_queue_makes_way(full):
    """The waiter behind gets the lease; who was served already cannot leave."""
    first, second = borrow(full), borrow(full)
    full.pool.withdraw(first.waiter)
    full.pool.give_back(full.holders[0].lease, BARE)
    assert second.leases
    full.pool.withdraw(second.waiter)
    assert full.counters.database_connections_borrow_requests_aborted == 1


def test_a_cancelled_borrow_leaves_the_queue(full):
    """The Deferred's canceller gives up the place."""
    failures = []
    borrowing = full.pool.borrow(KEY, BARE)
    borrowing.addErrback(failures.append)
    borrowing.cancel()
    assert len(failures) == 1
    assert not full.ledger.waiting


def test_a_timeout_of_zero_is_an_error_unless_a_connection_is_free():
    """Nobody waits, but what is dialed for one serves the next."""
    stage = Stage(connection_borrow_timeout=0.0)
    refused = borrow(stage)
    assert [reply.code for reply in refused.replies] == [9501]
    assert stage.ledger.idle_count == 1
    assert borrow(stage).leases


def test_the_queue_has_an_end():
    """Beyond max_waiting a client hears at once that too many wait."""
    stage = Stage(max_connections=1, max_waiting=2)
    borrowers = [borrow(stage) for _ in range(4)]
    (reply,) = borrowers[3].replies
    assert reply.code == 9501
    assert "(2)" in reply.message
    assert borrowers[2].replies == []
