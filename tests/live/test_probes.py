"""Probes look at real servers: a pair of each family, with users of more and fewer rights."""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs
import pytest
from twisted.internet.defer import Deferred

from proxy.config.address import TcpAddress
from proxy.config.failover import Topology
from proxy.dialogue.backend import Account
from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from proxy.failover.probes import failure_of, probe_for
from proxy.net.reactor import Reactor
from proxy.policy.gtids import parse
from proxy.policy.observation import Failure, Member
from proxy.pool.connect import Connector

pytestmark = pytest.mark.live

RIGHTS = {
    Flavor.MYSQL: ("REPLICATION CLIENT, REPLICATION SLAVE ON *.*",),
    Flavor.MARIADB: ("REPLICA MONITOR, REPLICATION MASTER ADMIN ON *.*",),
}
DEFAULTS = {
    "sql_select_limit": "0",
    "sql_mode": "'ANSI_QUOTES,PIPES_AS_CONCAT'",
    "character_set_results": "ucs2",
    "autocommit": "0",
}
"""What an operator may have set for all new connections, and what it does to answers."""


class Looker:
    """Connects to servers and looks at them, with a reactor of its own for each time."""

    def __init__(self, user="watcher", password="watcher-secret-1"):
        self._account = Account(user, password)

    def look(self, server, topology=Topology.REPLICATION, *, discovers=False, between=None):
        """What a look shows, or the error that it ends in.

        `between` is done after a first look, and the second one on its connection counts.
        """
        reactor, got = Reactor(), []

        async def look():
            connector = Connector(reactor, TcpAddress(server.host, server.port), 10.0)
            backend = await connector.connect(self._account)
            probe = probe_for(topology, discovers=discovers)
            try:
                seen = await probe.look(backend)
                if between is not None:
                    between()
                    seen = await probe.look(backend)
            finally:
                backend.abort()
            return seen

        def begin():
            looking = Deferred.fromCoroutine(look())
            looking.addTimeout(20, reactor)
            looking.addBoth(got.append)
            looking.addBoth(lambda _: reactor.callLater(0, reactor.stop))

        reactor.callWhenRunning(begin)
        reactor.run(installSignalHandlers=False)
        reactor.waker.connectionLost(None)
        reactor._poller.close()
        return getattr(got[0], "value", got[0])


def until(look, holds, limit_seconds=20.0):
    """Look until something holds, and give what was seen then."""
    deadline = time.monotonic() + limit_seconds
    while not holds(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def pair(request: pytest.FixtureRequest) -> Iterator[ReplicatedServers]:
    """A primary and a replica, with a user who may look at replication and one who may not."""
    with start_replicated(request.param) as servers:
        primary = servers.primary
        primary.create_user("watcher", "watcher-secret-1", grants=RIGHTS[request.param])
        primary.create_user("nobody", "nobody-secret-1", grants=())
        servers.wait_until_caught_up()
        yield servers


@pytest.fixture
def watcher() -> Looker:
    """Looks as the user with rights."""
    return Looker()


@pytest.fixture
def nobody() -> Looker:
    """Looks as the user without any."""
    return Looker("nobody", "nobody-secret-1")


@pytest.mark.parametrize("topology", [Topology.STATIC, Topology.REPLICATION])
def test_a_primary_takes_writes(pair, watcher, topology):
    """It replicates from nobody, and its transactions are counted."""
    seen = watcher.look(pair.primary, topology)
    assert (seen.writable, seen.serves, seen.why) == (True, True, "")
    assert (seen.sources, seen.replicates, seen.lag_seconds) == ((), None, None)
    assert seen.position.size >= 3
    assert (seen.members, seen.unseen) == ((), ())
    assert seen.version.split("-")[0] == pair.primary.version.split("-")[0]


def test_a_replica_shows_what_it_replicates(pair, watcher):
    """Its source, that it runs, how far it is behind, and the same transactions."""
    primary, replica = pair.primary, pair.replicas[0]
    seen = until(lambda: watcher.look(replica), lambda seen: seen.lag_seconds == 0.0)
    assert (seen.writable, seen.serves, seen.why) == (False, True, "read_only is on")
    assert seen.sources == (f"{primary.host}:{primary.port}",)
    assert (seen.replicates, seen.unseen) == (True, ())
    first = watcher.look(primary)
    assert seen.server != first.server
    assert seen.position == first.position


def test_replicas_are_discovered(pair, watcher):
    """A primary knows those that tell their addresses; a replica has none."""
    replica = pair.replicas[0]
    seen = until(
        lambda: watcher.look(pair.primary, discovers=True), lambda seen: seen.members != ()
    )
    assert seen.members == (Member(address=f"{replica.host}:{replica.port}"),)
    seen = watcher.look(replica, discovers=True)
    assert (seen.members, seen.unseen) == ((), ())


def test_positions_follow_what_is_written(pair, watcher):
    """The primary has more then, and the replica as much when it has caught up."""
    primary, replica = pair.primary, pair.replicas[0]
    before = watcher.look(primary).position
    primary.execute("CREATE DATABASE more")
    after = watcher.look(primary).position
    assert after.contains(before)
    assert not before.contains(after)
    pair.wait_until_caught_up()
    assert watcher.look(replica).position == after


def test_a_replica_that_does_not_apply_lacks_transactions(pair, watcher):
    """It still shows its source, and its lag is not known."""
    primary, replica = pair.primary, pair.replicas[0]
    word = "REPLICA" if pair.primary.flavor is Flavor.MYSQL else "SLAVE"
    replica.execute(f"STOP {word} SQL_THREAD")
    try:
        primary.execute("CREATE DATABASE lacking")
        seen = watcher.look(replica)
        assert (seen.replicates, seen.lag_seconds, seen.serves) == (False, None, True)
        assert seen.sources == (f"{primary.host}:{primary.port}",)
        ahead = watcher.look(primary).position
        assert ahead.contains(seen.position)
        assert not seen.position.contains(ahead)
    finally:
        replica.execute(f"START {word} SQL_THREAD")
    pair.wait_until_caught_up()
    until(lambda: watcher.look(replica), lambda seen: seen.replicates)


def test_roles_that_change_are_seen_on_the_same_connection(pair, watcher):
    """Both ways, by the look after."""
    primary = pair.primary
    seen = watcher.look(primary, between=lambda: primary.execute("SET GLOBAL read_only = ON"))
    assert (seen.writable, seen.serves, seen.why) == (False, True, "read_only is on")
    seen = watcher.look(primary, between=lambda: primary.execute("SET GLOBAL read_only = OFF"))
    assert (seen.writable, seen.why) == (True, "")


def test_without_any_right_it_is_seen_who_takes_writes(pair, nobody, watcher):
    """And the transactions; the rest is unseen, which is no reason to avoid a server."""
    primary, replica = pair.primary, pair.replicas[0]
    for server in pair.servers:
        seen, whole = nobody.look(server, discovers=True), watcher.look(server)
        assert seen.writable is (server is primary)
        assert seen.serves
        assert (seen.server, seen.position) == (whole.server, whole.position)
        assert (seen.sources, seen.replicates, seen.lag_seconds) == ((), None, None)
        assert len(seen.unseen) == 2
    assert nobody.look(replica).unseen[0].startswith("its replication and lag (SHOW ")


@pytest.mark.parametrize("topology", list(Topology))
def test_the_servers_defaults_change_no_answer(pair, watcher, topology):
    """A limit of rows, another SQL, another charset, no autocommit: all the same is seen."""
    pair.wait_until_caught_up()
    settled = attrs.evolve(watcher.look(pair.replicas[0], topology), lag_seconds=None)
    replica = pair.replicas[0]
    with replica.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"@@global.{name}" for name in DEFAULTS))
        before = cursor.fetchone()
        cursor.execute("SET GLOBAL " + ", ".join(f"{n} = {v}" for n, v in DEFAULTS.items()))
        try:
            seen = watcher.look(replica, topology)
        finally:
            for name, value in zip(DEFAULTS, before, strict=True):
                cursor.execute(f"SET GLOBAL {name} = %s", (value,))
    assert attrs.evolve(seen, lag_seconds=None) == settled


