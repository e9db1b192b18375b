"""Tests of `proxy.failover.operations`: what operators see, drains and pauses."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from tests.support.group import Group, answers, ask, begin, refusal

ROLLED_BACK = "40001"


@pytest.fixture
def group():
    """A writer and two replicas, all well."""
    return Group("a", "b", "c", transaction_grace=5).be_well()


# Seeing


def test_targets_are_told_with_the_writer_first(group):
    """Then in the order of the configuration, whoever writes."""
    group.host("a").read_only = True
    group.host("c").read_only, group.host("c").sources = False, ()
    group.look()
    told = group.operations.targets()
    assert [(one.address, one.role) for one in told] == [
        ("c:3306", "READ_WRITE"),
        ("a:3306", "READ_ONLY"),
        ("b:3306", "READ_ONLY"),
    ]


def test_how_the_proxy_stands(group):
    """While nothing is wrong."""
    group.client()
    status = group.operations.status()
    assert (status.name, status.writer, status.clients) == ("shop", "a:3306", 1)
    assert (status.held, status.held_why, status.held_seconds) == (False, "", 0.0)
    assert (status.target_set, status.last_switch) == (None, None)


def test_how_the_proxy_stands_in_trouble(group):
    """Why clients wait, for how long, and how many."""
    client = group.client()
    group.host("a").kill()
    group.look()
    client.query(b"INSERT INTO t VALUES (1)")
    group.run(3)
    status = group.operations.status()
    assert (status.held, status.waiting, status.paused) == (True, 1, False)
    assert "refused" in status.held_why
    assert status.held_seconds == pytest.approx(3)


def test_how_long_it_is_paused_is_told(group):
    """From the pause on."""
    group.run(1)
    group.look()
    group.order(group.operations.pause())
    group.pass_time(3)
    status = group.operations.status()
    assert (status.held, status.held_why, status.paused) == (True, "it is paused", True)
    assert status.held_seconds == pytest.approx(3, abs=0.1)


def test_a_switch_is_told_with_its_age(group):
    """In seconds."""
    group.order(group.operations.promote("b:3306"))
    group.look("b")
    group.run(0.02)
    group.pass_time(2)
    status = group.operations.status()
    assert status.writer == "b:3306"
    assert status.last_switch == pytest.approx(2, abs=0.1)


# Draining


def test_a_drained_reader_finishes_what_runs(group):
    """New work goes elsewhere at once; it ends when nothing is lent."""
    clients = [begin(group, "reads") for _ in range(2)]
    ended = group.order(group.operations.drain("b:3306"))
    assert ended == []
    assert group.readers == {"c"}
    assert [ask(client, b"COMMIT") for client in clients] == ["ok", "ok"]
    group.run(0.02)
    assert ended == [None]
    assert group.pool("b").ledger.total == 0
    assert [ask(client, b"SELECT 'x'") for client in clients] == ["c", "c"]


def test_what_goes_on_for_too_long_is_cut_off(group):
    """After the grace, and not before."""
    clients = [begin(group, "reads") for _ in range(2)]
    ended = group.order(group.operations.drain("b:3306"))
    group.pass_time(4.5)
    assert ended == []
    group.pass_time(1.5)
    assert ended == [None]
    heard = [ask(client, b"SELECT 'x'") for client in clients]
    assert "c" in heard
    assert [one[1] for one in heard if one != "c"] == [ROLLED_BACK]


def test_the_writer_is_not_drained(group):
    """Nor what is no target."""
    assert "takes the writes" in refusal(group.order(group.operations.drain("a:3306")))
    assert "there is no target 'x'" in refusal(group.order(group.operations.drain("x")))


def test_undraining_ends_a_drain(group):
    """Who waits for it hears so, and what is lent goes on."""
    clients = [begin(group, "reads") for _ in range(2)]
    ended = group.order(group.operations.drain("b:3306"))
    group.operations.undrain("b:3306")
    group.run(0.02)
    assert "undrained" in refusal(ended)
    assert group.readers == {"b", "c"}
    group.pass_time(6)
    assert [ask(client, b"COMMIT") for client in clients] == ["ok", "ok"]


def test_draining_twice_at_once(group):
    """Both end when it is done."""
    clients = [begin(group, "reads") for _ in range(2)]
    both = [group.order(group.operations.drain("b:3306")) for _ in range(2)]
    for client in clients:
        ask(client, b"COMMIT")
    group.run(0.02)
    assert both == [[None], [None]]


def test_a_drained_target_does_not_become_the_writer(group):
    """An operator has a reason for it."""
    group.order(group.operations.drain("b:3306"))
    assert "drained" in refusal(group.order(group.operations.promote("b:3306")))
    group.host("a").kill()
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look(times=4)
    assert (group.writer, group.is_held) == ("a", True)


# Pausing


def test_a_pause_holds_everybody_between_transactions(group):
    """Readers too; it is there when no transaction is open, however long that takes."""
    writer, reader, busy = group.client(), group.client("reads"), begin(group)
    ended = group.order(group.operations.pause())
    assert ask(writer, b"INSERT INTO t VALUES (1)") is None
    assert ask(reader, b"SELECT 'x'") is None
    group.pass_time(20)
    assert ended == []
    assert ask(busy, b"COMMIT") == "ok"
    group.run(0.02)
    assert ended == [None]
    group.operations.resume()
    group.run()
    assert (answers(writer), answers(reader) in ("b", "c")) == ("ok", True)


def test_resuming_ends_a_pause_that_is_on_its_way(group):
    """Who waits for it hears so."""
    begin(group)
    ended = group.order(group.operations.pause())
    group.operations.resume()
    group.run(0.02)
    assert "resumed" in refusal(ended)


def test_a_failover_in_a_pause_holds_on(group):
    """When it is over, clients go on at the new writer."""
    client = group.client()
    group.order(group.operations.pause())
    client.query(b"INSERT INTO t VALUES (1)")
    group.host("a").kill()
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look(times=3)
    assert group.writer == "b"
    assert answers(client) is None
    group.operations.resume()
    group.run()
    assert answers(client) == "ok"
    assert group.host("b").ran == ["INSERT INTO t VALUES (1)"]


def test_the_end_of_a_pause_does_not_end_a_hold(group):
    """There is no writer."""
    group.order(group.operations.pause())
    group.host("a").kill()
    group.look()
    group.operations.resume()
    assert group.is_held
    assert not group.pool("b").ledger.held


def test_a_single_target_can_be_paused():
    """Where nobody looks."""
    group = Group("a", topology=Topology.STATIC)
    client = group.client()
    assert group.order(group.operations.pause()) == [None]
    assert ask(client, b"INSERT INTO t VALUES (1)") is None
    group.operations.resume()
    group.run()
    assert answers(client) == "ok"
