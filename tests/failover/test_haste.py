"""Tests of `proxy.failover.haste`."""

import pytest

from proxy.failover.haste import HASTE_SECONDS, set_pace
from tests.support.group import Group


@pytest.fixture
def group():
    """A writer and a reader, well."""
    return Group("a", "b").be_well()


def hasty(group, later=0.0):
    """Who is looked at quickly."""
    steward = group.steward
    set_pace(steward.posts, steward.writer, steward.waits, group.clock.seconds() + later)
    return [post.monitor.is_hasty for post in steward.posts.values()]


def test_nobody_hurries_while_all_is_well(group):
    """The pace is the usual one."""
    assert hasty(group) == [False, False]


def test_one_that_is_in_doubt_is_looked_at_quickly(group):
    """A reader in doubt is no reason to look at the others so."""
    group.post("b").health.doubt("it was slow", group.clock.seconds())
    assert hasty(group) == [False, True]


def test_all_are_looked_at_quickly_while_a_writer_is_searched(group):
    """It may be any of them; but not for ever."""
    group.post("a").health.doubt("it was slow", group.clock.seconds())
    assert hasty(group) == [True, True]
    assert hasty(group, HASTE_SECONDS + 1) == [False, False]


def test_a_writer_that_has_left_is_no_reason_to_hurry(group):
    """An order alone is."""
    group.steward.writer = "gone:3306"
    assert hasty(group) == [False, False]
    group.steward.waits.begin_order("b is being promoted")
    assert hasty(group) == [True, True]
