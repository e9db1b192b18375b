"""Tests of `proxy.failover.steward`: who is held, and who gets the clients."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from proxy.config.failover import SplitBrain, Topology
from proxy.failover.haste import HASTE_SECONDS
from proxy.policy.observation import Failure
from proxy.vocabulary import Role
from tests.support.group import Group, answers, ask

ROLLED_BACK = "40001"


@pytest.fixture
def group():
    """A writer and two replicas, all well."""
    return Group("a", "b", "c").be_well()


def promote(group, name):
    """Let a replica become the writer, as somebody else's tool does."""
    host = group.host(name)
    host.read_only, host.sources, host.replicates = False, (), None


def demote(group, name):
    """Make the writer read-only, as the same tool does."""
    group.host(name).read_only = True


# Holding


def test_clients_wait_from_the_start_until_the_writer_was_seen():
    """Who logs in before the first look is let in after it."""
    group = Group("a", "b")
    assert group.is_held
    client = group.connect()
    assert answers(client) is None
    group.look()
    assert answers(client) == "ok"
    assert repr(group.steward) == "<Steward of 2 targets, writer a:3306: <Waits for nothing>>"


def test_the_writer_is_killed_and_a_replica_becomes_the_writer(group):
    """Held clients wait, run there in the order in which they came, and hear no error."""
    clients = [group.client() for _ in range(5)]
    group.host("a").kill()
    group.look("a")
    assert group.is_held
    heard = [ask(one, b"INSERT INTO t VALUES (%d)" % n) for n, one in enumerate(clients)]
    assert heard == [None] * 5
    group.look(times=3)
    assert group.is_held
    promote(group, "b")
    group.look("b")
    assert group.writer == "b"
    assert [answers(one) for one in clients] == ["ok"] * 5
    assert group.host("b").ran == [f"INSERT INTO t VALUES ({n})" for n in range(5)]
    assert group.counters.writer_switches == 1


def test_one_failed_look_holds_and_moves_nobody(group):
    """The next good look lets them go on, at the same writer."""
    client = group.client()
    group.feed("a", failure=Failure.SILENT, why="lost")
    assert group.is_held
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.look("a")
    assert answers(client) == "ok"
    assert group.host("a").ran == ["INSERT INTO t VALUES (1)"]
    assert group.counters.writer_switches == 0


def test_only_a_look_that_saw_it_writable_ends_a_hold(group):
    """Not one that saw a server that is alive, and takes no writes."""
    client = group.client()
    demote(group, "a")
    group.look("a")
    assert group.is_held
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.look(times=5)
    assert answers(client) is None
    assert "a:3306 takes no writes" in group.steward.waits.hold
    group.host("a").read_only = False
    group.look("a")
    assert answers(client) == "ok"


def test_a_writer_that_has_not_been_seen_for_long_is_lent_no_more(group):
    """However it is: time alone begins the hold."""
    group.run(0.9)
    assert not group.is_held
    group.run(2)
    assert "was not seen for" in group.steward.waits.hold
    group.look("a")
    assert not group.is_held


def test_traffic_that_is_turned_away_begins_a_hold(group):
    """The client that was told so is served by the new writer, and hears nothing."""
    client = group.client()
    demote(group, "a")
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    assert group.is_held
    assert group.monitor("a").hints == 1
    promote(group, "b")
    group.look("b")
    group.run(0.3)
    assert (group.writer, answers(client)) == ("b", "ok")
    assert group.host("b").ran == ["INSERT INTO t VALUES (1)"]


def test_a_lost_connection_makes_hasty_and_holds_nobody(group):
    """A doubt of traffic's is a reason to look, and no more."""
    group.client()
    group.host("a").cut()
    group.run()
    assert group.monitor("a").is_hasty
    assert group.monitor("a").hints
    assert not group.is_held


def test_a_blind_monitor_holds_nobody(group):
    """Its own user is refused: that is said once, and clients go on."""
    client = group.client()
    with capture_logs() as lines:
        for _ in range(5):
            group.feed("a", failure=Failure.DENIED, why="1045")
            group.run(1.5)
    alarms = [line for line in lines if line["log_level"] == "error"]
    assert len(alarms) == 1
    assert "cannot see whether a:3306 takes writes" in alarms[0]["why"]
    assert ask(client, b"INSERT INTO t VALUES (1)") == "ok"


