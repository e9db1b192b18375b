"""Tests of `proxy.failover.discovery`."""

from __future__ import annotations

import pytest

from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import Target, TargetGroup
from proxy.failover.discovery import MOST_TARGETS, forgotten, found_by, shadow
from proxy.failover.post import Post
from proxy.policy.health import Health, Patience
from proxy.policy.observation import Failure, Look, Member, Seen
from proxy.policy.readers import Reader
from proxy.vocabulary import Role

AURORA = "?.abc.eu-west-1.rds.amazonaws.com"
CLUSTER = "shop.cluster-abc.eu-west-1.rds.amazonaws.com:3307"


def post(address, *members, server=None, good=True, found=False, looks=3, **target):
    """A target as its last looks have shown it."""
    health = Health(Patience(3, 2, 1.0), 0.0)
    told = tuple(one if isinstance(one, Member) else Member(address=one) for one in members)
    seen = Seen(server=server or address, version="", writable=True, members=told)
    if looks:
        health.feed(Look(began=0.0, ended=0.0, seen=seen))
    for n in range(0 if good else looks):
        health.feed(Look(began=n + 1, ended=n + 1, failure=Failure.REFUSED))
    one = Target(address=address, **target)
    return Post(one, None, health, Reader(address, health), None, None, found=found)


def book(*posts):
    """Targets by address."""
    return {one.name: one for one in posts}


def group(topology=Topology.REPLICATION, **failover):
    """A group whose members are looked for."""
    return TargetGroup(
        targets=(Target(address="a:3306"),),
        topology=topology,
        failover=FailoverConfig(discover=True, **failover),
    )


def found(by, *others, **failover):
    """The addresses that are found by a target."""
    return [one.address for one in found_by(by, book(by, *others), group(**failover))]


# Finding


def test_members_that_are_no_targets_yet_are_found():
    """They are reached as the one that told, and each may be the writer one day."""
    by = post("a:3306", "a:3306", "b:3306", "c", role=Role.READ_ONLY, proxy_protocol=True)
    fresh = found_by(by, book(by, post("b:3306")), group())
    assert fresh == [Target(address="c", role=Role.READ_WRITE, proxy_protocol=True)]


@pytest.mark.parametrize("looks", [0, 3])
def test_who_is_not_usable_tells_of_nobody(looks):
    """What it told once is old."""
    assert found(post("a:3306", "b:3306", good=False, looks=looks)) == []


def test_members_that_take_no_part_are_not_found():
    """They are when they do."""
    assert found(post("a:3306", Member(address="b:3306", online=False))) == []


@pytest.mark.parametrize("told", ["", ":3306", "two words:3306", "unix:/run/x", "b:0"])
def test_what_is_no_address_is_not_found(told):
    """A replica without report_host tells an empty one."""
    assert found(post("a:3306", told, "c:3306")) == ["c:3306"]


def test_there_is_an_end_to_targets():
    """Each costs looks."""
    by = post("a:3306", *(f"b{n}:3306" for n in range(100)))
    assert len(found(by)) == MOST_TARGETS - 1


def test_instances_of_aurora_have_an_identifier_and_the_port_of_their_cluster():
    """The pattern makes a name of it."""
    by = post(CLUSTER, "shop-1", "shop-2")
    names = found(by, topology=Topology.AURORA, instance_host_pattern=AURORA)
    assert names == [
        "shop-1.abc.eu-west-1.rds.amazonaws.com:3307",
        "shop-2.abc.eu-west-1.rds.amazonaws.com:3307",
    ]


def test_a_target_at_a_socket_has_the_usual_port():
    """There is none to take over."""
    by = post("unix:/run/mysqld.sock", "shop-1")
    (name,) = found(by, topology=Topology.AURORA, instance_host_pattern="?.x")
    assert name == "shop-1.x:3306"


# Leaving


def test_who_was_found_and_is_gone_and_told_of_no_more_is_forgotten():
    """All of it: one that was configured, is told of, answers or writes stays."""
    gone = post("b:3306", good=False, found=True)
    posts = book(
        post("a:3306", "told:3306"),
        gone,
        post("configured:3306", good=False),
        post("told:3306", good=False, found=True),
        post("alive:3306", found=True),
        post("writer:3306", good=False, found=True),
        post("new:3306", found=True, looks=0),
    )
    assert forgotten(posts, "writer:3306") == ["b:3306"]


def test_an_instance_is_told_of_by_its_identifier():
    """It is the first part of its name."""
    posts = book(
        post(CLUSTER, "shop-1"),
        post("shop-1.abc.rds.amazonaws.com:3306", good=False, found=True),
        post("shop-10.abc.rds.amazonaws.com:3306", good=False, found=True),
    )
    assert forgotten(posts, CLUSTER) == ["shop-10.abc.rds.amazonaws.com:3306"]


def test_what_a_dead_target_has_told_keeps_nobody():
    """It is old."""
    posts = book(post("a:3306", "b:3306", good=False), post("b:3306", good=False, found=True))
    assert forgotten(posts, "a:3306") == ["b:3306"]


# Two names of one server


def shadowed(writer, topology, *posts):
    """Who is shadowed then."""
    shadow(posts, writer, topology)
    return [one.name for one in posts if one.shadowed]


def test_of_two_names_of_a_server_one_is_used():
    """The writer's; else one of the configuration; else the first."""
    moved = Topology.REPLICATION
    one, two = post("one:3306", server="s"), post("two:3306", server="s")
    assert shadowed("one:3306", moved, one, two) == ["two:3306"]
    assert shadowed("two:3306", moved, one, two) == ["one:3306"]
    two.found = True
    assert shadowed("x", moved, two, one) == ["two:3306"]


def test_on_aurora_an_instance_comes_before_its_cluster():
    """The cluster's name will be another one's some day; the writer's stays all the same."""
    cluster = post(CLUSTER, server="shop-1")
    instance = post("shop-1.x:3306", server="shop-1", found=True)
    assert shadowed("other", Topology.AURORA, cluster, instance) == [CLUSTER]
    assert shadowed(CLUSTER, Topology.AURORA, cluster, instance) == ["shop-1.x:3306"]


def test_nobody_is_shadowed_by_who_is_not_there():
    """Nor by itself, nor where servers do not say who they are."""
    dead = post("one:3306", server="s", good=False)
    other = post("two:3306", server="s")
    assert shadowed("one:3306", Topology.REPLICATION, dead, other) == []
    nameless = [post(f"{n}:3306") for n in "ab"]
    for one in nameless:
        object.__setattr__(one.health.seen, "server", "")
    assert shadowed("x", Topology.REPLICATION, *nameless) == []


def test_a_name_that_leads_elsewhere_is_used_again():
    """It is decided anew with each look."""
    one, two = post("one:3306", server="s"), post("two:3306", server="s")
    assert shadowed("one:3306", Topology.REPLICATION, one, two) == ["two:3306"]
    two = post("two:3306", server="t")
    two.shadowed = True
    assert shadowed("one:3306", Topology.REPLICATION, one, two) == []
