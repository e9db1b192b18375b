"""Tests of `proxy.failover.steward`: targets that come and go, other sets, and the end."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from proxy.config.failover import Topology
from proxy.config.model import Target, TargetSet
from proxy.policy.observation import Failure, Member
from proxy.pool.borrower import PoolKey
from proxy.session.state import State
from proxy.vocabulary import Role
from tests.support.group import Group, address, answers


def targets(*names, **roles):
    """Targets of these names."""
    return tuple(
        Target(address=address(name), role=roles.get(name, Role.READ_WRITE)) for name in names
    )


def blue_green(green, *, topology=Topology.REPLICATION, **more):
    """A group whose other set of targets is `green`."""
    sets = (TargetSet(name="green", targets=green),)
    return Group("a", "b", topology=topology, sets=sets, **more).be_well()


def use(group, name):
    """Use another set of targets."""
    group.steward.use_set(name, group.steward.sets()[name])
    group.run()


# Another set


def test_another_set_takes_over_in_one_step():
    """Clients of both endpoints wait, and go on there; nobody looks at the old ones."""
    group = blue_green(targets("x", "y"))
    group.host("x").read_only = False
    group.host("y").sources = ("x",)
    writer, reader = group.client(), group.client("reads")
    use(group, "green")
    assert group.is_held
    writer.query(b"INSERT INTO t VALUES (1)")
    group.look(times=2)
    reader.query(b"SELECT 'x'")
    assert answers(writer) == "ok"
    assert group.host("x").ran == ["INSERT INTO t VALUES (1)"]
    assert answers(reader) in ("x", "y")
    running = {one.target.address for one in group.watch.made if one.running}
    assert running == {"x:3306", "y:3306"}
    group.pass_time(11)
    group.pools.sweep()
    assert {pool.watcher for pool in group.pools} == {group.steward}


def test_the_first_target_of_a_set_is_but_a_guess():
    """Where another one takes the writes, clients wait for no more than a look."""
    group = blue_green(targets("x", "y"))
    group.host("y").read_only = False
    use(group, "green")
    group.look()
    assert (group.writer, group.is_held) == ("y", False)


def test_a_target_in_both_sets_goes_on_with_its_new_settings():
    """It keeps its pool and what is known of it, and may be the writer where it says so."""
    group = blue_green(targets("x", "b"), roles={"b": Role.READ_ONLY}, transaction_grace=5)
    pool, health = group.pool("b"), group.post("b").health
    reader = group.client("reads")
    reader.query(b"BEGIN")
    assert answers(reader) == "ok"
    group.host("b").read_only, group.host("b").sources = False, ()
    use(group, "green")
    assert (group.pool("b"), group.post("b").health) == (pool, health)
    group.look(times=2)
    assert (group.writer, group.is_held) == ("b", False)
    reader.query(b"COMMIT")
    assert answers(reader) == "ok"


def test_a_writer_in_both_sets_stays():
    """Nobody is cut off, and nothing is counted as a switch."""
    group = blue_green(targets("a", "x"))
    client = group.client()
    client.query(b"BEGIN")
    assert answers(client) == "ok"
    use(group, "green")
    assert (group.writer, group.is_held) == ("a", False)
    assert group.counters.writer_switches == 0
    group.pass_time(10)
    client.query(b"COMMIT")
    assert answers(client) == "ok"


def test_fixed_single_targets_are_switched_too():
    """Where nobody looks, readers are moved as well as writers."""
    sets = (TargetSet(name="green", targets=targets("x")),)
    group = Group("a", topology=Topology.STATIC, sets=sets)
    group.host("x").read_only = False
    writer, reader = group.client(), group.client("reads")
    assert not any(monitor.running for monitor in group.watch.made)
    use(group, "green")
    writer.query(b"INSERT INTO t VALUES (1)")
    reader.query(b"SELECT 'x'")
    assert (answers(writer), answers(reader)) == ("ok", "x")
    assert group.pool("x").watcher is None


def test_no_plan_is_made_of_two_sets():
    """Whoever loses its connection at a switch does not have the old writer fenced."""
    group = blue_green(targets("x"), fence=True)
    post = group.post("a")
    lease = group.order(_lease(group.pool("a")))[0]
    lease.holder = _Holder(lambda: group.steward.trouble(post.pool, Failure.READ_ONLY, "so"))
    group.feed("a", failure=Failure.SILENT)
    group.feed("a", failure=Failure.SILENT)
    use(group, "green")
    assert lease.holder.told
    assert group.host("a").ordered == []
    assert "x:3306" in group.steward.waits.hold


async def _lease(pool):
    return await pool.borrow(PoolKey("app", 0), State())


class _Holder:
    """Who has a lease, and does something when it is lost."""

    def __init__(self, act):
        self.told, self._act = [], act

    def lease_lost(self, why):
        self.told.append(why)
        self._act()


def test_back_and_forth_between_sets():
    """The targets of the first set come back with the pools that they had."""
    group = blue_green(targets("x"))
    group.host("x").read_only = False
    pool = group.pool("a")
    client = group.client()
    use(group, "green")
    group.look(times=2)
    use(group, "default")
    group.look(times=2)
    assert (group.writer, group.is_held) == ("a", False)
    assert group.pool("a") is pool
    assert pool.watcher is group.steward
    client.query(b"INSERT INTO t VALUES (1)")
    assert answers(client) == "ok"


def test_targets_that_are_given_up_in_a_pause_are_not_held_for_good():
    """After it, whoever still waits there is served."""
    group = blue_green(targets("x"))
    group.host("x").read_only = False
    old = group.pool("b")
    group.order(group.operations.pause())
    got = group.order(_lease(old))
    use(group, "green")
    group.look()
    assert old.ledger.held
    assert group.is_held
    group.operations.resume()
    group.run()
    assert len(got) == 1
    assert not any(pool.ledger.held for pool in group.pools)


# Targets that are found, and leave


def test_members_that_a_target_tells_of_are_used():
    """They are looked at from then on, and become readers."""
    group = Group("a", discover=True).be_well()
    group.add_host("new", sources=("a",)).replicates = True
    group.host("a").members = (Member(address="new:3306"),)
    group.look("a")
    assert group.monitor("new").running
    assert group.post("new").found
    assert not group.post("a").found
    group.look(times=2)
    assert group.readers == {"new"}


@pytest.mark.parametrize("told", ["", ":3306", "two words:3306", "unix:/x", "db:99999"])
def test_what_is_no_address_does_not_end_the_watching(told):
    """A server may tell anything: the plan is made all the same."""
    group = Group("a", "b", discover=True).be_well()
    group.host("a").members = (Member(address=told),)
    group.host("b").members = (Member(address=told),)
    group.look()
    group.host("a").kill()
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look(times=3)
    assert group.writer == "b"
    assert len(group.steward.posts) == 2


def test_a_found_target_that_is_gone_and_told_of_no_more_leaves():
    """Its clients are elsewhere, and its pool goes when it is free."""
    group = Group("a", discover=True, transaction_grace=1)
    host = group.add_host("new", sources=("a",))
    group.host("a").members = (Member(address="new:3306"),)
    group.be_well()
    reader = group.client("reads")
    assert group.readers == {"new"}
    pool = group.pool("new")
    host.kill()
    group.host("a").members = ()
    group.look(times=4)
    assert [*group.steward.posts] == ["a:3306"]
    assert pool.watcher is None
    reader.query(b"SELECT 'x'")
    assert answers(reader) == "a"
    group.pass_time(2)
    group.pools.sweep()
    assert pool not in [*group.pools]


def test_a_look_of_a_target_that_was_given_up_is_nothing():
    """It may have been under way."""
    group = blue_green(targets("x"))
    old = group.monitor("b")
    use(group, "green")
    old.on_look(None)
    old.on_doubt("it is long in answering")
    assert "b:3306" not in group.steward.posts


def test_trouble_at_a_pool_that_was_given_up_changes_nothing():
    """A client of it that was told to be read-only waits where it is served by now."""
    group = blue_green(targets("x"))
    old, held = group.pool("a"), group.steward.waits
    use(group, "green")
    group.host("x").read_only = False
    group.look()
    assert group.steward.trouble(old, Failure.READ_ONLY, "1290") is True
    assert group.steward.trouble(old, Failure.LOST, "gone") is False
    assert not held.hold


def test_trouble_that_is_no_doubt_changes_nothing():
    """A target without a connection to spare is not in doubt."""
    group = Group("a", "b").be_well()
    assert group.steward.trouble(group.pool("a"), Failure.FULL, "1040") is False
    assert group.monitor("a").hints == 0


def test_two_names_of_one_server_are_used_once():
    """The writer's stays; the other one serves nobody, and is seen to be unused."""
    group = Group("a", "b", "c").be_well()
    group.host("b").server = group.host("c").server
    group.look()
    assert group.readers == {"b"}
    (unused,) = [one for one in group.operations.targets() if one.state == "UNUSED"]
    assert unused.address == "c:3306"


