"""Tests of `proxy.failover.probes.facts`."""

from __future__ import annotations

import pytest

from proxy.failover.probes import facts
from proxy.failover.probes.asking import Asking
from proxy.failover.probes.facts import Facts, address_of, ask_facts, value_of
from proxy.vocabulary import ServerKind

UUID = "09b089a3-e9d4-11f1-82c8-02fc00000001"


def mysql(**values: str) -> Facts:
    return Facts(ServerKind.MYSQL, values)


def mariadb(**values: str) -> Facts:
    return Facts(ServerKind.MARIADB, values)


@pytest.mark.parametrize(
    ("version", "names"), [("9.7.4", facts.MYSQL), ("11.4.2-MariaDB", facts.MARIADB)]
)
def test_one_select_asks_for_all_variables(target, version, names):
    """Those that the family has; the values come by their names."""
    server = target(
        {b"SELECT": [{f"@@global.{name}": name.upper() for name in names}]}, version
    )
    told = server.ask(ask_facts(Asking(server.backend)))
    assert told.values == {name: name.upper() for name in names}
    assert len(server.asked) == 1


def test_a_server_is_known_by_what_no_other_one_has():
    """MySQL has an id of its own; servers of MariaDB are told apart by their places too."""
    assert mysql(server_uuid=UUID, server_id="1").server == UUID
    assert mariadb(server_id="1", hostname="db", port="3306").server == "db:3306/1"


@pytest.mark.parametrize(
    ("values", "bar"),
    [
        ({"read_only": "0", "super_read_only": "0"}, ""),
        ({"read_only": "OFF"}, ""),
        ({}, ""),
        ({"read_only": "1", "super_read_only": "1"}, "read_only is on"),
        ({"read_only": "ON"}, "read_only is on"),
        ({"read_only": "NO_LOCK_NO_ADMIN"}, "read_only is on"),
        ({"super_read_only": "1"}, "super_read_only is on"),
        ({"innodb_read_only": "1"}, "innodb_read_only is on"),
        ({"offline_mode": "1"}, "offline_mode is on"),
    ],
)
def test_writers_are_barred_by_any_of_these(values, bar):
    """As numbers or as words; ordinary users count, not those with SUPER."""
    assert mysql(**values).bar == bar


def test_a_position_of_mysql_needs_gtid_mode():
    """The set of a server that writes no GTIDs says nothing of what it has."""
    executed = f"{UUID}:1-5"
    assert str(mysql(gtid_mode="ON", gtid_executed=executed).position) == executed
    assert str(mysql(gtid_mode="ON_PERMISSIVE", gtid_executed=executed).position) == executed
    assert mysql(gtid_mode="OFF_PERMISSIVE", gtid_executed=executed).position is None
    assert mysql(gtid_mode="ON", gtid_executed="").position.is_empty
    assert mysql(gtid_mode="ON", gtid_executed="nonsense").position is None


def test_a_position_of_mariadb_is_made_of_three():
    """A replica without a log of its own, and a writer that was a replica, have all."""
    told = mariadb(gtid_slave_pos="0-1-9,1-1-4", gtid_binlog_pos="0-2-11", gtid_current_pos="")
    assert str(told.position) == "0-2-11,1-1-4"
    assert mariadb(gtid_slave_pos="", gtid_binlog_pos="", gtid_current_pos="").position is None
    assert mariadb(gtid_slave_pos="0-1-9", gtid_binlog_pos="?").position is None


def test_the_version_is_told_as_a_text_and_as_a_number():
    """Which statements there are depends on it."""
    assert mysql(version="8.0.36-28").version_number == 80036
    assert (mysql().version, mysql().version_number) == ("", 0)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("db", "3306", "db:3306"),
        ("2001:db8::1", "3307", "[2001:db8::1]:3307"),
        ("", "3306", ""),
        (None, "3306", ""),
        ("db", "0", ""),
        ("db", "65536", ""),
        ("db", None, ""),
        ("db", "x", ""),
    ],
)
def test_an_address_has_a_host_and_a_port(host, port, address):
    """Servers leave out what they were not told themselves."""
    assert address_of(host, port) == address


def test_a_column_may_have_an_older_name():
    """The first that there is counts; NULL is empty."""
    row = {"master_host": "db", "lag": None}
    assert value_of(row, "source_host", "master_host") == "db"
    assert value_of(row, "lag") == value_of(row, "none") == ""
