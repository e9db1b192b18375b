"""Probes look at a real replication group whose primary fails."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from proxy.config.address import TcpAddress
from proxy.config.failover import Topology
from proxy.dialogue.backend import Account
from proxy.embedded.group import GroupServers, start_group
from proxy.failover.probes import probe_for
from proxy.net.reactor import Reactor
from proxy.pool.connect import Connector

pytestmark = pytest.mark.live

TABLES = ("group_members", "group_member_stats", "applier_status_by_worker")
RIGHTS = tuple(f"SELECT ON performance_schema.replication_{table}" for table in TABLES)


def look(server, user="watcher"):
    """What a look of this user's shows, or the error that it ends in."""
    reactor, got = Reactor(), []

    async def see():
        connector = Connector(reactor, TcpAddress(server.host, server.port), 10.0)
        backend = await connector.connect(Account(user, f"{user}-secret-1"))
        try:
            return await probe_for(Topology.GROUP_REPLICATION).look(backend)
        finally:
            backend.abort()

    def begin():
        looking = Deferred.fromCoroutine(see()).addTimeout(20, reactor)
        looking.addBoth(got.append)
        looking.addBoth(lambda _: reactor.callLater(0, reactor.stop))

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    reactor.waker.connectionLost(None)
    reactor._poller.close()
    return getattr(got[0], "value", got[0])


def until(server, holds, limit_seconds=60.0):
    """Look at a server until something holds, and give what was seen then."""
    deadline = time.monotonic() + limit_seconds
    while not holds(seen := look(server)):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


@pytest.fixture(scope="module")
def group() -> Iterator[GroupServers]:
    """Three members, with a user who may look at the group and one who may not."""
    with start_group() as servers:
        primary = servers.wait_for_primary()
        primary.create_user("watcher", "watcher-secret-1", grants=RIGHTS)
        primary.create_user("nobody", "nobody-secret-1", grants=())
        primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (i INT PRIMARY KEY)")
        for member in servers.members:
            until(member, lambda seen: getattr(seen, "serves", False))
        yield servers


def test_each_member_sees_the_group(group):
    """One writes, all serve, and the addresses are those where the servers are."""
    primary = group.wait_for_primary()
    addresses = {f"{member.host}:{member.port}" for member in group.members}
    for member in group.members:
        seen = until(member, lambda seen: len(seen.members) == 3)
        assert (seen.writable, seen.serves) == (member is primary, True)
        assert {other.address for other in seen.members} == addresses
        writers = [other.address for other in seen.members if other.writes]
        assert writers == [f"{primary.host}:{primary.port}"]
        assert (seen.sources, seen.replicates, seen.unseen) == ((), None, ())


def test_without_a_right_a_secondary_is_known_by_being_read_only(group):
    """Whether the primary has the quorum cannot be seen then."""
    primary = group.wait_for_primary()
    for member in group.members:
        seen = look(member, "nobody")
        assert seen.writable is (None if member is primary else False)
        assert (seen.serves, seen.members, len(seen.unseen)) == (True, (), 1)


def test_a_secondary_that_cannot_apply_is_behind(group):
    """By the age of what it applies; it is up to date when it may go on."""
    primary = group.wait_for_primary()
    secondary = next(member for member in group.members if member is not primary)
    assert until(secondary, lambda seen: seen.lag_seconds == 0.0)
    with secondary.connect() as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLES d.t READ")
        primary.execute("INSERT INTO d.t VALUES (1)", "INSERT INTO d.t VALUES (2)")
        seen = until(secondary, lambda seen: (seen.lag_seconds or 0.0) > 1.0)
        assert look(primary).position.contains(seen.position)
    everything = look(primary).position
    assert until(
        secondary, lambda seen: seen.lag_seconds == 0.0 and seen.position.contains(everything)
    )


def test_another_primary_is_elected(group):
    """It takes writes when it has done so, and the members know it; the old one comes back."""
    old = group.wait_for_primary()
    old.kill()
    new = group.wait_for_primary(other_than=old)
    seen = until(new, lambda seen: seen.writable)
    assert f"{new.host}:{new.port}" in {m.address for m in seen.members if m.writes}
    group.rejoin(old)
    seen = until(old, lambda seen: getattr(seen, "serves", False))
    assert seen.writable is False


def test_a_primary_without_the_majority_takes_no_writes(group):
    """It is not read-only, but sees itself alone."""
    primary = group.wait_for_primary()
    others = [member for member in group.members if member is not primary]
    for member in others:
        member.freeze()
    try:
        seen = until(primary, lambda seen: not seen.serves)
        assert seen.writable is False
        assert seen.why.endswith("no majority")
    finally:
        for member in others:
            member.thaw()
