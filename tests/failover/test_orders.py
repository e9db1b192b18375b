"""Tests of `proxy.failover.orders`: what is asked of targets, in which words."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from proxy.errors import BackendLostError, BackendRefusedError
from proxy.failover.orders import ORDER_SECONDS, fence, session
from proxy.observe.log import get_logger
from proxy.wire.responses import Err
from tests.support.group import Group
from tests.support.host import GTIDS, UUID

OTHER = "5c1aa1f2-71ca-11e1-9e33-c80aa9429562"

MARIADB = "5.5.5-10.11.2-MariaDB"
OLD = "5.7.44-log"
REFUSED = Err(1227, "42000", b"Access denied; you need SUPER")


@pytest.fixture
def group():
    """A writer and a replica, both well."""
    return Group("a", "b").be_well()


def give(group, act, *, name="b", version=None):
    """Give orders to a target; what came of it, the error too, and what it was asked."""
    if version is not None:
        group.host(name).servers.version = version

    async def work():
        async with session(group.post(name), group.clock) as orders:
            return await act(orders)

    return group.order(work())


@pytest.mark.parametrize(
    ("version", "words"),
    [(None, ["SET GLOBAL super_read_only = 1"]), (MARIADB, ["SET GLOBAL read_only = 1"])],
)
def test_taking_no_writes(group, version, words):
    """On MySQL not even those of accounts with all privileges."""
    give(group, lambda orders: orders.set_read_only(on=True), version=version)
    assert group.host("b").ordered == words


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, ["SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0"]),
        (MARIADB, ["SET GLOBAL read_only = 0"]),
    ],
)
def test_taking_writes(group, version, words):
    """Neither setting may forbid them."""
    give(group, lambda orders: orders.set_read_only(on=False), version=version)
    assert group.host("b").ordered == words


@pytest.mark.parametrize(
    ("version", "name"), [(None, "gtid_executed"), (MARIADB, "gtid_current_pos")]
)
def test_the_position_is_one_line(group, version, name):
    """A server writes a newline behind each source."""
    group.host("b").position = f"{GTIDS},\n{OTHER}:1-7"
    (position,) = give(group, lambda orders: orders.position(), version=version)
    assert position == f"{GTIDS},{OTHER}:1-7"
    assert group.host("b").ordered == [f"SELECT @@GLOBAL.{name}"]


def test_a_position_that_makes_no_sense_goes_to_no_other_server(group):
    """What a server says becomes a part of a statement for another one."""
    group.host("b").position = "') OR SLEEP(1) OR ('"
    (error,) = give(group, lambda orders: orders.position())
    assert str(error) == "b:3306: its position makes no sense"


@pytest.mark.parametrize("name", ["b", "", "'); DROP TABLE t; -- "])
def test_what_is_no_member_is_not_made_the_primary(group, name):
    """Members have uuids."""
    (error,) = give(group, lambda orders: orders.become_primary(name))
    assert "is no member of a group" in str(error)
    assert group.host("b").ordered == []


def test_what_is_no_host_is_not_followed(group):
    """An address that was discovered is what a server says."""
    (error,) = give(group, lambda orders: orders.follow("a' , SOURCE_USER = 'x", 3306))
    assert "is no host" in str(error)
    assert group.host("b").ordered == []


@pytest.mark.parametrize("behind", [True, False])
def test_waiting_for_transactions_says_whether_they_came(group, behind):
    """In the time that it was given."""
    group.host("b").behind = behind
    (came,) = give(group, lambda orders: orders.wait_for(GTIDS, 30.0))
    assert came is not behind
    assert group.host("b").ordered == [f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{GTIDS}', 30)"]


def test_waiting_on_mariadb_has_other_words(group):
    """The same answers."""
    group.host("b").servers.routines[b"SELECT MASTER"] = lambda side: side.rows([(b"0",)])
    assert give(group, lambda one: one.wait_for("0-1-5", 3), version=MARIADB) == [True]


@pytest.mark.parametrize(
    ("version", "word", "change"),
    [
        (None, "REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'a', SOURCE_PORT = 3307"),
        (OLD, "SLAVE", "CHANGE MASTER TO MASTER_HOST = 'a', MASTER_PORT = 3307"),
        (MARIADB, "SLAVE", "CHANGE MASTER TO MASTER_HOST = 'a', MASTER_PORT = 3307"),
    ],
)
def test_following_another_server(group, version, word, change):
    """With the words of its version."""
    group.host("b").servers.routines[b"START"] = group.host("b")._order
    give(group, lambda orders: orders.follow("a", 3307), version=version)
    assert group.host("b").ordered == [f"STOP {word}", change, f"START {word}"]


def test_a_replica_that_cannot_follow_another_one_goes_on_as_before(group):
    """It is started again in any case."""
    group.host("b").answers = {b"CHANGE": REFUSED}
    (error,) = give(group, lambda orders: orders.follow("a", 3307))
    assert isinstance(error, BackendRefusedError)
    assert group.host("b").ordered[-1] == "START REPLICA"


def test_following_nobody(group):
    """For the time being, or for good."""

    async def act(orders):
        await orders.set_following(on=False)
        await orders.follow_nobody()

    give(group, act)
    assert group.host("b").ordered == ["STOP REPLICA", "RESET REPLICA ALL"]


def test_a_member_becomes_the_primary(group):
    """Any member can be asked."""
    give(group, lambda orders: orders.become_primary(UUID))
    assert group.host("b").ordered == [f"SELECT group_replication_set_as_primary('{UUID}')"]


def test_an_order_takes_no_longer_than_it_may(group):
    """It is broken off: else the server would carry it out when everybody has forgotten it."""
    group.host("b").answers = {b"SET GLOBAL": lambda _: None}
    ended = give(group, lambda orders: orders.set_read_only(on=True))
    group.run(ORDER_SECONDS - 1)
    assert ended == []
    group.run(2)
    assert isinstance(ended[0], BackendLostError)
    assert str(ended[0]) == f"b:3306: no answer within {ORDER_SECONDS:g} s"
    assert group.host("b").ordered[-1] == "KILL 1"
    assert not group.host("b").open_connections


def test_a_session_says_good_bye(group):
    """Also when an order was refused."""
    group.host("b").answers = {b"SET GLOBAL": REFUSED}
    (error,) = give(group, lambda orders: orders.set_read_only(on=True))
    assert isinstance(error, BackendRefusedError)
    assert group.host("b").servers.backends[-1].side.commands[-1] == b"\x01"
    assert not group.host("b").open_connections


def test_a_session_that_cannot_be_had(group):
    """The target is not there."""
    group.host("b").kill()
    (error,) = give(group, lambda orders: orders.position())
    assert isinstance(error, BackendLostError)


def test_a_fence_is_told_of(group):
    """Whether it was put up or not."""
    with capture_logs() as lines:
        group.order(fence(group.post("b"), group.clock, get_logger()))
        group.host("b").answers = {b"SET GLOBAL": REFUSED}
        group.order(fence(group.post("b"), group.clock, get_logger()))
    assert ["is read-only now" in lines[0]["event"], "1227" in str(lines[1]["why"])] == [
        True,
        "1227" in str(lines[1]["why"]),
    ]
    assert "cannot be made read-only" in lines[1]["event"]
