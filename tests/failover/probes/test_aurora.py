"""Tests of `proxy.failover.probes.aurora`."""

from __future__ import annotations

from proxy.failover.probes import facts
from proxy.failover.probes.aurora import GREEN, WRITER_SESSION, AuroraProbe
from proxy.failover.probes.failures import OddAnswerError
from proxy.policy.observation import Member
from proxy.wire.responses import Err

UNKNOWN = Err(1193, "HY000", b"Unknown system variable 'aurora_server_id'")
DENIED = Err(1142, "42000", b"SELECT command denied")


def instance(name, session="a-session", lag="20.5", updated="2026-05-04 10:00:00.123456"):
    """A row of replica_host_status."""
    return {
        "SERVER_ID": name,
        "SESSION_ID": session,
        "REPLICA_LAG_IN_MILLISECONDS": lag,
        "LAST_UPDATE_TIMESTAMP": updated,
    }


def aurora(name, *instances, read_only="0"):
    """What an instance of Aurora answers."""
    return {
        b"SELECT @@aurora_server_id": [
            {
                "@@aurora_server_id": name,
                "@@global.version": "8.0.39",
                "@@global.innodb_read_only": read_only,
                "@@global.read_only": "0",
            }
        ],
        b"SELECT SERVER_ID": [*instances],
    }


GROUP = (instance("one", WRITER_SESSION, "0"), instance("two"), instance("three", lag=None))


def test_the_writer_of_a_cluster(target):
    """Its innodb_read_only is off; the instances are known by their ids."""
    server = target(aurora("one", *GROUP), "8.0.39")
    seen = server.look(AuroraProbe())
    assert (seen.server, seen.version) == ("one", "8.0.39")
    assert (seen.writable, seen.serves, seen.why, seen.lag_seconds) == (True, True, "", None)
    assert seen.members == (
        Member(address="one", writes=True),
        Member(address="two", writes=False),
        Member(address="three", writes=False),
    )
    assert len(server.asked) == 2


def test_a_reader_of_a_cluster(target):
    """Its lag is told in milliseconds; none where it has not been told yet."""
    seen = target(aurora("two", *GROUP, read_only="1")).look(AuroraProbe())
    assert (seen.writable, seen.serves, seen.why) == (False, True, "innodb_read_only is on")
    assert seen.lag_seconds == 0.0205
    seen = target(aurora("three", *GROUP, read_only="1")).look(AuroraProbe())
    assert seen.lag_seconds is None


def test_instances_that_were_removed_are_gone(target):
    """Their rows stay as they were last, while those of all others go on."""
    rows = (
        instance("one", WRITER_SESSION, updated="2026-05-04 10:00:00.5"),
        instance("two", updated="2026-05-04 09:55:01"),
        instance("three", updated="2026-05-04 09:54:59"),
        instance("four", updated=None),
        instance(None),
    )
    seen = target(aurora("one", *rows)).look(AuroraProbe())
    assert {member.address: member.online for member in seen.members} == {
        "one": True,
        "two": True,
        "three": False,
        "four": False,
    }


def test_without_a_right_the_cluster_is_unseen(target):
    """Who takes writes is seen all the same."""
    seen = target(aurora("one") | {b"SELECT SERVER_ID": DENIED}).look(AuroraProbe())
    assert (seen.writable, seen.members) == (True, ())
    assert seen.unseen[0].startswith("the instances of its cluster")


def test_a_server_that_answers_nothing_of_itself_is_odd(target):
    """No server that is known has no row for its variables."""
    assert isinstance(
        target({b"SELECT @@aurora_server_id": []}).look(AuroraProbe()), OddAnswerError
    )


TOPOLOGY = [
    {"id": "11", "endpoint": "one.x.rds.amazonaws.com", "port": "3306", "role": ""},
    {"id": "12", "endpoint": "two.x.rds.amazonaws.com", "port": "3306", "role": ""},
    {"id": "13", "endpoint": "green.x.rds.amazonaws.com", "port": "3306", "role": GREEN},
    {"id": "14", "endpoint": "", "port": "3306", "role": ""},
]


def rds(server_id, source_id=None, topology=TOPOLOGY):
    """What an instance of RDS answers."""
    reads = "0" if source_id is None else "1"
    values = {
        "version": "8.0.39",
        "server_uuid": "u",
        "server_id": server_id,
        "gtid_mode": "ON",
    }
    values |= {"gtid_executed": "", "read_only": reads}
    channel = {
        "Source_Host": "10.0.0.1",
        "Source_Port": "3306",
        "Source_Server_Id": source_id,
        "Replica_IO_Running": "Yes",
        "Replica_SQL_Running": "Yes",
        "Seconds_Behind_Source": "1",
    }
    return {
        b"SELECT @@aurora_server_id": UNKNOWN,
        b"SELECT @@global.version": [
            {f"@@global.{name}": values.get(name, "0") for name in facts.MYSQL}
        ],
        b"SHOW REPLICA STATUS": [] if source_id is None else [channel],
        b"SELECT * FROM mysql.rds_topology": topology,
    }


def writers(seen):
    """Whether each instance writes, by the first word of its address."""
    return {member.address.split(".")[0]: member.writes for member in seen.members}


def test_a_multi_az_cluster_of_rds_tells_its_instances(target):
    """Its readers replicate from the writer; the green set is another one."""
    server = target(rds("11"), "8.0.39")
    probe = AuroraProbe()
    seen = server.look(probe)
    assert (seen.server, seen.writable) == ("u", True)
    assert writers(seen) == {"one": True, "two": False}
    seen = target(rds("12", "11")).look(AuroraProbe())
    assert (seen.writable, seen.replicates, seen.lag_seconds) == (False, True, 1.0)
    assert writers(seen) == {"one": True, "two": False}
    server.look(probe)
    assert [text.split()[0] for text in server.asked[4:]] == [b"SELECT", b"SHOW", b"SELECT"]


def test_who_writes_is_not_told_without_the_right_to_see_a_source(target):
    """A reader that may not look at its replication knows the instances only."""
    answers = rds("12", "11") | {b"SHOW REPLICA STATUS": Err(1227, "42000", b"no")}
    seen = target(answers).look(AuroraProbe())
    assert writers(seen) == {"one": None, "two": None}
    assert len(seen.unseen) == 1


def test_a_single_instance_of_rds_has_no_table_of_a_cluster(target):
    """Without the right to see the table, nobody knows whether there is one."""
    missing = Err(1146, "42S02", b"no such table")
    seen = target(rds("11", topology=missing)).look(AuroraProbe())
    assert (seen.writable, seen.members, seen.unseen) == (True, (), ())
    seen = target(rds("11", topology=DENIED)).look(AuroraProbe())
    assert (seen.writable, seen.members) == (True, ())
    assert seen.unseen[0].startswith("the instances of its cluster")
