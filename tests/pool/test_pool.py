"""Tests of `proxy.pool.pool`: borrowing and giving back, in memory."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from twisted.internet.defer import Deferred

from proxy.errors import StatementRefusedError
from proxy.policy.lease import Place
from proxy.pool.dial import DATABASE
from proxy.session.state import State
from tests.support.borrow import BARE, KEY, OTHER, borrow
from tests.support.memory import Stage
from tests.support.scripted import error


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
        routines[DATABASE] = lambda side: [side.ok()]
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


def test_a_look_learns_about_the_target_and_leaves_nothing(stage):
    """The first look opens a connection and closes it."""
    done = []
    Deferred.fromCoroutine(stage.pool.look("app")).addCallback(done.append)
    stage.run()
    assert done == [None]
    assert stage.pool.facts is not None
    assert stage.ledger.total == 0


def test_a_look_at_a_target_that_refuses_says_so(stage):
    """Whoever looks decides what follows."""
    failures = []
    stage.servers.refusal = error(1045)
    Deferred.fromCoroutine(stage.pool.look("app")).addErrback(failures.append)
    stage.run()
    assert failures[0].type is StatementRefusedError
