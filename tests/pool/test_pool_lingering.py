"""Tests of `proxy.pool.pool`: leases that linger with borrowers that need them no more."""

from __future__ import annotations

import pytest

from proxy.policy.lease import Place
from tests.support.borrow import BARE, KEY, OTHER, borrow


@pytest.fixture
def kept(full):
    """A full pool, of whose leases the first lingers."""
    full.pool.linger(full.holders[0].lease)
    return full


def test_a_lease_lingers_while_nobody_waits(kept):
    """It stays with its borrower, and nobody else is lent it."""
    lease = kept.holders[0].lease
    assert lease.place is Place.LINGERING
    assert kept.pool.take(KEY, BARE) is None
    assert kept.holders[0].calls == 0
    kept.pool.resume(lease)
    assert lease.place is Place.LENT


def test_whoever_waits_has_it_called_back(kept):
    """Its holder is asked once, and what it gives back is the waiter's."""
    waiting, behind = borrow(kept), borrow(kept)
    holder = kept.holders[0]
    assert holder.calls == 1
    assert waiting.leases == []
    kept.pool.give_back(holder.lease, BARE)
    assert waiting.leases == [holder.lease]
    assert holder.lease.place is Place.LENT
    assert behind.leases == []


def test_a_lease_that_begins_to_linger_before_a_waiter_is_called_back_at_once(full):
    """Its borrower is told in the same turn, and may give it back right then."""
    holder = full.holders[0]
    holder.on_called = lambda: full.pool.give_back(holder.lease, BARE)
    waiting = borrow(full)
    full.pool.linger(holder.lease)
    assert holder.calls == 1
    assert waiting.leases == [holder.lease]


def test_a_holder_that_cannot_give_it_up_keeps_it(kept):
    """It works again, or holds a transaction: the waiter waits for another one."""
    waiting = borrow(kept)
    kept.pool.resume(kept.holders[0].lease)
    kept.run()
    assert kept.holders[0].lease.place is Place.LENT
    assert waiting.leases == []
    kept.pool.give_back(kept.holders[1].lease, BARE)
    assert waiting.leases == [kept.holders[1].lease]


def test_a_called_lease_of_unknown_state_is_reset_first(kept):
    """What its client did not take along nobody else meets."""
    waiting = borrow(kept)
    kept.pool.give_back(kept.holders[0].lease, None)
    assert waiting.leases == []
    kept.run()
    assert waiting.leases == [kept.holders[0].lease]


def test_its_place_is_made_free_for_another_user(kept):
    """A waiter of another user gets a new connection in the place of the one called back."""
    other = borrow(kept, OTHER)
    holder = kept.holders[0]
    assert holder.calls == 1
    kept.pool.give_back(holder.lease, BARE)
    kept.run()
    assert holder.lease.place is Place.GONE
    assert len(other.leases) == 1
    assert kept.ledger.total == 2


def test_a_lingering_backend_that_dies_is_told_to_its_holder(kept):
    """What only it knew is gone, which the client may have to hear."""
    kept.backends[0].die()
    assert kept.holders[0].replies == ["the connection was closed"]
    assert kept.holders[0].lease.place is Place.GONE
    assert kept.ledger.total == 1


def test_a_lingering_lease_can_be_discarded(kept):
    """Its connection is closed like a lent one's."""
    kept.pool.discard(kept.holders[0].lease, "test")
    kept.run()
    assert kept.backends[0].gone
    assert kept.ledger.total == 1


def test_only_a_lent_lease_can_linger(kept):
    """One that is gone, or lingers already, stays where it is."""
    lease = kept.holders[0].lease
    kept.pool.linger(lease)
    assert lease.place is Place.LINGERING
    kept.backends[0].die()
    kept.pool.linger(lease)
    assert lease.place is Place.GONE


def test_lingering_ends_by_itself(kept):
    """After a second the holder is asked, so that a backend does not rot with one client."""
    kept.run(kept.ledger.limits.linger)
    kept.pool.sweep()
    assert kept.holders[0].calls == 1
    kept.pool.sweep()
    assert kept.holders[0].calls == 1


def test_a_closed_pool_calls_everything_back(kept):
    """The lease is closed when it comes."""
    kept.pool.close()
    assert kept.holders[0].calls == 1
    kept.pool.give_back(kept.holders[0].lease, BARE)
    kept.run()
    assert kept.ledger.total == 1


def test_what_an_account_may_see_is_known_for_its_sessions(full):
    """Rights belong to the user, so each one's sessions are told of their own."""
    assert full.pool.targets["app"] == full.pool.facts.target
    assert "other" not in full.pool.targets


def test_replays_are_counted(full):
    """How many, and by how many statements."""
    full.pool.count_replay(2)
    full.pool.count_replay(1)
    assert full.counters.session_replays == 2
    assert full.counters.session_replay_statements == 3


def test_a_holder_may_give_it_back_in_the_same_call(kept):
    """The borrower is served before it has stood in the queue, and has nothing to withdraw."""
    holder = kept.holders[0]
    holder.on_called = lambda: kept.pool.give_back(holder.lease, BARE)
    waiting = borrow(kept)
    assert waiting.leases == [holder.lease]
    assert waiting.waiter is None