def test_how_long_clients_were_held_is_counted(group):
    """Each hold once, and its seconds."""
    counters, before = group.counters, group.counters.writer_hold_seconds
    holds = counters.writer_holds
    group.feed("a", failure=Failure.LOST)
    group.run(0.25)
    group.feed("a", failure=Failure.LOST)
    group.run(0.25)
    group.look("a")
    assert counters.writer_holds == holds + 1
    assert counters.writer_hold_seconds - before == pytest.approx(0.501)


# Switching


def test_a_transaction_has_a_grace_time_at_a_planned_switch(group):
    """It may end on the old writer, which is alive; what goes on for longer is cut off."""
    group = Group("a", "b", transaction_grace=5).be_well()
    quick, slow = group.client(), group.client()
    assert ask(quick, b"BEGIN") == ask(slow, b"BEGIN") == "ok"
    demote(group, "a")
    promote(group, "b")
    group.look("a", "b")
    assert group.writer == "b"
    group.pass_time(4)
    assert ask(quick, b"COMMIT") == "ok"
    assert group.host("a").ran == ["BEGIN", "BEGIN", "COMMIT"]
    group.pass_time(1.5)
    assert ask(slow, b"SELECT 'x'")[1] == ROLLED_BACK
    assert ask(slow, b"SELECT 'x'") == "b"


def test_a_transaction_is_cut_off_at_once_when_its_writer_is_gone(group):
    """Its client would wait in vain for a server that is frozen."""
    client = group.client()
    assert ask(client, b"BEGIN") == "ok"
    group.host("a").alive = False
    promote(group, "b")
    group.look(times=3)
    assert group.writer == "b"
    assert not group.host("a").open_connections
    assert ask(client, b"SELECT 'x'")[1] == ROLLED_BACK


def test_who_comes_between_two_switches_has_a_whole_grace_time():
    """The time that the first switch gave does not cut off what was lent later."""
    group = Group("a", "b", transaction_grace=5, min_switch_interval=0).be_well()
    for old, new in (("a", "b"), ("b", "a")):
        demote(group, old)
        promote(group, new)
        group.look()
        group.pass_time(1)
    assert group.writer == "a"
    client = group.client()
    assert ask(client, b"BEGIN") == "ok"
    demote(group, "a")
    promote(group, "b")
    group.look()
    group.pass_time(3.5)
    assert ask(client, b"COMMIT") == "ok"
    assert group.host("a").ran == ["BEGIN", "COMMIT"]


def test_two_failovers_in_a_row(group):
    """Clients that wait at the first one's target are moved on by the second."""
    clients = [group.client() for _ in range(3)]
    for host in ("a", "b"):
        group.host(host).kill()
    group.look()
    for n, client in enumerate(clients):
        assert ask(client, b"INSERT INTO t VALUES (%d)" % n) is None
    group.host("b").start()
    promote(group, "b")
    group.host("b").servers.holding = True
    group.look(times=5)
    assert group.writer == "b"
    group.host("b").kill()
    promote(group, "c")
    group.look(times=3)
    assert (group.writer, group.is_held) == ("b", True)
    group.pass_time(5.5)
    assert group.writer == "c"
    assert [answers(client) for client in clients] == ["ok"] * 3
    assert group.host("c").ran == [f"INSERT INTO t VALUES ({n})" for n in range(3)]


def test_waiters_of_both_pools_are_served_in_the_order_in_which_they_came():
    """Who has waited at the target that becomes the writer has no advantage."""
    group = Group("a", "b", pool={"max_connections": 1}).be_well()
    clients = [group.client(name) for name in ("main", "reads", "main", "reads")]
    group.order(group.operations.pause())
    for n, client in enumerate(clients):
        group.run(0.01)
        assert ask(client, b"SELECT '%d'" % n) is None
    group.host("a").kill()
    promote(group, "b")
    group.look(times=3)
    assert group.writer == "b"
    group.operations.resume()
    group.run()
    assert group.host("b").ran == [f"SELECT '{n}'" for n in range(4)]
    assert [answers(client) for client in clients] == ["b"] * 4


def test_flapping_is_damped():
    """Between two switches clients are held; when the time is over nobody has to look."""
    group = Group("a", "b", min_switch_interval=5).be_well()
    demote(group, "a")
    promote(group, "b")
    group.look()
    assert group.writer == "b"
    demote(group, "b")
    promote(group, "a")
    group.look()
    assert (group.writer, group.is_held) == ("b", True)
    assert "has just changed" in group.steward.waits.hold
    group.pass_time(4.5)
    assert group.is_held
    group.pass_time(1)
    assert (group.writer, group.is_held) == ("a", False)


