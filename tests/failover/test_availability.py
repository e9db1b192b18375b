"""Tests of `proxy.failover.availability`."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.failover.availability import LOOKS, Availability
from tests.support.group import Group


@pytest.fixture
def group():
    """A writer and two readers, all well."""
    group = Group("a", "b", "c", topology=Topology.REPLICATION)
    yield group.be_well()
    group.stop()


def fail(group, *names):
    """Nobody answers there any more, and that has been seen."""
    for name in names:
        group.host(name).alive = False
    group.look(times=5)


def test_a_group_that_is_well_is_there(group):
    """For both roles."""
    availability = Availability(group.steward)
    assert availability.percentages() == {}
    for _ in range(3):
        availability.look()
    assert availability.percentages() == {"READ_WRITE": 100.0, "READ_ONLY": 100.0}
    assert repr(availability).startswith("<Availability {'READ_WRITE': 100.0")


def test_one_reader_is_enough(group):
    """Without any, reads are not there, and the writer is."""
    availability = Availability(group.steward)
    fail(group, "b")
    availability.look()
    assert availability.percentages()["READ_ONLY"] == 100.0
    fail(group, "c")
    availability.look()
    assert availability.percentages() == {"READ_WRITE": 100.0, "READ_ONLY": 50.0}


def test_a_lost_writer_is_not_there(group):
    """As long as clients wait for another one; a minute later it is forgotten."""
    availability = Availability(group.steward)
    availability.look()
    fail(group, "a")
    availability.look()
    assert availability.percentages()["READ_WRITE"] == 50.0
    group.host("a").alive = True
    group.look(times=5)
    for _ in range(LOOKS):
        availability.look()
    assert availability.percentages()["READ_WRITE"] == 100.0


def test_without_readers_there_is_no_such_role(group):
    """Also when there have been some."""
    availability = Availability(group.steward)
    availability.look()
    group.steward.give_up([*map("{}:3306".format, "bc")])
    availability.look()
    assert availability.percentages() == {"READ_WRITE": 100.0}


def test_a_target_at_which_nobody_looks_is_there_when_it_can_be_reached():
    """Its connections tell: before the first one it is not known to be."""
    group = Group("a", topology=Topology.STATIC)
    availability = Availability(group.steward)
    availability.look()
    assert availability.percentages() == {"READ_WRITE": 0.0}
    group.client()
    availability.look()
    assert availability.percentages() == {"READ_WRITE": 50.0}
    group.steward.writer = "elsewhere"
    availability.look()
    assert availability.percentages() == {
        "READ_WRITE": pytest.approx(100 / 3),
        "READ_ONLY": 100,
    }
    group.steward.writer = "a:3306"
    group.stop()
