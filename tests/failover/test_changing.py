"""Tests of `proxy.failover.changing`: other targets and settings while clients are at work."""

from __future__ import annotations

import attrs
import pytest

from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import Target, TargetSet
from proxy.failover import changing
from proxy.policy.health import Condition
from proxy.policy.observation import Member
from proxy.vocabulary import Role
from tests.support.group import FedWatch, Group, address, answers, ask, begin


def targets(*names, **roles):
    """Targets of these names."""
    return tuple(
        Target(address=address(name), role=roles.get(name, Role.READ_WRITE)) for name in names
    )


def change(group, **settings):
    """Have the group go by other settings."""
    group.config = attrs.evolve(group.config, **settings)
    changing.reconfigure(group.steward, group.config, group.watch)
    group.run()


def looked_at(group):
    """Whom somebody looks at, each once."""
    running = sorted(one.target.address for one in group.watch.made if one.running)
    return [name.partition(":")[0] for name in running]


@pytest.fixture
def pair():
    """A writer and a reader, well."""
    return Group("a", "b").be_well()


def test_what_is_known_of_targets_that_stay_is_kept(pair):
    """Another pace of looking holds nobody, and nobody is looked at twice."""
    health = pair.post("a").health
    change(pair, failover=FailoverConfig(probe_interval=0.5, unavailable_after=7))
    assert pair.post("a").health is health
    assert health.patience.unavailable_after == 7
    assert not pair.is_held
    assert looked_at(pair) == ["a", "b"]
    assert ask(pair.client(), b"SELECT 'a'") == "a"


def test_a_new_target_is_looked_at_and_serves(pair):
    """As one that was there from the start."""
    pair.host("c").sources = ("a",)
    change(pair, targets=targets("a", "b", "c"))
    assert looked_at(pair) == ["a", "b", "c"]
    pair.look(times=2)
    assert pair.readers == {"b", "c"}


def test_a_target_that_is_gone_is_drained():
    """Its transactions have a grace time, and its clients go on elsewhere."""
    group = Group("a", "b", "c", transaction_grace=5).be_well()
    readers = [begin(group, "reads") for _ in range(2)]
    change(group, targets=targets("a", "b"))
    assert looked_at(group) == ["a", "b"]
    assert group.readers == {"b"}
    group.pass_time(6)
    assert sorted(ask(one, b"COMMIT") == "ok" for one in readers) == [False, True]
    assert all(ask(one, b"SELECT 'b'") == "b" for one in readers)


def test_without_the_writer_clients_wait_until_there_is_one(pair):
    """The first of the new targets is a guess; a look says who it is."""
    client = pair.client()
    pair.host("c").read_only = False
    change(pair, targets=targets("b", "c"))
    assert pair.is_held
    client.query(b"INSERT INTO t VALUES (1)")
    assert answers(client) is None
    pair.look(times=2)
    assert (pair.writer, pair.is_held) == ("c", False)
    assert answers(client) == "ok"


def test_a_writer_that_may_not_write_any_more_is_left(pair):
    """As soon as another one is seen to take writes."""
    change(pair, targets=targets("a", "b", a=Role.READ_ONLY))
    assert pair.writer == "a"
    pair.host("b").read_only, pair.host("b").sources = False, ()
    pair.host("a").read_only = True
    pair.pass_time(6)
    assert (pair.writer, pair.is_held) == ("b", False)


def test_fixed_roles_are_exchanged_at_once():
    """With the topology STATIC the configuration says who takes the writes."""
    group = Group("a", "b", topology=Topology.STATIC, roles={"b": Role.READ_ONLY}).be_well()
    client = group.client()
    group.host("b").read_only, group.host("b").sources = False, ()
    change(group, targets=targets("a", "b", a=Role.READ_ONLY))
    group.look(times=2)
    assert group.writer == "b"
    assert ask(client, b"INSERT INTO t VALUES (1)") == "ok"
    assert group.host("b").ran == ["INSERT INTO t VALUES (1)"]


def test_a_search_for_a_writer_goes_on_with_other_targets(pair):
    """What is held stays so, and the new target ends it."""
    client = pair.client()
    pair.host("a").alive = False
    pair.look(times=4)
    assert pair.is_held
    client.query(b"INSERT INTO t VALUES (1)")
    pair.host("c").read_only = False
    change(pair, targets=targets("a", "b", "c"))
    assert pair.is_held
    pair.pass_time(6)
    assert (pair.writer, pair.is_held) == ("c", False)
    assert answers(client) == "ok"


