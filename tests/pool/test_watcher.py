"""Tests of `proxy.pool.watcher`."""

from __future__ import annotations

from proxy.policy.observation import Failure
from tests.support.borrow import BARE, borrow
from tests.support.scripted import error


class Lookout:
    """Looks for the target that takes writes, and notes what traffic meets."""

    def __init__(self):
        self.heard = []

    def trouble(self, pool, failure, why):
        """See `Watcher`."""
        self.heard.append((pool, failure, why))
        return failure is Failure.READ_ONLY


def test_nobody_has_to_watch(full):
    """A pool without a watcher loses connections, and fails to dial, without anybody's help."""
    assert full.pool.watcher is None
    full.servers.down = True
    waiting = borrow(full)
    full.backends[0].die()
    full.run()
    full.servers.down = False
    full.run(1)
    assert waiting.leases


def test_a_target_that_cannot_be_dialed_is_told(stage):
    """With the pool that it is about, the kind of failure, and its words."""
    stage.pool.watcher = lookout = Lookout()
    stage.servers.down = True
    borrow(stage)
    pool, failure, why = lookout.heard[0]
    assert (pool, failure) == (stage.pool, Failure.REFUSED)
    assert why


def test_a_refusal_of_the_account_is_not_told_as_a_dead_target(stage):
    """The server has answered."""
    stage.pool.watcher = lookout = Lookout()
    stage.servers.refusal = error(1045)
    borrow(stage)
    assert {failure for _, failure, _ in lookout.heard} == {Failure.DENIED}


def test_who_is_told_may_hold_the_pool_in_the_same_call(full):
    """The waiter behind is not lent what is left: that may be as dead."""

    class Holding(Lookout):
        def trouble(self, pool, failure, why):
            pool.hold()
            return super().trouble(pool, failure, why)

    full.pool.watcher = Holding()
    waiting = borrow(full)
    full.pool.discard(full.holders[1].lease, "done")
    full.backends[0].die()
    full.run()
    assert waiting.leases == []
    full.pool.release()
    full.run()
    assert waiting.leases
    full.pool.give_back(waiting.lease, BARE)
