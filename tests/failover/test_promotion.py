"""Tests of `proxy.failover.promotion`: a replica becomes the writer, or all is as before."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from proxy.errors import BackendLostError
from proxy.failover.orders import ORDER_SECONDS
from proxy.failover.promotion import promote_replica, rearrange
from proxy.policy.standing import OperationRefusedError
from proxy.wire.responses import Err
from tests.support.group import Group
from tests.support.host import GTIDS

REFUSED = Err(1227, "42000", b"Access denied; you need SUPER")


@pytest.fixture
def group():
    """A writer and two replicas, all well."""
    return Group("a", "b", "c").be_well()


def promote(group, name="b"):
    """Begin to promote; a list for what comes of it."""
    return group.order(promote_replica(group.steward, group.post(name)))


def test_a_replica_becomes_the_writer(group):
    """The old one takes no writes before, and other replicas follow the new one."""
    assert promote(group) == [None]
    assert group.host("a").ordered == [
        "SET GLOBAL super_read_only = 1",
        "SELECT @@GLOBAL.gtid_executed",
    ]
    assert group.host("b").ordered == [
        f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{GTIDS}', 30)",
        "STOP REPLICA",
        "SET GLOBAL super_read_only = 0",
        "SET GLOBAL read_only = 0",
    ]
    assert group.order(rearrange(group.steward, group.post("b"), "a:3306")) == [None]
    assert group.host("b").ordered[-1] == "RESET REPLICA ALL"
    assert group.host("c").ordered[1].endswith("SOURCE_HOST = 'b', SOURCE_PORT = 3306")
    assert (group.host("a").read_only, group.host("b").read_only) == (True, False)


def test_a_replica_that_lacks_transactions_does_not(group):
    """It did not get them in time: it goes on as a replica, and the writer writes."""
    group.host("b").behind = True
    (error,) = promote(group)
    assert isinstance(error, OperationRefusedError)
    assert "did not get all transactions" in error.why
    assert (group.host("a").read_only, group.host("b").read_only) == (False, True)
    assert "STOP REPLICA" not in group.host("b").ordered


@pytest.mark.parametrize(
    "lost",
    [b"SELECT WAIT", b"STOP", b"SET GLOBAL super_read_only = 0", b"SET GLOBAL read_only"],
)
def test_a_replica_that_is_lost_meanwhile(group, lost):
    """The old writer takes writes again, whatever the other one had begun."""
    host = group.host("b")
    host.answers = {lost: lambda _: host.kill()}
    (error,) = promote(group)
    assert isinstance(error, BackendLostError)
    assert not group.host("a").read_only


@pytest.mark.parametrize("lost", [b"STOP", b"SET GLOBAL read_only"])
def test_a_replica_whose_connection_is_lost_goes_on_as_a_replica(group, lost):
    """It may take writes by now, and does not any more before the old one does."""
    host = group.host("b")

    def cut(_):
        host.read_only = False  # it was done all the same
        host.cut()

    host.answers = {lost: cut}
    (error,) = promote(group)
    assert isinstance(error, BackendLostError)
    assert (group.host("a").read_only, host.read_only) == (False, True)
    assert host.ordered[-1] == "START REPLICA"
    assert host.sources
    ours = ("b:3306", "SET GLOBAL super_read_only = 1")
    assert group.ordered.index(ours) < group.ordered.index(
        ("a:3306", "SET GLOBAL super_read_only = 0")
    )


@pytest.mark.parametrize("lost", [b"SET GLOBAL super_read_only = 1", b"SELECT @@GLOBAL"])
def test_a_writer_whose_connection_is_lost_takes_writes_again(group, lost):
    """It is told so over another connection."""
    host = group.host("a")

    def cut(_):
        host.read_only = True
        host.cut()

    host.answers = {lost: cut}
    (error,) = promote(group)
    assert isinstance(error, BackendLostError)
    assert not host.read_only
    assert host.ordered[-2:] == ["SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0"]


def test_a_writer_that_is_long_in_becoming_read_only_takes_writes_again(group):
    """It may do so after it was waited for."""
    host = group.host("a")
    host.answers = {b"SET GLOBAL super_read_only = 1": lambda _: None}
    ended = promote(group)
    group.run(ORDER_SECONDS + 1)
    assert isinstance(ended[0], BackendLostError)
    assert host.ordered[-1] == "SET GLOBAL read_only = 0"


def test_a_writer_that_dies_meanwhile_is_told_of(group):
    """It cannot be made what it was; the first error is what is heard."""
    host = group.host("a")
    host.answers = {b"SELECT @@GLOBAL": lambda _: host.kill()}
    with capture_logs() as lines:
        (error,) = promote(group)
    assert isinstance(error, BackendLostError)
    assert any("could not be made what it was" in line["event"] for line in lines)


def test_a_writer_that_took_none_takes_none_after_a_failure(group):
    """Somebody wanted it so before."""
    group.host("a").read_only = True
    group.look()
    group.host("b").behind = True
    assert isinstance(promote(group)[0], OperationRefusedError)
    assert group.host("a").read_only


def test_a_promotion_without_the_rights_for_it(group):
    """Nothing was changed."""
    group.host("a").answers = {b"SET GLOBAL super_read_only = 1": REFUSED}
    (error,) = promote(group)
    assert isinstance(error, BackendLostError)
    assert group.host("b").ordered == []
    assert not group.host("a").read_only


def test_a_writer_that_is_not_there_cannot_be_asked(group):
    """Without it nobody knows what the replica lacks."""
    group.host("a").kill()
    assert isinstance(promote(group)[0], BackendLostError)
    assert group.host("b").ordered == []


def test_what_goes_wrong_after_the_change_is_said(group):
    """The new writer writes: it is still set up as a replica, and others do not follow."""
    group.host("b").answers = {b"RESET": REFUSED}
    group.host("c").answers = {b"CHANGE": REFUSED}
    assert promote(group) == [None]
    with capture_logs() as lines:
        assert group.order(rearrange(group.steward, group.post("b"), "a:3306")) == [None]
    assert [line["target"] for line in lines if line["log_level"] == "warning"] == [
        "b:3306",
        "c:3306",
    ]
    assert not group.host("b").read_only


def test_who_follows_nobody_is_left_alone(group):
    """Only replicas are told to follow the new writer."""
    group.host("c").sources = ()
    group.look()
    assert promote(group) == [None]
    assert group.order(rearrange(group.steward, group.post("b"), "a:3306")) == [None]
    assert group.host("c").ordered == []
