"""Tests of `proxy.failover.leases`: the same question to pools that are here and elsewhere."""

from __future__ import annotations

import pytest

from proxy.failover.leases import is_busy, is_lent, is_open
from tests.support.group import Group, answers, ask, begin
from tests.support.staffed import StaffedGroup


@pytest.fixture(params=[Group, StaffedGroup], ids=["here", "elsewhere"])
def group(request):
    """A writer and a reader, both well."""
    group = request.param("a", "b").be_well()
    yield group
    group.stop()


def seen(group):
    """What is known of the writer's pool, when all have reported."""
    pool = group.post("a").pool
    is_open(pool)
    group.run(0.03)
    group.run(0.03)
    return is_open(pool), is_lent(pool), is_busy(pool), is_busy(pool, left=True)


def test_a_pool_that_nobody_uses(group):
    """Has nothing of anybody."""
    assert seen(group) == (False, False, False, False)


def test_a_transaction_is_busy_until_it_ends(group):
    """And left over once there is another generation."""
    client = begin(group)
    assert seen(group) == (True, True, True, False)
    group.post("a").pool.retire_all()
    assert seen(group) == (True, True, True, True)
    assert ask(client, b"COMMIT") == "ok"
    group.run()
    assert seen(group)[2:] == (False, False)


def test_a_pool_elsewhere_is_in_use_until_all_have_done_what_they_were_told():
    """However long ago they have reported that nobody had anything."""
    group = StaffedGroup("a", "b").be_well()
    group.run(1.1)
    pool = group.post("a").pool
    assert seen(group) == (False, False, False, False)
    pool.retire_all()
    assert (is_open(pool), is_lent(pool), is_busy(pool)) == (True, True, True)
    assert seen(group) == (False, False, False, False)
    assert answers(group.client()) is None
    group.stop()
