"""Tests of `proxy.policy.shelf`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.lease import Lease
from proxy.policy.shelf import Shelf
from tests.support.book import accepts


def put(shelf: Shelf, state: str) -> Lease:
    lease = Lease("app", 0.0)
    lease.state = state
    shelf.put(lease)
    return lease


def test_the_newest_lease_of_an_equal_state_is_best():
    """It needs no replay, and the same few hot backends serve most work."""
    shelf = Shelf()
    first, second, third = put(shelf, "shop"), put(shelf, "shop"), put(shelf, "other")
    assert shelf.best("shop", accepts) is second
    assert shelf.best("other", accepts) is third
    shelf.remove(second)
    assert shelf.best("shop", accepts) is first


def test_a_lease_of_an_equal_state_is_taken_in_one_step():
    """And no other: what would have to be changed first is left there."""
    shelf = Shelf()
    first, second, other = put(shelf, "shop"), put(shelf, "shop"), put(shelf, "other")
    assert [shelf.take("shop") for _ in range(3)] == [second, first, None]
    assert [*shelf.leases] == [other]
    assert shelf.take("other") is other
    assert (shelf.take("other"), shelf.leases, shelf.by_state) == (None, {}, {})


def test_else_the_newest_that_can_be_brought_there():
    """A lease from which no command leads to the state is passed over."""
    shelf = Shelf()
    bare, shop = put(shelf, ""), put(shelf, "shop")
    assert shelf.best("other", accepts) is shop
    shelf.remove(bare)
    assert shelf.best("", accepts) is None


def test_an_older_lease_can_be_removed_from_its_stack():
    """The newer one of the same state stays the best."""
    shelf = Shelf()
    first, second = put(shelf, "shop"), put(shelf, "shop")
    shelf.remove(first)
    assert shelf.best("shop", accepts) is second
    assert [*shelf.leases] == [second]


def test_an_empty_shelf_has_nothing():
    """Neither leases nor states are left behind by those that were taken."""
    shelf = Shelf()
    shelf.remove(put(shelf, "shop"))
    assert shelf.best("shop", accepts) is None
    assert shelf.leases == {}
    assert shelf.by_state == {}


@given(st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.booleans()), max_size=12))
def test_both_orders_hold_the_same_leases(history):
    """By age and by state: a lease stands in both or in neither."""
    shelf = Shelf()
    for state, takes in history:
        lease = shelf.best(state, accepts)
        if takes and lease is not None:
            shelf.remove(lease)
        else:
            put(shelf, state)
        assert [*shelf.leases] == sorted(shelf.leases, key=[*shelf.leases].index)
        stacked = {lease for stack in shelf.by_state.values() for lease in stack}
        assert stacked == {*shelf.leases}
        assert all(
            lease.state == state for state, stack in shelf.by_state.items() for lease in stack
        )
