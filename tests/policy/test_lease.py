"""Tests of `proxy.policy.lease`."""

from __future__ import annotations

from proxy.policy.lease import Lease, Limits, Place, Waiter


def test_leases_and_waiters_are_themselves():
    """Two leases with the same fields are two leases: they stand in sets and dicts."""
    one, other = Lease("key", born=1.0), Lease("key", born=1.0)
    assert one != other
    assert len({one, other}) == 2
    assert Waiter("key", "state", since=0.0) != Waiter("key", "state", since=0.0)


def test_a_lease_begins_as_a_dial():
    """Nobody has had it, and its state is not known."""
    lease = Lease("key", born=1.0)
    assert lease.place is Place.DIALING
    assert lease.state is None
    assert lease.serial == 0
    assert repr(lease) == "<Lease of 'key' dialing>"
    assert repr(Waiter("key", "state", since=0.0)) == "<Waiter for 'key' since 0.0>"


def test_limits_have_the_times_of_rds_proxy():
    """Idle means five minutes without use, a day is the longest life; lingering is short."""
    limits = Limits(connections=5, idle=2)
    assert (limits.idle_after, limits.age, limits.linger) == (300.0, 86400.0, 1.0)
