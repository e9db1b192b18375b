"""Tests of `proxy.failover.operations`: another writer, and another set of targets."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.config.model import Target, TargetSet
from proxy.failover.operations import TAKEOVER_SECONDS
from proxy.vocabulary import Role
from proxy.wire.responses import Err
from tests.support.group import Group, answers, ask, begin, refusal
from tests.support.host import UUID

ROLLED_BACK = "40001"
REFUSED = Err(1227, "42000", b"Access denied; you need SUPER")


@pytest.fixture
def group():
    """A writer and two replicas, all well."""
    return Group("a", "b", "c", transaction_grace=5).be_well()


# Promoting


def test_promoting_moves_everybody_between_transactions(group):
    """Who has nothing open hears nothing; open transactions have their grace."""
    clients, busy = [group.client() for _ in range(3)], begin(group)
    ended = group.order(group.operations.promote("b:3306"))
    heard = [ask(one, b"INSERT INTO t VALUES (%d)" % n) for n, one in enumerate(clients)]
    assert heard == [None] * 3
    assert group.operations.status().held_why == "b:3306 is being promoted"
    assert ask(busy, b"COMMIT") == "ok"
    group.run(0.02)
    group.look("b")
    group.run(0.02)
    assert ended == [None]
    assert [answers(one) for one in clients] == ["ok"] * 3
    assert group.host("b").ran == [f"INSERT INTO t VALUES ({n})" for n in range(3)]
    assert not group.host("a").ran[2:]
    assert not group.is_held


def test_a_transaction_that_goes_on_is_cut_off_before_the_writer_is_asked(group):
    """After its grace; until then the writer takes writes."""
    busy = begin(group)
    ended = group.order(group.operations.promote("b:3306"))
    group.pass_time(4.5)
    assert group.host("a").ordered == []
    group.pass_time(1)
    assert ended == [None]
    assert ask(busy, b"SELECT 'x'")[1] == ROLLED_BACK


def test_promoting_the_writer_is_nothing(group):
    """It is done already."""
    assert group.order(group.operations.promote("a:3306")) == [None]
    assert group.counters.writer_switches == 0


@pytest.mark.parametrize("times", [1, 2])
def test_a_second_order_is_refused_while_one_is_carried_out(group, times):
    """The same one too; the first one goes on."""
    busy = begin(group)
    first = group.order(group.operations.promote("b:3306"))
    for _ in range(times):
        other = group.order(group.operations.promote("c:3306" if times == 1 else "b:3306"))
        assert refusal(other) == "not now: b:3306 is being promoted"
    ask(busy, b"COMMIT")
    group.run(0.02)
    group.look("b")
    group.run(0.02)
    assert first == [None]
    assert group.writer == "b"


def test_a_replica_that_is_lost_in_the_middle(group):
    """The old writer takes writes again, and whoever waited goes on there."""
    client = group.client()
    host = group.host("b")
    host.answers = {b"SELECT WAIT": lambda _: host.kill()}
    busy = begin(group)
    ended = group.order(group.operations.promote("b:3306"))
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    ask(busy, b"COMMIT")
    group.run(0.02)
    assert ended
    group.look(times=3)
    assert "lost" in refusal(ended) or "closed" in refusal(ended)
    assert (group.writer, answers(client)) == ("a", "ok")


def test_a_writer_that_dies_in_the_middle(group):
    """Clients wait on, as for any writer that is gone, until another one is there."""
    client, host = group.client(), group.host("a")
    host.answers = {b"SELECT @@GLOBAL": lambda _: host.kill()}
    ended = group.order(group.operations.promote("b:3306"))
    assert refusal(ended)
    group.look(times=3)
    assert group.is_held
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.host("c").read_only, group.host("c").sources = False, ()
    group.look()
    assert (group.writer, answers(client)) == ("c", "ok")


def test_a_writer_that_was_changed_while_transactions_ended(group):
    """Somebody else was faster: who is the writer by then is not asked for anything."""
    busy = begin(group)
    ended = group.order(group.operations.promote("b:3306"))
    group.host("a").read_only = True
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look()
    assert group.writer == "b"
    ask(busy, b"COMMIT")
    group.pass_time(6)
    assert ended == [None]
    assert group.ordered == []
    assert not group.is_held


def test_a_promotion_that_is_not_seen_is_refused_in_the_end(group):
    """It was done, as far as anybody knows, and clients are held as the plan wants it."""
    ended = group.order(group.operations.promote("b:3306"))
    group.host("b").read_only = True
    group.pass_time(TAKEOVER_SECONDS + 1)
    assert "was not seen to take writes" in refusal(ended)
    assert "a:3306 takes no writes" in group.steward.waits.hold


def test_what_cannot_be_promoted(group):
    """Nobody is held, and no transaction is cut off for it."""
    busy = begin(group)
    group.host("c").sources = ()
    group.look()
    why = refusal(group.order(group.operations.promote("c:3306")))
    assert why == "c:3306 replicates from nobody"
    group.host("b").kill()
    group.look(times=3)
    assert "not available" in refusal(group.order(group.operations.promote("b:3306")))
    assert not group.is_held
    group.pass_time(6)
    assert ask(busy, b"COMMIT") == "ok"


@pytest.mark.parametrize(
    ("topology", "why"),
    [(Topology.STATIC, "role of each target is fixed"), (Topology.AURORA, "failover-db")],
)
def test_where_nobody_can_be_promoted(topology, why):
    """The topology says who writes."""
    roles = {"b": Role.READ_ONLY}
    group = Group("a", "b", topology=topology, roles=roles).be_well()
    assert why in refusal(group.order(group.operations.promote("b:3306")))


def test_a_target_that_may_not_write_is_not_promoted():
    """It is READ_ONLY in the configuration."""
    group = Group("a", "b", roles={"b": Role.READ_ONLY}).be_well()
    assert "may not be the writer" in refusal(group.order(group.operations.promote("b:3306")))


def test_a_member_of_a_group_is_made_its_primary():
    """The group does it; the member is asked by the name that it gave itself."""
    group = Group("a", "b", topology=Topology.GROUP_REPLICATION)
    group.host("b").server = UUID
    group.be_well()
    ended = group.order(group.operations.promote("b:3306"))
    assert group.ordered == [("b:3306", f"SELECT group_replication_set_as_primary('{UUID}')")]
    group.host("a").read_only, group.host("b").read_only = True, False
    group.look()
    group.run(0.02)
    assert ended == [None]
    assert group.writer == "b"


def test_a_group_that_refuses_another_primary():
    """What it says is the reason."""
    group = Group("a", "b", topology=Topology.GROUP_REPLICATION)
    group.host("b").server = UUID
    group.be_well()
    group.host("b").answers = {b"SELECT group": REFUSED}
    assert "you need SUPER" in refusal(group.order(group.operations.promote("b:3306")))
    assert not group.is_held


def test_of_writers_that_are_in_step_another_one_is_used():
    """Galera: nobody is asked for anything, and no transaction is cut off before its grace."""
    group = Group("a", "b", topology=Topology.GALERA, transaction_grace=5)
    group.host("b").read_only, group.host("b").sources = False, ()
    group.be_well()
    busy = begin(group)
    assert group.order(group.operations.promote("b:3306")) == [None]
    assert (group.writer, group.ordered) == ("b", [])
    group.pass_time(4)
    assert ask(busy, b"COMMIT") == "ok"


def test_an_order_that_ends_does_not_end_a_hold(group):
    """The writer was lost meanwhile."""
    group.host("b").behind = True
    busy = begin(group)
    ended = group.order(group.operations.promote("b:3306"))
    group.host("a").alive = False
    group.look()
    ask(busy, b"COMMIT")
    group.pass_time(0.5)
    assert ended
    assert group.is_held


# Switching


def blue_green(**more):
    """A group with another set of targets, whose first one takes writes."""
    sets = (TargetSet(name="green", targets=(Target(address="x:3306"),)),)
    group = Group("a", "b", sets=sets, transaction_grace=5, **more).be_well()
    group.host("x").read_only = False
    return group


def test_another_set_is_used_when_transactions_have_ended():
    """It is done when the new writer was seen."""
    group = blue_green()
    client, busy = group.client(), begin(group)
    ended = group.order(group.operations.switch("green"))
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    assert ask(busy, b"COMMIT") == "ok"
    group.run(0.02)
    assert group.writer == "x"
    assert ended == []
    group.look()
    group.run(0.02)
    assert ended == [None]
    assert answers(client) == "ok"
    status = group.operations.status()
    assert (status.target_set, status.writer) == ("green", "x:3306")
    assert group.order(group.operations.switch("green")) == [None]


def test_readers_that_go_on_do_not_delay_it():
    """Only those of before count: the others have their grace when the set is left."""
    group = blue_green()
    client = begin(group, "reads")
    ended = group.order(group.operations.switch("green"))
    assert ask(client, b"COMMIT") == "ok"
    other = begin(group, "reads")
    group.run(0.02)
    assert group.writer == "x"
    group.look()
    group.run(0.02)
    assert ended == [None]
    group.pass_time(4)
    assert ask(other, b"COMMIT") == "ok"
    assert group.host("b").ran[-1] == "COMMIT"


def test_a_set_without_a_writer_is_used_all_the_same():
    """Who asked for it hears what is missing; another switch leads back."""
    group = blue_green()
    group.host("x").read_only = True
    client = group.client()
    ended = group.order(group.operations.switch("green"))
    client.query(b"INSERT INTO t VALUES (1)")
    group.pass_time(10)
    assert answers(client) is None
    back = group.order(group.operations.switch("default"))
    group.look(times=2)
    group.run(0.02)
    assert back == [None]
    assert refusal(ended) == "default was switched to meanwhile"
    assert (group.writer, answers(client)) == ("a", "ok")


def test_a_set_whose_writer_never_comes():
    """It stays in use, and that is said after a minute."""
    group = blue_green()
    group.host("x").read_only = True
    ended = group.order(group.operations.switch("green"))
    group.pass_time(TAKEOVER_SECONDS + 1, step=1)
    assert "in use, but x:3306 takes no writes" in refusal(ended)


def test_a_switch_in_a_pause():
    """It is done, and clients go on at the end of the pause."""
    group = blue_green()
    client = group.client()
    group.order(group.operations.pause())
    client.query(b"INSERT INTO t VALUES (1)")
    ended = group.order(group.operations.switch("green"))
    group.look()
    group.run(0.02)
    assert ended == [None]
    assert answers(client) is None
    group.operations.resume()
    group.run()
    assert answers(client) == "ok"
    assert group.host("x").ran == ["INSERT INTO t VALUES (1)"]


def test_a_set_that_is_not_known():
    """Those that are, are told."""
    group = blue_green()
    why = refusal(group.order(group.operations.switch("red")))
    assert why == "there is no set of targets 'red': default, green"


def test_a_switch_while_a_target_is_promoted_is_refused():
    """One after the other."""
    group = blue_green()
    begin(group)
    group.order(group.operations.promote("b:3306"))
    assert "not now" in refusal(group.order(group.operations.switch("green")))
