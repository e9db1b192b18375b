"""Tests of `proxy.failover.probes.replication`."""

from __future__ import annotations

import pytest

from proxy.failover.probes import facts
from proxy.failover.probes.facts import Facts
from proxy.failover.probes.replication import ReplicationProbe, Told, seen_of
from proxy.policy.observation import Member
from proxy.vocabulary import ServerKind
from proxy.wire.responses import Err

UUID = "09b089a3-e9d4-11f1-82c8-02fc00000001"
VALUES = {
    "version": "9.7.4",
    "server_uuid": "me",
    "server_id": "2",
    "read_only": "0",
    "super_read_only": "0",
    "innodb_read_only": "0",
    "offline_mode": "0",
    "gtid_mode": "ON",
    "gtid_executed": f"{UUID}:1-5",
}
CHANNEL = {
    "source_host": "db-1",
    "source_port": "3306",
    "replica_io_running": "Yes",
    "replica_sql_running": "Yes",
    "seconds_behind_source": "0",
    "channel_name": "",
    "retrieved_gtid_set": "",
    "executed_gtid_set": "",
}
OLD_CHANNEL = {
    "master_host": "db-1",
    "master_port": "3306",
    "slave_io_running": "Yes",
    "slave_sql_running": "Yes",
    "seconds_behind_master": "3",
}


def seen(*channels, replicas=None, unseen=(), **values):
    """What these words come to."""
    told = Told(
        facts=Facts(ServerKind.MYSQL, VALUES | values), status=channels, replicas=replicas
    )
    return seen_of(told, unseen)


def variables(names, **values):
    """The row of a server's variables."""
    return [{f"@@global.{name}": (VALUES | values).get(name, "0") for name in names}]


def test_who_is_not_read_only_takes_writes():
    """A server that replicates from nobody and has nothing on."""
    one = seen()
    assert (one.server, one.version) == ("me", "9.7.4")
    assert (one.writable, one.serves, one.why) == (True, True, "")
    assert (one.sources, one.replicates, one.lag_seconds) == ((), None, None)
    assert str(one.position) == VALUES["gtid_executed"]


def test_a_replica_shows_its_source_and_lag():
    """It can be read from, and says why it takes no writes."""
    one = seen(CHANNEL | {"seconds_behind_source": "7"}, super_read_only="1", read_only="1")
    assert (one.writable, one.serves, one.why) == (False, True, "read_only is on")
    assert (one.sources, one.replicates, one.lag_seconds) == (("db-1:3306",), True, 7.0)


def test_a_replica_that_takes_writes_shows_both():
    """Whoever decides has to see that it is no ordinary writer."""
    one = seen(CHANNEL)
    assert one.writable
    assert one.sources == ("db-1:3306",)


@pytest.mark.parametrize(
    ("io", "sql", "lag"),
    [("Yes", "No", None), ("No", "Yes", None), ("Connecting", "Yes", None), ("No", "No", None)],
)
def test_a_thread_that_stands_still_is_no_replication(io, sql, lag):
    """How far it is behind is not known then, and surely not 0."""
    one = seen(
        CHANNEL
        | {"replica_io_running": io, "replica_sql_running": sql, "seconds_behind_source": lag}
    )
    assert (one.replicates, one.lag_seconds) == (False, None)
    assert one.sources == ("db-1:3306",)


def test_of_several_sources_the_worst_counts():
    """The lag is the longest, unknown where one is, and all have to run."""
    late = CHANNEL | {"source_host": "db-2", "seconds_behind_source": "9"}
    stopped = CHANNEL | {"replica_sql_running": "No", "seconds_behind_source": None}
    one = seen(CHANNEL, late)
    assert (one.sources, one.replicates, one.lag_seconds) == (
        ("db-1:3306", "db-2:3306"),
        True,
        9.0,
    )
    one = seen(CHANNEL, late, stopped)
    assert (one.replicates, one.lag_seconds) == (False, None)


def test_the_channels_of_a_group_are_no_sources():
    """Members of a group do not replicate from one another."""
    one = seen(CHANNEL | {"channel_name": "group_replication_applier"})
    assert (one.sources, one.replicates) == ((), None)


def test_who_has_executed_all_it_received_is_not_behind():
    """The seconds of a multi-threaded replica are those of its last checkpoint."""
    late = CHANNEL | {"seconds_behind_source": "8", "executed_gtid_set": f"{UUID}:1-5"}
    assert seen(late | {"retrieved_gtid_set": f"{UUID}:2-5"}).lag_seconds == 0.0
    assert seen(late | {"retrieved_gtid_set": f"{UUID}:2-6"}).lag_seconds == 8.0
    assert seen(late | {"retrieved_gtid_set": ""}).lag_seconds == 8.0


def test_offline_mode_serves_nobody():
    """The monitor may be an administrator, whom it lets in."""
    one = seen(offline_mode="1", read_only="1")
    assert (one.writable, one.serves, one.why) == (False, False, "offline_mode is on")


def test_replicas_are_members_where_they_tell_their_address():
    """One without report_host is there, but nobody can go to it."""
    rows = [{"host": "db-2", "port": "3306"}, {"host": "", "port": "3306"}]
    assert seen(replicas=rows).members == (Member(address="db-2:3306"),)


@pytest.mark.parametrize(
    ("version", "status", "replicas", "channel"),
    [
        ("9.7.4", b"SHOW REPLICA STATUS", b"SHOW REPLICAS", CHANNEL),
        ("8.0.22", b"SHOW REPLICA STATUS", b"SHOW REPLICAS", CHANNEL),
        ("8.0.21", b"SHOW SLAVE STATUS", b"SHOW SLAVE HOSTS", OLD_CHANNEL),
        ("5.7.44", b"SHOW SLAVE STATUS", b"SHOW SLAVE HOSTS", OLD_CHANNEL),
        ("10.11.19-MariaDB", b"SHOW ALL SLAVES STATUS", b"SHOW SLAVE HOSTS", OLD_CHANNEL),
    ],
)
def test_each_version_is_asked_in_its_own_words(target, version, status, replicas, channel):
    """Two statements, and with discovery a third."""
    names = facts.MARIADB if "MariaDB" in version else facts.MYSQL
    answers = {
        b"SELECT @@global": variables(names, version=version, gtid_slave_pos="0-1-5"),
        status: [channel],
        replicas: [{"Server_Id": 3, "Host": "db-3", "Port": 3306}],
    }
    server = target(answers, version)
    one = server.look(ReplicationProbe())
    assert server.asked[1:] == [status]
    assert (one.sources, one.replicates, one.members) == (("db-1:3306",), True, ())
    one = server.look(ReplicationProbe(discovers=True))
    assert server.asked[3:] == [status, replicas]
    assert one.members == (Member(address="db-3:3306"),)


def test_without_rights_it_is_seen_who_takes_writes(target):
    """What cannot be seen is told, and is not taken for bad."""
    refused = Err(1227, "42000", b"Access denied")
    server = target({b"SELECT @@global": variables(facts.MYSQL), b"SHOW": refused})
    one = server.look(ReplicationProbe(discovers=True))
    assert (one.writable, one.serves) == (True, True)
    assert (one.sources, one.replicates, one.lag_seconds) == ((), None, None)
    assert [text.partition(" (")[0] for text in one.unseen] == [
        "its replication and lag",
        "its replicas",
    ]
