"""Tests of `proxy.pool.pool`: how connections end."""

from proxy.dialogue.answers import Kind
from proxy.policy.lease import Place
from proxy.pool.closing import RETIRE_LIMIT_SECONDS
from proxy.wire.commands import QUIT
from tests.support.borrow import BARE, KEY, OTHER, borrow


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
    lease.backend.ask(b"\x03SELECT SLEEP(9)", Kind.RESULT).addErrback(lambda _: None)
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


def test_a_backend_that_said_too_much_is_not_lent_on(full):
    """Bytes behind an answer would be the next client's."""
    lease = full.holders[0].lease
    lease.backend.exchange.excess = b"?"
    full.pool.give_back(lease, BARE)
    full.run()
    assert full.backends[0].gone
    assert lease.place is Place.GONE


def test_a_pool_can_be_stopped_while_it_dials(stage):
    """A lease without a connection has none to be cut off."""
    stage.servers.holding = True
    borrow(stage)
    stage.pool.stop()
    assert len(stage.ledger.dialing) == 1
    assert stage.backends == []