def test_a_cluster_of_aurora_is_followed_through_a_failover():
    """Its instances are found; the cluster's name is used while its writer is the writer."""
    pattern = "?.x.rds.amazonaws.com"
    cluster, one, two = "cluster.x:3306", *(f"{n}.x.rds.amazonaws.com:3306" for n in "12")
    settings = {"discover": True, "instance_host_pattern": pattern}
    group = Group(cluster, topology=Topology.AURORA, **settings)
    members = (Member(address="1", writes=True), Member(address="2", writes=False))
    for name, server in ((cluster, "1"), (one, "1"), (two, "2")):
        host = group.host(name)
        host.server, host.members, host.read_only = server, members, server == "2"
    group.be_well(writer="cluster.x")
    assert group.post(one).shadowed
    client, reader = group.client(), group.client("reads")
    reader.query(b"SELECT 'x'")
    assert answers(reader) == two.partition(":")[0]
    for name in (cluster, one):
        group.host(name).kill()
    group.host(two).read_only = False
    group.look(times=3)
    client.query(b"INSERT INTO t VALUES (1)")
    assert (group.steward.writer, answers(client)) == (two, "ok")
    for name, server in ((cluster, "2"), (one, "1")):
        host = group.host(name)
        host.start()
        host.server, host.read_only = server, server == "1"
    group.pass_time(11)
    assert group.steward.writer == two
    assert group.post(cluster).shadowed
    reader.query(b"SELECT 'x'")
    assert answers(reader) == one.partition(":")[0]


