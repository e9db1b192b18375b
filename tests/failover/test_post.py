"""Tests of `proxy.failover.post`: what people see of a target."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.policy.observation import Failure
from proxy.vocabulary import Role
from tests.support.group import Group, answers, ask


@pytest.fixture
def group():
    """A writer and a replica, both well."""
    return Group("a", "b").be_well()


def status(group, name):
    """How a target stands."""
    now, steward = group.clock.seconds(), group.steward
    return group.post(name).status(steward.writer, now, watched=steward.watches)


def test_a_target_that_is_well(group):
    """With its role, what it says of itself, and its connections."""
    client = group.client()
    client.query(b"BEGIN")
    one, other = status(group, "a"), status(group, "b")
    assert (one.address, one.role, one.state, one.reason) == (
        "a:3306",
        "READ_WRITE",
        "AVAILABLE",
        "",
    )
    assert (one.connections, one.lent, one.writable) == (1, 1, True)
    assert one.server == "server of a:3306"
    assert (other.role, other.state, other.writable) == ("READ_ONLY", "AVAILABLE", False)
    assert other.description == ""
    assert group.post("a").name == "a:3306"


def test_a_target_that_was_not_looked_at():
    """It is being registered."""
    one = status(Group("a", "b"), "b")
    assert (one.state, one.seen_seconds_ago, one.writable) == ("REGISTERING", None, None)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure.REFUSED, "CONNECTION_FAILED"),
        (Failure.LOST, "CONNECTION_FAILED"),
        (Failure.SILENT, "CONNECTION_FAILED"),
        (Failure.STOPPING, "CONNECTION_FAILED"),
    ],
)
def test_why_a_target_is_not_there(group, failure, reason):
    """In RDS Proxy's words, and in those of the system."""
    for _ in range(3):
        group.feed("b", failure=failure, why="so")
    one = status(group, "b")
    assert (one.state, one.reason) == ("UNAVAILABLE", reason)
    assert one.description == f"{failure.value}: so"


def test_a_target_that_does_not_serve(group):
    """It answers, and is out of its cluster."""
    group.host("b").serves = False
    group.look()
    one = status(group, "b")
    assert (one.state, one.reason) == ("UNAVAILABLE", "INVALID_REPLICATION_STATE")
    assert one.description == "out of the cluster"


def test_a_monitor_that_cannot_see(group):
    """The target counts as available; what is wrong is said."""
    group.feed("b", failure=Failure.DENIED, why="1045")
    one = status(group, "b")
    assert (one.state, one.description) == ("AVAILABLE", "the monitor may not log in: 1045")


def test_why_a_reader_is_left_out(group):
    """It is well, and too far behind."""
    group.host("b").lag_seconds = 30
    group.look()
    one = status(group, "b")
    assert (one.state, one.lag_seconds) == ("AVAILABLE", 30)
    assert one.description == "it is 30 s behind the writer"


def test_a_target_that_is_not_used(group):
    """An operator drains it, or another name of it is used."""
    post = group.post("b")
    assert post.is_wanted
    post.draining = True
    assert status(group, "b").draining
    assert not post.is_wanted
    assert not post.candidate().may_write
    post.draining, post.shadowed = False, True
    assert status(group, "b").state == "UNUSED"
    assert not post.is_wanted


def test_who_may_be_the_writer():
    """The configuration decides."""
    group = Group("a", "b", roles={"b": Role.READ_ONLY})
    assert group.post("a").candidate().may_write
    assert not group.post("b").candidate().may_write


def test_where_nobody_looks_connections_tell():
    """Of the only target: nothing at first, then as the last dial went."""
    group = Group("a", topology=Topology.STATIC)
    assert status(group, "a").state == "REGISTERING"
    group.client()
    assert status(group, "a").state == "AVAILABLE"
    group.host("a").kill()
    group.connect(user="other")
    group.run(1)
    one = status(group, "a")
    assert (one.state, one.reason) == ("UNAVAILABLE", "CONNECTION_FAILED")
    assert "refused" in one.description


def test_a_refused_user_says_nothing_against_a_target_that_nobody_looks_at():
    """Others have been let in; why that one is not stands beside."""
    group = Group("a", topology=Topology.STATIC)
    opening = group.post("a").pool.opening
    opening.last_failure, opening.answers = "it refuses the user other", True
    assert status(group, "a").state == "UNAVAILABLE"
    group.client()
    opening.last_failure = "it refuses the user other"
    one = status(group, "a")
    assert (one.state, one.reason, one.description) == ("AVAILABLE", "", opening.last_failure)


def test_nobody_waits_for_ever_for_a_dead_target(group):
    """Where no other target takes over, a statement under way ends as any wait does."""
    client = group.client()
    group.host("a").answers[b"INSERT"] = lambda _: None
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.host("a").alive = False
    group.look(times=3)
    group.pass_time(55)
    assert answers(client) is None
    group.pass_time(10)
    assert answers(client) == (2013, "08007")