def test_a_server_in_no_group_does_not_serve(pair, watcher, nobody):
    """A member that was thrown out looks so; who may not see the group knows less."""
    if pair.primary.flavor is Flavor.MARIADB:
        seen = watcher.look(pair.primary, Topology.GALERA)
        assert (seen.writable, seen.serves) == (False, False)
        assert seen.why == "it is in no cluster: wsrep_on is off"
        assert nobody.look(pair.primary, Topology.GALERA) == seen
        return
    root = Looker(pair.primary.user, pair.primary.password)
    seen = root.look(pair.primary, Topology.GROUP_REPLICATION)
    assert (seen.writable, seen.serves) == (False, False)
    assert seen.why == "it is OFFLINE in its group"
    seen = watcher.look(pair.primary, Topology.GROUP_REPLICATION)
    assert (seen.writable, seen.serves) == (None, True)
    assert seen.unseen[0].startswith("the members of its group")


def test_a_server_that_is_no_aurora_is_looked_at_as_one_of_rds(pair, watcher):
    """With its replication; a table of a cluster it has not, or does not show."""
    seen = watcher.look(pair.primary, Topology.AURORA)
    assert (seen.writable, seen.serves, seen.members) == (True, True, ())
    seen = watcher.look(pair.replicas[0], Topology.AURORA)
    assert (seen.writable, seen.replicates) == (False, True)


def test_a_report_of_a_commit_is_in_the_position(pair, watcher):
    """What a tracker tells a session can be looked for on every server."""
    name = "gtid_executed" if pair.primary.flavor is Flavor.MYSQL else "gtid_current_pos"
    [[told]] = pair.primary.execute("CREATE DATABASE told", f"SELECT @@global.{name}")
    last = parse(told)
    assert watcher.look(pair.primary).position.contains(last)
    pair.wait_until_caught_up()
    assert watcher.look(pair.replicas[0]).position.contains(last)


def test_each_way_to_fail_is_told_apart(pair, watcher):
    """A wrong password, a killed connection, too many connections."""
    server = pair.primary
    wrong = Looker("watcher", "wrong").look(server)
    assert failure_of(wrong)[0] is Failure.DENIED

    def kill():
        for number, user, *_ in server.execute("SHOW PROCESSLIST"):
            if user == "watcher":
                server.execute(f"KILL {number}")

    assert failure_of(watcher.look(server, between=kill))[0] is Failure.LOST
    server.execute(
        "CREATE USER narrow@'%' IDENTIFIED BY 'narrow-secret-1' WITH MAX_USER_CONNECTIONS 1"
    )
    with server.connect(user="narrow", password="narrow-secret-1"):
        full = Looker("narrow", "narrow-secret-1").look(server)
    assert failure_of(full)[0] is Failure.FULL


def test_a_server_that_is_down_is_refused_or_lost(pair, watcher):
    """Nobody listens; or it goes between two looks."""
    replica = pair.replicas[0]
    try:
        failure, _ = failure_of(watcher.look(replica, between=replica.kill))
        assert failure is Failure.LOST
        failure, why = failure_of(watcher.look(replica))
        assert failure is Failure.REFUSED
        assert why.startswith(f"cannot connect to {replica.host}:{replica.port}: ")
    finally:
        replica.start()
    until(lambda: watcher.look(replica), lambda seen: seen.replicates)