def test_another_server_behind_an_address_gets_new_connections():
    """Idle ones lead to the old one; who is in a transaction there has a grace time."""
    group = Group("a", "b", transaction_grace=5).be_well()
    client, idle = group.client(), group.client()
    idle.query(b"SELECT 'x'")
    client.query(b"BEGIN")
    assert answers(client) == "ok"
    group.host("a").server = "another one"
    with capture_logs() as lines:
        group.look()
    assert lines[0]["event"] == "another server is behind a target's address"
    assert group.pool("a").ledger.idle_count == 0
    assert group.pool("a").ledger.borrowed == 1
    group.pass_time(5.5)
    client.query(b"SELECT 'x'")
    assert answers(client)[1] == "40001"


# Plans within plans, and the end


def test_trouble_while_a_plan_is_carried_out_makes_another_plan():
    """Who is released and turned away at once holds everybody again."""
    group = Group("a", "b").be_well()
    pool, told = group.pool("a"), []

    class Borrower:
        pool = group.pool("a")

        def lent(self, lease):
            told.append(group.steward.trouble(pool, Failure.READ_ONLY, "1290"))
            pool.give_back(lease, lease.state)

        def refused(self, reply):
            raise AssertionError(reply)

    lease = group.order(_lease(pool))[0]
    pool.give_back(lease, lease.state)
    group.feed("a", failure=Failure.LOST)
    assert group.is_held
    pool.wait(PoolKey("app", 0), State(), Borrower())
    assert told == []
    group.look("a")
    assert told == [True]
    assert group.is_held
    assert "takes no writes" in group.steward.waits.hold


def test_nothing_is_left_behind_after_the_end():
    """Neither a timer nor a connection, whatever was going on."""
    group = Group("a", "b", "c", transaction_grace=5).be_well()
    client, waiting = group.client(), group.client()
    client.query(b"BEGIN")
    group.host("a").read_only = True
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look("a", "b")
    group.host("b").kill()
    group.look()
    waiting.query(b"INSERT INTO t VALUES (1)")
    assert group.is_held
    group.stop()
    assert not any(monitor.running for monitor in group.watch.made)


def test_nothing_begins_anew_after_the_end():
    """Whatever is heard of a target that was well."""
    group = Group("a", "b").be_well()
    pool = group.pool("a")
    group.stop()
    assert pool.watcher is None
    group.steward.trouble(pool, Failure.LOST, "cut off")
    group.steward.review()
    assert not group.clock.calls


def test_an_operation_ends_with_the_proxy():
    """Who waits for it is told why."""
    group = Group("a", "b").be_well()
    client = group.client()
    client.query(b"BEGIN")
    ended = group.order(group.operations.pause())
    assert ended == []
    group.steward.stop()
    group.run(0.02)
    assert "stopped" in str(ended[0])