def test_a_second_writer_is_made_read_only():
    """With `fence`; not again before some seconds have gone."""
    group = Group("a", "b", fence=True).be_well()
    promote(group, "b")
    group.host("b").answers = {b"SET GLOBAL": lambda _: None}
    group.look(times=3)
    assert group.host("b").ordered == ["SET GLOBAL super_read_only = 1"]
    group.host("b").answers = {}
    group.pass_time(11)
    assert group.host("b").ordered[1:] == ["SET GLOBAL super_read_only = 1", "KILL 1"]
    assert group.writer == "a"


def test_a_first_guess_that_was_wrong_is_no_switch():
    """The first of the configuration is a replica: nothing has changed or is damped."""
    group = Group("a", "b")
    demote(group, "a")
    promote(group, "b")
    group.look()
    assert (group.writer, group.counters.writer_switches) == ("b", 0)
    promote(group, "a")
    demote(group, "b")
    group.look()
    assert (group.writer, group.is_held, group.counters.writer_switches) == ("a", False, 1)


def test_a_fence_that_cannot_be_put_up_is_said():
    """The target is not there any more when it is to be made read-only."""
    group = Group("a", "b", fence=True).be_well()
    promote(group, "b")
    group.host("b").servers.down = True
    with capture_logs() as lines:
        group.look("b")
        group.look("a")
    assert any("cannot be made read-only" in line["event"] for line in lines)


def test_while_two_take_writes_nobody_does_where_that_is_wanted():
    """With split_brain REFUSE clients wait until there is one."""
    group = Group("a", "b", split_brain=SplitBrain.REFUSE).be_well()
    promote(group, "b")
    group.look("b")
    assert not group.is_held  # it may have taken over from the other
    assert group.monitor("a").hints == 1
    group.look("a")
    assert group.is_held
    demote(group, "b")
    group.look("b")
    assert not group.is_held


def test_a_target_that_is_never_to_write_does_not_become_the_writer():
    """READ_ONLY in the configuration is so, whatever the server says of itself."""
    group = Group("a", "b", roles={"b": Role.READ_ONLY}).be_well()
    group.host("a").kill()
    promote(group, "b")
    group.look(times=4)
    assert (group.writer, group.is_held) == ("a", True)


def test_all_targets_are_gone_for_a_minute(group):
    """Clients wait, no more than is set, and the first writer that there is serves them."""
    client = group.client()
    for host in group.hosts.values():
        host.kill()
    group.look(times=3)
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.pass_time(50)
    group.host("a").start()
    group.look(times=2)
    assert answers(client) == "ok"


# Haste


def test_a_search_is_hasty_for_a_minute(group):
    """All targets are looked at quickly; later as usual, however long it takes."""
    group.host("a").kill()
    group.look()
    assert all(group.monitor(name).is_hasty for name in "abc")
    group.pass_time(HASTE_SECONDS - 2, step=1)
    assert group.monitor("b").is_hasty
    group.pass_time(4, step=1)
    assert group.is_held
    assert not any(group.monitor(name).is_hasty for name in "abc")


def test_a_reader_in_doubt_is_looked_at_quickly_alone(group):
    """The others are as they were, and when it is dead there is no haste."""
    group.feed("b", failure=Failure.LOST)
    group.run()
    assert [group.monitor(name).is_hasty for name in "abc"] == [False, True, False]
    group.host("b").kill()
    group.look(times=3)
    assert not group.monitor("b").is_hasty
    group.host("b").start()
    group.look("b")
    assert group.monitor("b").is_hasty


def test_a_long_pause_does_not_make_a_search_calm(group):
    """Haste is counted from where the search began, not from where clients began to wait."""
    group.order(group.operations.pause())
    group.pass_time(HASTE_SECONDS + 10, step=1)
    group.host("a").kill()
    group.look("a")
    assert group.monitor("b").is_hasty


def test_mistakes_in_failover_are_logged(group):
    """They end nothing."""
    with capture_logs() as lines:
        group.steward._spawn(_wrong())
    assert "ZeroDivisionError" in lines[0]["exception"]


async def _wrong():
    raise ZeroDivisionError


def test_targets_with_fixed_roles_move_nobody():
    """STATIC: who waits for the writer waits for that one."""
    group = Group("a", "b", topology=Topology.STATIC, roles={"b": Role.READ_ONLY}).be_well()
    group.host("a").kill()
    promote(group, "b")
    group.look(times=4)
    assert (group.writer, group.is_held) == ("a", True)