def test_a_pause_is_none_of_it(pair):
    """Clients wait until somebody resumes."""
    client = pair.client()
    pair.order(pair.operations.pause())
    client.query(b"SELECT 'a'")
    change(pair, targets=targets("a", "b", "c"))
    pair.look(times=2)
    assert answers(client) is None
    pair.operations.resume()
    pair.run()
    assert answers(client) == "a"


def test_another_topology_forgets_what_was_seen(pair):
    """The looks of one kind say nothing to another; clients wait for a look of the new one."""
    change(pair, topology=Topology.GALERA)
    assert {post.health.condition for post in pair.steward.posts.values()} == {
        Condition.UNKNOWN
    }
    assert pair.is_held
    pair.look(times=2)
    assert not pair.is_held


def test_a_second_target_begins_the_looks_and_its_end_ends_them():
    """A single fixed target tells by its connections how it is."""
    group = Group("a", topology=Topology.STATIC)
    client, reader = group.client(), group.client("reads")
    assert looked_at(group) == []
    group.host("b").sources = ("a",)
    change(group, targets=targets("a", "b", b=Role.READ_ONLY))
    assert looked_at(group) == ["a", "b"]
    group.look(times=2)
    assert ask(reader, b"SELECT 'b'") == "b"
    assert ask(client, b"SELECT 'a'") == "a"
    change(group, targets=targets("a"))
    assert looked_at(group) == []
    assert ask(reader, b"SELECT 'a'") == "a"
    assert not group.is_held
    group.pass_time(0, step=1)
    change(group, targets=targets("a", "b", b=Role.READ_ONLY))
    assert looked_at(group) == ["a", "b"]


def test_looks_that_end_hold_nobody():
    """Not even where a writer was being waited for."""
    group = Group("a", "b", topology=Topology.STATIC, roles={"b": Role.READ_ONLY}).be_well()
    group.host("a").alive = False
    group.look(times=4)
    assert group.is_held
    group.host("a").alive = True
    change(group, targets=targets("a"))
    assert not group.is_held
    group.run(2)
    assert ask(group.client(), b"SELECT 'a'") == "a"


def test_the_set_in_use_stays_in_use(pair):
    """Its targets are those that the configuration gives it now."""
    change(pair, target_sets=(TargetSet(name="green", targets=targets("x")),))
    pair.host("x").read_only = False
    pair.order(pair.operations.switch("green"))
    pair.look(times=2)
    pair.host("y").sources = ("x",)
    change(pair, target_sets=(TargetSet(name="green", targets=targets("x", "y")),))
    assert pair.steward.target_set == "green"
    assert looked_at(pair) == ["x", "y"]
    assert (pair.writer, pair.is_held) == ("x", False)
    change(pair, target_sets=())
    pair.look(times=2)
    assert pair.steward.target_set == "default"
    assert (pair.writer, looked_at(pair)) == ("a", ["a", "b"])


def test_targets_that_were_found_stay_as_long_as_they_are_wanted():
    """Until nothing is discovered any more."""
    group = Group("a", "b", discover=True).be_well()
    group.host("c").sources = ("a",)
    group.host("a").members = (Member(address="c:3306"),)
    group.look(times=3)
    assert "c:3306" in group.steward.posts
    change(group, failover=FailoverConfig(discover=True, max_replica_lag=3))
    assert looked_at(group) == ["a", "b", "c"]
    group.host("a").read_only = True
    group.host("c").read_only, group.host("c").sources = False, ()
    group.pass_time(6)
    change(group, failover=FailoverConfig(discover=True, max_replica_lag=4))
    assert group.writer == "c"
    change(group, failover=FailoverConfig())
    assert looked_at(group) == ["a", "b"]


def test_readers_wait_or_do_not_as_it_is_wanted_now():
    """Whoever waited for a reader gets the writer once that is allowed."""
    group = Group("a", "b", fall_back_to_writer=False).be_well()
    reader = group.client("reads")
    group.host("b").alive = False
    group.look(times=4)
    reader.query(b"SELECT 'a'")
    group.look()
    assert answers(reader) is None
    change(group, failover=FailoverConfig(fall_back_to_writer=True))
    group.look()
    assert answers(reader) == "a"
    change(group, failover=FailoverConfig(fall_back_to_writer=False))
    group.look()
    reader.query(b"SELECT 'a'")
    assert answers(reader) is None


def test_monitors_of_before_are_stopped(pair):
    """Whoever looked until now looks no more."""
    before = [*pair.watch.made]
    pair.watch = FedWatch(pair)
    change(pair, failover=FailoverConfig(probe_interval=2))
    assert not any(one.running for one in before)
    assert looked_at(pair) == ["a", "b"]
