"""Tests of `proxy.pool.closing`: connections of a target of the past are cut off."""

from __future__ import annotations

import pytest

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.policy.lease import Lease, Place
from proxy.policy.observation import Failure
from proxy.pool.closing import is_with_client
from tests.support.borrow import BARE, KEY, borrow

WHY = "another target takes the writes"


class Observer:
    """Is told of trouble."""

    def __init__(self, pool):
        self.heard = []
        pool.watcher = self

    def trouble(self, pool, failure, why):
        """See `Watcher`."""
        self.heard.append((pool, failure, why))
        return False


@pytest.mark.parametrize("place", list(Place))
def test_a_client_keeps_what_lingers_or_is_called_back(place):
    """It does not need it; what is lent it does."""
    lease = Lease(KEY, 0.0)
    lease.place = place
    assert is_with_client(lease) is (place in (Place.LINGERING, Place.CALLED))


def test_only_what_is_of_an_older_generation_is_cut_off(full):
    """Whoever has one of those hears so; those of now are left alone."""
    old, kept = full.holders
    full.pool.retire_all()
    full.pool.discard(kept.lease, "to make room")
    full.run()
    new = borrow(full)
    assert new.lease.generation == 1
    full.pool.cut_off(WHY)
    full.run()
    assert old.replies == [WHY]
    assert old.lease.place is Place.GONE
    assert new.replies == []
    assert new.lease.place is Place.LENT
    assert full.ledger.total == 1


def test_without_an_older_generation_nobody_is_cut_off(full):
    """A second look at the same generation is none."""
    full.pool.cut_off(WHY)
    full.run()
    assert [holder.replies for holder in full.holders] == [[], []]
    assert full.ledger.total == 2


def test_what_lingers_with_a_client_is_cut_off_too(full):
    """Called back or not: its target is of the past."""
    lingers, called = full.holders
    full.pool.linger(lingers.lease)
    full.pool.linger(called.lease)
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    assert [holder.replies for holder in full.holders] == [[WHY], [WHY]]
    assert full.ledger.total == 0


def test_who_waits_for_an_answer_hears_of_it_by_that(full):
    """Once, as the one who asked."""
    failures = []
    holder = full.holders[0]
    asked = holder.lease.backend.ask(b"\x03SELECT SLEEP(9)", Kind.RESULT)
    asked.addErrback(failures.append)
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    (failure,) = failures
    assert failure.check(BackendLostError)
    assert WHY in str(failure.value)
    assert holder.replies == []


def test_what_is_being_reset_or_closed_is_cut_off_and_not_waited_for(full):
    """Neither is with anybody."""
    for backend in full.backends:
        backend.wire.stuck = True
    resetting, closing = (holder.lease for holder in full.holders)
    full.servers.routines[b"\x1f"] = lambda _: None
    full.pool.give_back(resetting, None)
    full.pool.discard(closing, "done")
    assert (resetting.place, closing.place) == (Place.RESETTING, Place.RETIRING)
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    assert full.ledger.total == 0
    assert all(backend.gone for backend in full.backends)


def test_what_is_dialed_meanwhile_is_not_lent(stage):
    """It has no connection to be cut off; when it is through it is closed, and dialed anew."""
    stage.servers.holding = True
    waiting = borrow(stage)
    stage.pool.retire_all()
    stage.pool.cut_off(WHY)
    assert len(stage.ledger.dialing) == 1
    stage.servers.holding = False
    stage.servers.dials.pop()()
    stage.run()
    assert waiting.lease.generation == 1
    assert stage.backends[0].gone


def test_who_loses_one_is_lent_no_other_that_is_about_to_be_lost(full):
    """Whoever waits gets a new connection, of the generation of now."""
    waiting = borrow(full)
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    assert waiting.lease.generation == 1
    assert waiting.replies == []


def test_who_loses_a_lease_may_ask_for_the_next_at_once(full):
    """In the very call: what it gets is new."""
    again = []
    for holder in full.holders:
        holder.lease_lost = lambda _: again.append(borrow(full))
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    assert [borrower.lease.generation for borrower in again] == [1, 1]
    assert full.ledger.total == 2


# Who is told


def test_a_connection_that_is_lost_is_trouble_with_the_target(full):
    """Lent or idle: whoever watches the target looks at once."""
    observer = Observer(full.pool)
    full.pool.give_back(full.holders[0].lease, BARE)
    for backend in full.backends:
        backend.die()
    expected = (full.pool, Failure.LOST, "the connection was closed")
    assert observer.heard == [expected, expected]


def test_what_was_ended_by_us_is_no_trouble(full):
    """Neither what is cut off, nor closed, nor killed."""
    observer = Observer(full.pool)
    killed, closed = full.holders
    full.pool.kill(killed.lease, query=False)
    full.backends[0].die()
    full.pool.discard(closed.lease, "done")
    full.run()
    old = borrow(full)
    full.pool.retire_all()
    full.pool.cut_off(WHY)
    full.run()
    assert old.replies == [WHY]
    assert observer.heard == []
