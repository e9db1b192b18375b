"""Tests of `proxy.pool.pool`: borrowing, waiting, opening and closing, in memory."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from structlog.testing import capture_logs

from proxy.policy.lease import Place
from proxy.session.state import State
from tests.support.borrow import BARE, KEY, OTHER, borrow, fill
from tests.support.memory import Stage
from tests.support.scripted import error


@pytest.fixture
def stage():
    """A pool of two connections at most, the target's limits not yet known."""
    return Stage()


@pytest.fixture
def full(stage):
    """The same with both connections lent."""
    return fill(stage)


def test_the_first_borrower_waits_for_the_first_dial(stage):
    """A lease that is dialed for it comes in the baseline state."""
    borrower = borrow(stage)
    assert borrower.lease.place is Place.LENT
    assert borrower.lease.state == BARE
    assert stage.pool.facts.max_connections == 100
    assert "1 lent" in repr(stage.pool)


def test_only_one_dial_is_made_before_the_limits_are_known(stage):
    """A pool that does not know the target's limit yet does not storm it."""
    stage.servers.holding = True
    borrowers = [borrow(stage) for _ in range(5)]
    assert len(stage.servers.dials) == 1
    stage.servers.holding = False
    stage.servers.dials[0]()
    stage.run()
    assert [len(borrower.leases) for borrower in borrowers] == [1, 1, 0, 0, 0]


def test_the_targets_own_limit_counts():
    """max_connections_percent of what the server says of itself is the limit."""
    stage = Stage(max_connections=None, max_connections_percent=50)
    stage.servers.max_connections = 8
    borrowers = [borrow(stage) for _ in range(6)]
    assert sum(len(borrower.leases) for borrower in borrowers) == 4
    assert stage.ledger.limits.connections == 4


def test_connections_that_are_being_dialed_count_in_the_limit(full):
    """However many ask, no more connections are opened than may be."""
    for _ in range(10):
        borrow(full)
    assert len(full.backends) == 2


def test_a_lease_that_comes_back_goes_to_the_oldest_waiter(full):
    """First come, first served, and at once."""
    waiting = [borrow(full) for _ in range(3)]
    lease = full.holders[0].lease
    full.pool.give_back(lease, BARE)
    assert waiting[0].leases == [lease]
    full.pool.give_back(lease, BARE)
    assert waiting[1].leases == [lease]
    assert waiting[2].leases == []


def test_an_idle_lease_of_the_very_state_is_taken_without_waiting(full):
    """`take` lends only what fits exactly; `wait` takes what can be brought there."""
    state = State(schema=b"shop")
    full.pool.give_back(full.holders[0].lease, BARE)
    assert full.pool.take(KEY, state) is None
    assert full.pool.take(OTHER, BARE) is None
    assert full.pool.take(KEY, BARE) is full.holders[0].lease
    full.pool.give_back(full.holders[0].lease, BARE)
    assert borrow(full, state=state).lease is full.holders[0].lease


def test_a_lease_is_given_back_once(full):
    """Giving back twice does not lend it twice."""
    lease = full.holders[0].lease
    full.pool.give_back(lease, BARE)
    full.pool.give_back(lease, BARE)
    full.pool.discard(lease, "twice")
    assert full.ledger.idle_count == 1


def test_a_lease_of_unknown_state_is_reset_first(full):
    """The waiter gets it after the reset, in the baseline state."""
    waiting = borrow(full)
    full.pool.give_back(full.holders[0].lease, None)
    assert waiting.leases == []
    full.run()
    assert waiting.lease is full.holders[0].lease
    assert full.counters.database_connections_reset == 1


@pytest.mark.parametrize("trouble", ["refused", "dies", "hangs", "nonsense"])
def test_a_reset_that_fails_closes_the_backend(full, trouble):
    """The waiter gets a new connection in its place."""
    waiting = borrow(full)
    routines = full.servers.routines
    if trouble == "refused":
        routines[b"\x1f"] = lambda side: [error(1047).encode()]
    elif trouble == "nonsense":
        routines[b"SELECT DATABASE()"] = lambda side: [side.ok()]
    else:
        routines[b"\x1f"] = lambda side: None
    lease = full.holders[0].lease
    full.pool.give_back(lease, None)
    full.run()
    if trouble == "dies":
        full.busy().die()
    full.run(5 if trouble == "hangs" else 0)
    assert lease.place is Place.GONE
    assert waiting.leases
    assert waiting.lease is not lease
    assert not full.ledger.resetting


def test_a_long_queue_that_gives_back_at_once_is_served_to_its_end():
    """Borrowers that need a lease for no time at all do not nest in each other's calls."""
    stage = Stage(max_connections=1)
    stage.servers.down = True
    quick = [
        borrow(stage, on_lent=lambda lease: stage.pool.give_back(lease, BARE))
        for _ in range(2000)
    ]
    stage.servers.down = False
    stage.run(1)
    assert all(len(borrower.leases) == 1 for borrower in quick)
    assert stage.ledger.idle_count == 1


def test_one_that_gives_back_at_once_in_the_middle_of_the_queue_holds_up_nobody(full):
    """What is given back inside of a loan goes to whoever waits behind."""
    quick = borrow(full, on_lent=lambda lease: full.pool.give_back(lease, BARE))
    behind = borrow(full)
    full.pool.give_back(full.holders[0].lease, BARE)
    assert quick.leases
    assert behind.leases == [full.holders[0].lease]


# Time


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
    assert line["waited_seconds"] == 8.0
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
