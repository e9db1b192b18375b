"""Tests of `proxy.failover.obeying`: workers do what is decided for all, and tell trouble."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from proxy.config.failover import Topology
from proxy.config.model import Target
from proxy.failover.obeying import Obeying
from proxy.failover.sharing import NOBODY
from proxy.policy.gtids import parse
from proxy.policy.observation import Failure
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.vocabulary import Role
from tests.support.group import address, answers, ask, begin
from tests.support.host import GTIDS
from tests.support.staffed import StaffedGroup

ROLLED_BACK = (1213, "40001")


def pools_of(part, *names):
    """The pools of a worker, by the names of their targets."""
    found = part.pools.by_address()
    return [found[address(name)] for name in names]


@pytest.fixture
def group():
    """A writer and two readers, all well, in two workers."""
    group = StaffedGroup("a", "b", "c", workers=2).be_well()
    yield group
    group.stop()


def test_all_workers_have_the_same_pools_and_routes(group):
    """Those of the targets that are in use, with who serves whom."""
    for part in group.parts:
        writer, one, other = pools_of(part, "a", "b", "c")
        assert part.routes[Role.READ_WRITE].pool is writer
        assert part.routes[Role.READ_ONLY].shares == {one: 1.0, other: 1.0}
        assert not any(pool.ledger.held for pool in part.pools)
        assert {pool.watcher for pool in part.pools} == {part.obeying}
    assert "order" in repr(group.parts[0].obeying)


def test_nothing_is_lent_before_the_first_word(group):
    """Then what it says holds, whatever was there before."""
    part = group.add_part(3)
    assert [pool.ledger.held for pool in part.pools] == [True]
    assert not part.obeying.is_told
    group.join(part)
    group.run()
    assert part.obeying.is_told
    assert [pool.ledger.held for pool in pools_of(part, "a", "b", "c")] == [False] * 3
    assert part.routes[Role.READ_ONLY].pools == tuple(pools_of(part, "b", "c"))


def test_who_joins_while_clients_wait_has_them_wait(group):
    """For the writer, not for readers."""
    group.host("a").kill()
    group.look(times=4)
    part = group.add_part(3)
    group.join(part)
    group.run()
    assert [pool.ledger.held for pool in pools_of(part, "a", "b")] == [True, False]


def test_another_writer_is_the_writer_of_all(group):
    """Clients of the old one hear so, and go on with the new one."""
    client = begin(group)
    group.host("a").kill()
    group.host("b").read_only, group.host("b").sources = False, ()
    group.look(times=4)
    group.run()
    assert group.writer == "b"
    assert ask(client, b"INSERT INTO t VALUES (1)") == ROLLED_BACK
    for part in group.parts:
        old, new, other = pools_of(part, "a", "b", "c")
        assert part.routes[Role.READ_WRITE].pool is new
        assert part.routes[Role.READ_ONLY].pools == (other,)
        assert (old.ledger.generation, old.ledger.total) == (1, 0)
    assert ask(client, b"INSERT INTO t VALUES (1)") == "ok"
    assert group.host("b").ran[-1] == "INSERT INTO t VALUES (1)"


def test_who_is_turned_away_by_the_writer_waits_for_the_decision(group):
    """What one worker meets keeps the clients of all waiting, and they go on together."""
    client = group.client()
    assert ask(client, b"INSERT INTO t VALUES (0)") == "ok"
    group.host("a").read_only = True
    client.query(b"INSERT INTO t VALUES (1)")
    group.run()
    assert answers(client) is None
    assert [pools_of(part, "a")[0].ledger.held for part in group.parts] == [True, True]
    group.host("c").read_only, group.host("c").sources = False, ()
    group.look(times=2)
    group.run()
    assert answers(client) == "ok"
    assert [one.routes[Role.READ_WRITE].pool for one in group.parts] == [
        pools_of(one, "c")[0] for one in group.parts
    ]


def test_who_was_turned_away_for_nothing_goes_on(group):
    """When the supervisor knows better by then."""
    part = group.parts[0]
    writer = pools_of(part, "a")[0]
    group.post("a").pool.watcher = None
    assert part.obeying.trouble(writer, Failure.READ_ONLY, "1290")
    assert writer.ledger.held
    group.run()
    assert not writer.ledger.held


def test_what_a_worker_answers_to_trouble_by_itself(group):
    """As the steward would: whether somebody looks for a writer."""
    obeying = group.parts[0].obeying
    writer, reader = pools_of(group.parts[0], "a", "b")
    assert not obeying.trouble(reader, Failure.LOST, "reset")
    assert obeying.trouble(reader, Failure.READ_ONLY, "1290")
    assert not reader.ledger.held
    unused = group.parts[0].pools.get(Target(address="x:3306"))
    assert obeying.trouble(unused, Failure.READ_ONLY, "1290")
    assert not obeying.trouble(unused, Failure.LOST, "reset")
    told = [one for one in group.parts[0].link.said if one["what"] == "trouble"]
    assert [(one["target"], one["failure"]) for one in told] == [
        ("b:3306", Failure.LOST.value),
        ("b:3306", Failure.READ_ONLY.value),
    ]
    del obeying.targets["a:3306"]
    assert not obeying.trouble(writer, Failure.READ_ONLY, "1290")


def test_what_says_nothing_of_the_target_is_not_told(group):
    """That a user may not log in, say."""
    part = group.parts[0]
    before = len(part.link.said)
    assert not part.obeying.trouble(pools_of(part, "a")[0], Failure.DENIED, "1045")
    assert len(part.link.said) == before


def test_lost_connections_make_the_target_doubtful(group):
    """As the steward sees it."""
    begin(group)
    group.host("a").cut()
    group.run()
    assert group.monitor("a").hints


def test_an_operation_waits_for_all_workers(group):
    """Until each has nothing under way, and has said so."""
    client = begin(group)
    paused = group.order(group.operations.pause())
    group.run(0.05)
    assert paused == []
    assert ask(client, b"COMMIT") == "ok"
    for _ in range(4):
        group.run(0.02)
    assert paused == [None]
    assert all(pool.ledger.held for part in group.parts for pool in part.pools)
    group.operations.resume()
    group.run()
    assert not any(pool.ledger.held for part in group.parts for pool in part.pools)


def test_a_worker_that_dies_is_waited_for_no_more(group):
    """Its connections are gone with it."""
    other = group.parts[1]
    group.run(1)
    other.link.is_open = False
    paused = group.order(group.operations.pause())
    for _ in range(5):
        group.run(0.02)
    assert paused == []
    group.leave(other)
    for _ in range(3):
        group.run(0.02)
    assert paused == [None]


def test_a_reader_is_drained_by_all(group):
    """Its clients go elsewhere, and its connections are closed."""
    reader = begin(group, "reads")
    served = reader.client.lease.pool
    name = next(name for name, pool in group.pools.by_address().items() if pool is served)
    drained = group.order(group.operations.drain(name))
    group.run(0.1)
    assert drained == []
    assert ask(reader, b"COMMIT") == "ok"
    for _ in range(6):
        group.run(0.02)
    assert drained == [None]
    for part in group.parts:
        assert part.pools.by_address()[name] not in part.routes[Role.READ_ONLY].pools


def test_where_there_is_no_reader_clients_wait_in_a_room():
    """Which has no connection in any worker."""
    group = StaffedGroup("a", "b", workers=2, fall_back_to_writer=False).be_well()
    group.host("b").kill()
    group.look(times=4)
    group.run()
    for part in group.parts:
        room = part.pools.by_address()[NOBODY.address]
        assert part.obeying.room is room
        assert part.routes[Role.READ_ONLY].pools == (room,)
        assert (room.ledger.limits.connections, room.ledger.held) == (0, True)
    group.stop()


def test_targets_that_are_found_and_lost(group):
    """Come and go in all workers; what clients have of them has its time."""
    fresh = Target(address="d:3306")
    group.add_host("d", sources=("a:3306",))
    group.steward.take_up([fresh], found=True)
    group.run()
    part = group.parts[0]
    (pool,) = pools_of(part, "d")
    assert part.obeying.targets["d:3306"] == fresh
    assert pool.watcher is part.obeying
    group.steward.give_up(["d:3306"])
    group.run()
    assert "d:3306" not in part.obeying.targets
    assert pool.watcher is None
    group.run(1.1)
    assert "d:3306" not in part.pools.by_address()
    group.run(30)
    assert group.parts[0].obeying.serial == group.course.serial


def test_settings_of_a_target_may_be_others_later(group):
    """Where it is in use."""
    obeying = group.parts[0].obeying
    changed = Target(address="b:3306", tls_server_name="db")
    obeying.renew(changed)
    obeying.renew(Target(address="x:3306"))
    assert obeying.targets["b:3306"] == changed
    assert "x:3306" not in obeying.targets


def test_a_single_target_serves_all_without_a_look():
    """As nobody watches it."""
    group = StaffedGroup("a", topology=Topology.STATIC, workers=2)
    group.run()
    for part in group.parts:
        (pool,) = pools_of(part, "a")
        assert (pool.ledger.held, pool.watcher) == (False, None)
    assert ask(group.client(), b"INSERT INTO t VALUES (1)") == "ok"
    group.stop()


def test_all_of_the_course_again_counts_for_everything(group):
    """What is not in it any more is forgotten, held no more, and not watched."""
    part = group.parts[0]
    obeying = part.obeying
    obeying.obey({"do": "hold", "serial": 100, "target": "a:3306"})
    course = group.course.snapshot()
    course["targets"] = course["targets"][:2]
    course["routes"]["READ_ONLY"] = [("b:3306", 1.0)]
    course["watched"] = ["a:3306"]
    obeying.take_up(course)
    writer, reader, left = pools_of(part, "a", "b", "c")
    assert not writer.ledger.held
    assert (writer.watcher, reader.watcher, left.watcher) == (obeying, None, None)
    assert [*obeying.targets] == ["a:3306", "b:3306"]
    assert obeying.serial == course["serial"]


class Marks:
    """Stands for `OwnWrites`, and notes what it is told."""

    def __init__(self):
        self.told, self.stopped = [], False

    def saw(self, pool, position):
        """See `OwnWrites`."""
        self.told.append(("saw", pool, position))

    def forget(self, pool):
        """See `OwnWrites`."""
        self.told.append(("forget", pool))

    def writer_changed(self, position):
        """See `OwnWrites`."""
        self.told.append(("writer_changed", position))

    def hear(self, seat, news):
        """See `OwnWrites`."""
        self.told.append(("hear", seat, news))

    def stop(self):
        """See `OwnWrites`."""
        self.stopped = True


def order(do, **more):
    """An order as it comes."""
    return {"do": do, "serial": 1, **more}


def test_positions_are_for_who_knows_what_was_written(group):
    """Where that is wanted; else nobody minds."""
    obeying, marks = group.parts[1].obeying, Marks()
    (pool,) = pools_of(group.parts[1], "b")
    orders = [
        order("saw", target="b:3306", position=GTIDS),
        order("saw", target="b:3306", position=None),
        order("saw", target="x:3306", position=GTIDS),
        order("forget_reader", target="b:3306"),
        order("forget_reader", target="x:3306"),
        order("writer_changed", position=GTIDS),
        order("writer_changed", position=None),
    ]
    for one in orders:
        obeying.obey(one)
    obeying.hear_of_writes(2, {})
    obeying.routes[Role.READ_ONLY].own_writes = marks
    for one in orders:
        obeying.obey(one)
    obeying.hear_of_writes(2, {"1": [0, 1, None]})
    position = parse(GTIDS)
    assert marks.told == [
        ("saw", pool, position),
        ("saw", pool, None),
        ("forget", pool),
        ("writer_changed", position),
        ("writer_changed", None),
        ("hear", 2, {"1": [0, 1, None]}),
    ]
    obeying.stop()
    assert marks.stopped


def test_positions_are_in_the_course():
    """For who joins."""
    group = StaffedGroup("a", "b", own_writes=Marks()).be_well()
    part = group.add_part(2)
    part.routes[Role.READ_ONLY].own_writes = marks = Marks()
    group.join(part)
    group.run()
    pools = pools_of(part, "a", "b")
    assert marks.told == [("saw", pool, parse(GTIDS)) for pool in pools]
    group.stop()


def test_orders_about_pools_that_are_gone_are_nobodys(group):
    """Nobody has anything of them."""
    obeying = group.parts[0].obeying
    for do in ("hold", "release", "retire"):
        obeying.obey(order(do, target="x:3306"))
    obeying.obey(order("cut_off", target="x:3306", why="why"))
    obeying.obey(order("watch", target="x:3306", on=True))
    obeying.obey(order("forget", target={"address": "x:3306"}))
    obeying.obey(order("serve", role="READ_ONLY", shares=[["x:3306", 1.0], ["b:3306", 1.0]]))
    assert obeying.routes[Role.READ_ONLY].pools == tuple(pools_of(group.parts[0], "b"))


def test_a_stopped_worker_reports_no_more():
    """Whatever it is told."""
    clock, told = Clock(), []
    pools = Pools(lambda _: None)
    routes = {role: Route(object()) for role in Role}
    obeying = Obeying("shop", pools, routes, clock, lambda *what, **_: told.append(what))
    obeying.attend(on=True)
    assert told == [("pools",)]
    obeying.stop()
    obeying.attend(on=True)
    assert told == [("pools",)]
    assert clock.getDelayedCalls() == []
