"""Tests of `proxy.service.supervising.budget`: workers that share, in memory."""

from __future__ import annotations

import pytest

from proxy.policy.needs import KEPT_SECONDS
from proxy.policy.shares import CALM_SECONDS, DEATH_SECONDS, TURN_SECONDS
from tests.support.borrow import BARE
from tests.support.fleet import Fleet, longest, rate


def test_one_worker_has_everything_when_the_others_need_nothing():
    """At once, whichever it is, and the others learn the target's limit all the same."""
    fleet = Fleet()
    first, second = fleet.workers
    loops = first.busy(16)
    fleet.run()
    assert fleet.totals == [16, 0]
    assert longest(loops) == 0
    assert second.pool.facts is None
    assert second.pool.allowance.whole.connections == 16


def test_nothing_is_said_while_everybody_has_enough():
    """Shares cost nothing then."""
    fleet = Fleet()
    for worker in fleet.workers:
        worker.busy(4)
    fleet.run(CALM_SECONDS + 0.1)
    said = fleet.messages()
    fleet.run(1)
    assert fleet.messages() == said
    assert not fleet.budget._timer


def test_one_worker_looks_at_a_target_that_nobody_knows():
    """The others dial as soon as it has told the limit."""
    fleet = Fleet()
    fleet.servers.holding = True
    loops = [worker.busy(2) for worker in fleet.workers]
    fleet.run()
    assert len(fleet.servers.dials) == 1
    fleet.servers.holding = False
    fleet.servers.dials.pop()()
    fleet.run()
    assert fleet.totals == [2, 2]
    assert all(loop.waits for two in loops for loop in two)


def test_what_one_worker_does_not_use_any_more_goes_to_the_other():
    """Soon, and the server never sees more connections than there may be."""
    fleet = Fleet()
    first, second = fleet.workers
    old = first.busy(16)
    fleet.run(0.2)
    for loop in old:
        loop.stopped = True
    new = second.busy(16)
    fleet.run(0.5)
    assert fleet.totals == [1, 15]
    assert longest(new) < 0.3
    fleet.run(KEPT_SECONDS)
    assert fleet.totals == [0, 16]
    assert fleet.most == 16


def test_workers_that_are_as_busy_share_evenly():
    """Whoever came first, and connections do not go to and fro."""
    fleet = Fleet()
    first, second = fleet.workers
    old = first.busy(16)
    fleet.run(0.5)
    new = second.busy(16)
    fleet.run(1)
    assert fleet.totals == [8, 8]
    logins = fleet.logins
    assert rate(old, fleet) == pytest.approx(rate(new, fleet), rel=0.1)
    assert fleet.logins == logins
    assert fleet.most == 16


def test_a_worker_with_little_to_do_does_not_starve_beside_a_busy_one():
    """And keeps its connection between its statements."""
    fleet = Fleet()
    first, second = fleet.workers
    first.busy(60)
    fleet.run(0.5)
    (loop,) = second.busy(1, think=1.0)
    fleet.run(4)
    assert loop.waits[0] < TURN_SECONDS
    assert loop.waits[1:] == [0.0] * (len(loop.waits) - 1)
    assert fleet.totals == [15, 1]


def test_fewer_connections_than_workers_take_turns():
    """Everybody is served, about as often, and nobody waits for much longer."""
    fleet = Fleet(3, max_connections=1)
    loops = [worker.busy(1) for worker in fleet.workers]
    fleet.run(4)
    done = [one.done for (one,) in loops]
    assert min(done) > max(done) / 2
    assert max(map(longest, loops)) < 4 * TURN_SECONDS
    assert fleet.most == 1


def test_a_long_transaction_of_one_worker_keeps_nobody_from_others_places():
    """Somebody else is asked."""
    fleet = Fleet(3, max_connections=2)
    first, second, third = fleet.workers
    pinned = first.borrow()
    fleet.run()
    assert pinned.lease
    second.busy(2)
    fleet.run(0.5)
    waiting = third.borrow()
    fleet.run(4 * TURN_SECONDS)
    assert waiting.lease
    assert fleet.totals == [1, 0, 1]


def test_what_a_dead_worker_had_is_free_when_the_server_has_noticed():
    """Those who wait have it then."""
    fleet = Fleet()
    first, second = fleet.workers
    first.busy(16)
    fleet.run(0.1)
    loops = second.busy(16)
    fleet.run()
    first.dies()
    fleet.run(DEATH_SECONDS - 0.05)
    before = second.ledger.total
    fleet.run(0.1)
    assert before < 16
    assert second.ledger.total == 16
    assert all(loop.waits for loop in loops)


