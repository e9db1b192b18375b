"""Tests of `proxy.failover.sharing`: whom those use who only read."""

from __future__ import annotations

import pytest

from proxy.config.failover import Topology
from proxy.failover.sharing import NOBODY
from proxy.policy.gtids import parse
from proxy.policy.observation import Failure
from proxy.vocabulary import Role
from tests.support.group import Group, answers
from tests.support.host import GTIDS

ROLLED_BACK = "40001"


@pytest.fixture
def group():
    """A writer and two replicas, all well."""
    return Group("a", "b", "c").be_well()


def places(clients):
    """Where clients read."""
    for client in clients:
        client.query(b"SELECT 'x'")
    return [answers(client) for client in clients]


def test_clients_are_spread_over_the_readers(group):
    """The writer is none of them while there are others."""
    clients = [group.client("reads") for _ in range(6)]
    assert sorted(places(clients)) == ["b"] * 3 + ["c"] * 3
    assert repr(group.steward.sharing).startswith("<Sharing <Route")


def test_clients_follow_when_a_reader_goes_and_comes_back(group):
    """One that is gone is left by all, and has its share again some seconds later."""
    clients = [group.client("reads") for _ in range(6)]
    group.host("b").kill()
    group.look(times=3)
    assert places(clients) == ["c"] * 6
    group.host("b").start()
    group.pass_time(15)
    assert sorted(places(clients)) == ["b"] * 3 + ["c"] * 3


def test_one_lost_packet_moves_no_reader(group):
    """A look that failed makes it doubtful, and it serves on."""
    clients = [group.client("reads") for _ in range(4)]
    before = places(clients)
    group.feed("b", failure=Failure.SILENT)
    assert places(clients) == before


def test_a_reader_that_is_behind_is_left(group):
    """A transaction there goes on, as the reader is alive."""
    clients = [group.client("reads") for _ in range(2)]
    for client in clients:
        client.query(b"BEGIN")
        assert answers(client) == "ok"
    group.host("b").lag_seconds = 30
    group.look()
    assert group.readers == {"c"}
    assert sorted(places(clients)) == ["b", "c"]
    for client in clients:
        client.query(b"COMMIT")
        assert answers(client) == "ok"
    assert places(clients) == ["c", "c"]


def test_who_is_still_at_a_reader_that_was_left_is_cut_off_when_it_dies(group):
    """It would wait in vain for a server that is frozen."""
    client = group.client("reads")
    client.query(b"BEGIN")
    assert answers(client) == "ok"
    (place,) = places([client])
    group.host(place).lag_seconds = 30
    group.look()
    assert place not in group.readers
    group.host(place).alive = False
    group.look(times=3)
    assert not group.host(place).open_connections
    client.query(b"SELECT 'x'")
    assert answers(client)[1] == ROLLED_BACK


def test_a_reader_that_becomes_the_writer_reads_no_more(group):
    """Those who read are moved, and the old writer serves them once it replicates."""
    clients = [group.client("reads") for _ in range(4)]
    group.host("a").read_only = True
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look()
    assert group.writer == "b"
    assert set(places(clients)) == {"c"}
    group.host("a").sources, group.host("a").replicates = ("b",), True
    group.pass_time(11)
    assert group.readers == {"a", "c"}


def test_the_writer_serves_reads_while_there_is_no_reader():
    """With fall_back_to_writer; readers are used as soon as there are some."""
    group = Group("a", "b").be_well()
    client = group.client("reads")
    assert places([client]) == ["b"]
    group.host("b").kill()
    group.look(times=3)
    assert places([client]) == ["a"]
    group.host("b").start()
    group.look(times=2)
    assert places([client]) == ["b"]


def test_who_reads_from_the_writer_follows_it():
    """Also through a failover, while it is held as the writers are."""
    group = Group("a", "b").be_well()
    client = group.client("reads")
    group.host("a").kill()
    group.host("b").serves = False
    group.look(times=3)
    client.query(b"SELECT 'x'")
    assert answers(client) is None
    host = group.host("b")
    host.serves, host.read_only, host.sources = True, False, ()
    group.look(times=2)
    assert (group.writer, answers(client)) == ("b", "b")


# Where the writer does not stand in


@pytest.fixture
def strict():
    """A writer and a replica; who reads waits for the latter."""
    return Group("a", "b", fall_back_to_writer=False)


