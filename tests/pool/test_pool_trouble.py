"""Tests of `proxy.pool.pool`: targets in trouble, and how connections end."""

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

from proxy.errors import StatementRefusedError
from proxy.policy.lease import Place
from proxy.pool.borrower import PoolKey
from proxy.pool.pool import RETIRE_LIMIT_SECONDS
from proxy.wire.commands import QUIT
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


# A target in trouble


def test_a_target_that_is_down_is_tried_again_and_recovers_by_itself(stage):
    """Waiters stay in the queue and are served when the target is back."""
    stage.servers.down = True
    waiting = [borrow(stage) for _ in range(3)]
    for _ in range(3):
        stage.run(1)
    assert stage.counters.database_connections_setup_failed >= 3
    assert "refused" in stage.pool.last_failure
    stage.servers.down = False
    stage.run(1)
    assert [len(borrower.leases) for borrower in waiting] == [1, 1, 0]
    assert stage.pool.last_failure == ""


def test_a_target_that_stays_down_ends_in_9501_with_the_reason_in_the_log(stage):
    """The log line has the last failure of a dial."""
    stage.servers.down = True
    waiting = borrow(stage)
    with capture_logs() as lines:
        for _ in range(9):
            stage.run(1)
    assert [reply.code for reply in waiting.replies] == [9501]
    (line,) = [line for line in lines if "waited too long" in line["event"]]
    assert "cannot connect to db:3306" in line["last_failure"]


def test_pauses_between_dials_grow_to_a_second(stage):
    """A target that is away is asked about once a second."""
    stage.servers.down = True
    borrow(stage)
    for _ in range(70):
        stage.run(0.1)
    assert 7 <= stage.counters.database_connection_requests <= 12


def test_a_target_that_refuses_the_account_is_not_waited_for(stage):
    """Another try would not mend it, so who waits hears the server's words; others do not."""
    stage.servers.holding = True
    mine, others = borrow(stage), borrow(stage, OTHER)
    stage.servers.refusal = error(1045, "28000", b"Access denied")
    stage.servers.dials.pop()()
    stage.run()
    assert [reply.code for reply in mine.replies] == [1045]
    assert others.replies == []
    assert len(stage.ledger.waiting) == 1


def test_a_target_that_is_full_is_waited_for(stage):
    """Too many connections at the target passes, so the waiter stays."""
    stage.servers.refusal = error(1040, "08004", b"Too many connections")
    waiting = borrow(stage)
    assert waiting.replies == []
    stage.servers.refusal = None
    stage.run(1)
    assert waiting.leases


def test_a_user_whose_password_is_gone_has_no_connections(stage):
    """The dial fails without a word to the target."""
    borrow(stage, PoolKey("nobody", 0))
    assert stage.backends == []
    assert stage.pool.last_failure == "no password is known for user 'nobody'"


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


# Ends


def test_a_lent_backend_that_dies_is_told_to_its_holder(full):
    """The holder hears of it, and the waiter behind gets a new connection."""
    waiting = borrow(full)
    full.backends[0].die()
    full.run()
    assert full.holders[0].replies == ["the connection was closed"]
    assert waiting.leases
    assert full.ledger.total == 2


def test_an_idle_backend_that_dies_is_just_gone(full):
    """Nobody is disturbed, and nobody is lent it."""
    lease = full.holders[0].lease
    full.pool.give_back(lease, BARE)
    full.backends[0].die()
    assert full.holders[0].replies == []
    assert full.pool.take(KEY, BARE) is None
    assert lease.place is Place.GONE


def test_the_place_of_another_user_is_made_free(full):
    """An idle connection of one user gives way to a waiter of another."""
    full.pool.give_back(full.holders[0].lease, BARE)
    other = borrow(full, OTHER)
    assert full.backends[0].gone
    assert full.backends[0].side.commands[-1] == QUIT
    assert other.leases
    assert full.ledger.total == 2


def test_a_retired_backend_that_does_not_close_is_cut_off(full):
    """COM_QUIT is a request; after its time the connection is closed by us."""
    wire = full.backends[0].wire
    wire.stuck = True
    full.pool.discard(full.holders[0].lease, "test")
    full.run()
    assert len(full.ledger.retiring) == 1
    full.run(RETIRE_LIMIT_SECONDS)
    assert not full.ledger.retiring
    assert full.backends[0].gone


def test_a_discarded_backend_that_owes_an_answer_is_cut_off(full):
    """There is no room for COM_QUIT in the middle of an answer."""
    lease = full.holders[0].lease
    lease.backend.ask(b"\x03SELECT SLEEP(9)", 1).addErrback(lambda _: None)
    full.pool.discard(lease, "test")
    full.run()
    assert full.backends[0].gone
    assert QUIT not in full.backends[0].side.commands


def test_a_sweep_closes_what_is_too_old(full):
    """An idle connection beyond its age is retired, a lent one when it comes back."""
    full.pool.give_back(full.holders[0].lease, BARE)
    full.run(86_400)
    full.pool.sweep()
    full.run()
    assert full.backends[0].gone
    assert not full.backends[1].gone
    full.pool.give_back(full.holders[1].lease, BARE)
    full.run()
    assert full.backends[1].gone


def test_a_closed_pool_lends_no_more(full):
    """Idle connections are closed at once, lent ones when they come back, new ones too."""
    full.pool.give_back(full.holders[0].lease, BARE)
    full.pool.close()
    full.run()
    assert full.ledger.total == 1
    assert [reply.code for reply in borrow(full).replies] == [9501]
    full.pool.give_back(full.holders[1].lease, BARE)
    full.run()
    assert full.ledger.total == 0


def test_a_dial_that_ends_in_a_closed_pool_is_closed(stage):
    """A connection that came too late is not kept."""
    stage.servers.holding = True
    borrow(stage)
    stage.pool.close()
    stage.servers.dials.pop()()
    stage.run()
    assert stage.ledger.idle_count == 0
    assert all(backend.gone for backend in stage.backends)


def test_a_stopped_pool_cuts_everything_off(full):
    """Whatever is lent, nothing is left open, and no timer of the pool's."""
    borrow(full)
    full.servers.down = True
    full.pool.give_back(full.holders[0].lease, BARE)
    full.pool.stop()
    full.run()
    assert all(backend.gone for backend in full.backends)
    assert full.ledger.total == 0