def test_a_new_worker_gets_what_it_needs():
    """The limit is known to it before it has seen the target."""
    fleet = Fleet()
    first, second = fleet.workers
    first.busy(4)
    fleet.run(0.1)
    second.dies()
    third = fleet.hire()
    assert third.pool.allowance.max_connections == 100
    third.busy(12)
    fleet.run()
    assert fleet.totals == [4, 12]


def test_a_lower_limit_takes_from_all_and_a_higher_one_gives_at_once():
    """As connections come free, and for all workers together."""
    fleet = Fleet()
    for worker in fleet.workers:
        worker.busy(8)
    fleet.run(0.1)
    assert fleet.totals == [8, 8]
    fleet.reconfigure(max_connections=6)
    fleet.run(0.5)
    assert sum(fleet.totals) == 6
    fleet.reconfigure(max_connections=12)
    fleet.run()
    assert sum(fleet.totals) == 12


def test_a_target_that_has_changed_its_limit_is_believed():
    """Whichever worker sees it first."""
    fleet = Fleet(max_connections=200)
    first, second = fleet.workers
    first.busy(10)
    fleet.run(0.1)
    fleet.servers.max_connections = 12
    second.busy(1)
    fleet.run(0.5)
    assert [one.pool.allowance.whole.connections for one in fleet.workers] == [12, 12]
    assert "of 12" not in repr(fleet.budget)
    assert repr(fleet.budget).endswith("; 12>>")


def test_a_proxy_that_is_not_there_any_more_has_one_connection():
    """Its workers are about to hear that, too."""
    fleet = Fleet()
    fleet.workers[0].busy(4)
    fleet.run()
    fleet.budget.reconfigure([])
    fleet.run(0.2)
    assert fleet.totals == [1, 0]


def test_nothing_is_left_of_a_target_that_nobody_uses():
    """Neither at the workers nor at who shares out."""
    fleet = Fleet()
    for worker in fleet.workers:
        holder = worker.borrow()
        fleet.run()
        worker.pool.retire_all()
        worker.pool.share.leave()
        holder.pool.give_back(holder.lease, BARE)
    fleet.run()
    assert repr(fleet.budget) == "<Budget of no target>"
    assert repr(fleet.workers[0].shares) == "<PoolShares of 0 pools>"


def test_two_pools_of_a_worker_at_the_same_target_are_told_apart():
    """One that is left may have clients yet when the target comes back."""
    fleet = Fleet(1, max_connections=2)
    (worker,) = fleet.workers
    old = worker.borrow()
    fleet.run()
    worker.pool.share.leave()
    worker.pool = worker.make_pool()
    new = worker.borrow()
    fleet.run()
    assert old.lease
    assert new.lease
    assert [old.pool.ledger.total, new.pool.ledger.total] == [1, 1]


def test_each_target_has_connections_of_its_own():
    """Who waits at one of them is no trouble to the other."""
    fleet = Fleet(1, max_connections=1)
    (worker,) = fleet.workers
    loops = worker.busy(2)
    fleet.run()
    worker.pool = worker.make_pool("sub:3306")
    other = worker.borrow()
    fleet.run(0.1)
    assert other.lease
    assert all(loop.done for loop in loops)
    assert "shop db:3306: " in repr(fleet.budget)
    assert "shop sub:3306: " in repr(fleet.budget)


def test_what_comes_from_a_worker_that_is_gone_changes_nothing():
    """It was said before."""
    fleet = Fleet()
    first, second = fleet.workers
    holder = first.borrow()
    fleet.run()
    fleet.budget.leave(first)
    fleet.budget.leave(first)
    waiting = first.borrow()
    fleet.run()
    first.pool.share.leave()
    first.pool.withdraw(next(iter(first.ledger.waiting)))
    first.pool.discard(holder.lease, "done")
    fleet.run(0.1)
    assert not waiting.lease
    assert first.link.other.said[-1][0] == "no_need"
    second.borrow()
    fleet.run()
    assert second.ledger.total == 1


def test_nothing_happens_after_the_end():
    """There is no timer left."""
    fleet = Fleet(max_connections=1)
    for worker in fleet.workers:
        worker.borrow()
    fleet.run()
    assert fleet.budget._timer
    fleet.budget.stop()
    assert not fleet.budget._timer
    fleet.workers[0].borrow()
    fleet.run(0.1)
    assert not fleet.budget._timer