def test_without_a_reader_those_wait_who_read_and_nobody_else(strict):
    """From the start on, and in the order in which they came."""
    strict.host("b").kill()
    strict.look(times=3)
    writer = strict.client()
    writer.query(b"INSERT INTO t VALUES (1)")
    assert answers(writer) == "ok"
    readers = [strict.connect("reads") for _ in range(2)]
    assert [answers(one) for one in readers] == [None, None]
    strict.host("b").start()
    strict.look(times=2)
    assert [answers(one) for one in readers] == ["ok", "ok"]
    assert places(readers) == ["b", "b"]


def test_a_reader_that_becomes_the_writer_holds_nobody_who_writes(strict):
    """Those who read wait for the old writer to come back as a replica."""
    strict.be_well()
    writer, reader = strict.client(), strict.client("reads")
    strict.host("a").kill()
    strict.host("b").read_only, strict.host("b").sources = False, ()
    strict.look(times=3)
    writer.query(b"INSERT INTO t VALUES (1)")
    assert (strict.writer, answers(writer)) == ("b", "ok")
    reader.query(b"SELECT 'x'")
    assert answers(reader) is None
    old = strict.host("a")
    old.start()
    old.read_only, old.sources, old.replicates = True, ("b",), True
    strict.look(times=2)
    assert answers(reader) == "a"


def test_who_waits_for_a_reader_waits_for_no_longer_than_is_set():
    """As for any connection; nothing is dialed meanwhile."""
    pool = {"connection_borrow_timeout": 5}
    group = Group("a", "b", fall_back_to_writer=False, pool=pool).be_well()
    reader = group.client("reads")
    group.host("b").kill()
    group.look(times=3)
    reader.query(b"SELECT 'x'")
    group.pass_time(4)
    assert answers(reader) is None
    group.pass_time(1.5)
    assert answers(reader)[0] == 9501
    assert not group.host(NOBODY.address).servers.backends


def test_a_pause_does_not_open_the_room(strict):
    """Whoever waits there waits on when it is over."""
    strict.be_well()
    reader = strict.client("reads")
    strict.host("b").kill()
    strict.look(times=3)
    strict.order(strict.operations.pause())
    reader.query(b"SELECT 'x'")
    strict.operations.resume()
    strict.run()
    assert answers(reader) is None
    assert strict.steward.sharing.room.ledger.held


def test_a_drained_reader_reads_no_more(group):
    """And again when it is undrained."""
    group.order(group.operations.drain("b:3306"))
    group.look()
    assert group.readers == {"c"}
    group.operations.undrain("b:3306")
    assert group.readers == {"b", "c"}


def test_of_fixed_roles_the_writer_is_no_reader():
    """STATIC: a READ_WRITE target serves reads only in the place of others."""
    group = Group("a", "b", topology=Topology.STATIC, roles={"b": Role.READ_ONLY})
    group.host("b").sources = ()
    group.be_well()
    assert group.readers == {"b"}


# Who has which transactions


class Marks:
    """Notes what it is told of the transactions that targets have."""

    def __init__(self):
        self.told = []

    def saw(self, pool, position):
        self.told.append(("saw", pool, position))

    def forget(self, pool):
        self.told.append(("forget", pool))

    def writer_changed(self, position):
        self.told.append(("writer changed", position))

    def stop(self):
        self.told.append(("stop",))


def test_who_waits_for_own_writes_is_told_what_targets_have():
    """What looks show, which readers are left, and that the writer is another one."""
    marks = Marks()
    group = Group("a", "b", own_writes=marks).be_well()
    pools, position = (group.pool("a"), group.pool("b")), parse(GTIDS)
    assert {one for one in marks.told if one[0] == "saw"} == {
        ("saw", pool, position) for pool in pools
    }
    marks.told.clear()
    group.host("b").server = "another one"
    group.look("b")
    assert marks.told[0] == ("forget", pools[1])
    group.host("a").read_only = True
    group.host("b").read_only, group.host("b").sources = False, ()
    marks.told.clear()
    group.look("a", "b")
    assert ("writer changed", position) in marks.told
    marks.told.clear()
    group.steward.give_up(["a:3306"])
    assert marks.told == [("forget", pools[0])]
    group.steward.stop()
    assert marks.told[-1] == ("stop",)
