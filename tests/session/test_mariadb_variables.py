"""Tests of `proxy.session.mariadb_variables`; that a server has no others is a live test."""

from __future__ import annotations

from proxy.session import mariadb_variables as table


def test_each_variable_stands_in_one_table():
    """A name that stood in two would be treated by chance."""
    tables = (table.NUMBER, table.SWITCH, table.TEXT, table.NULLABLE)
    tables += (table.PINNED, table.READ_ONLY, table.GLOBAL)
    names = [name for one in tables for name in one]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)


def test_what_every_application_sets_is_carried():
    """Charsets, sql_mode and timeouts are among those with a form of value."""
    assert {"autocommit", "sql_auto_is_null"} <= set(table.SWITCH)
    assert {"wait_timeout", "innodb_lock_wait_timeout"} <= set(table.NUMBER)
    assert {"sql_mode", "time_zone", "collation_connection"} <= set(table.TEXT)
    assert "character_set_results" in table.NULLABLE
