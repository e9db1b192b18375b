"""Tests of `proxy.session.variables`."""

from __future__ import annotations

import pytest

from proxy.session.variables import (
    CHARSETS,
    FOLLOWERS,
    NAMES,
    Treatment,
    assignment,
    canonical,
    matters_to_prepare,
    rank,
    tracked,
    treatment,
)
from proxy.vocabulary import ServerKind

MYSQL, MARIADB = ServerKind.MYSQL, ServerKind.MARIADB


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        (b"autocommit", b"OFF", b"autocommit = OFF"),
        (b"wait_timeout", b"28800", b"wait_timeout = 28800"),
        (b"timestamp", b"1.5", b"timestamp = 1.5"),
        (b"time_zone", b"+02:00", b"time_zone = '+02:00'"),
        (b"character_set_results", b"", b"character_set_results = NULL"),
        (b"character_set_results", b"latin1", b"character_set_results = 'latin1'"),
        (b"sql_mode", b"", b"sql_mode = ''"),
        (b"sql_mode", b"it's", b"sql_mode = 'it''s'"),
        (b"time_zone", b"a\\'b", b"time_zone = _utf8mb4 x'" + b"a\\'b".hex().encode() + b"'"),
        (b"lc_messages", "ü".encode(), b"lc_messages = _utf8mb4 x'c3bc'"),
        (b"system_versioning_asof", b"DEFAULT", b"system_versioning_asof = DEFAULT"),
        (b"of_the_future", b"x", b"of_the_future = 'x'"),
    ],
)
def test_values_are_written_as_their_type_needs(name, value, written):
    """Numbers and switches stand bare, strings are quoted so that no sql_mode changes them."""
    assert assignment(name, value) == written


@pytest.mark.parametrize(
    ("name", "kind", "treated"),
    [
        (b"sql_mode", MYSQL, Treatment.CARRIED),
        (b"old_mode", MARIADB, Treatment.CARRIED),
        (b"old_mode", MYSQL, None),
        (b"timestamp", MYSQL, Treatment.ASKED),
        (b"identity", MARIADB, Treatment.INSERT_ID),
        (b"session_track_schema", MYSQL, Treatment.OURS),
        (b"session_track_gtids", MYSQL, Treatment.CARRIED),
        (b"insert_id", MYSQL, Treatment.PINNED),
        (b"warning_count", MARIADB, Treatment.READ_ONLY),
        (b"max_connections", MYSQL, Treatment.GLOBAL),
        (b"of_the_future", MYSQL, None),
    ],
)
def test_each_variable_has_a_treatment(name, kind, treated):
    """Some are carried, some asked for, some ours, and some pin."""
    assert treatment(name, kind) is treated


def test_what_is_reported():
    """All that sessions can set, unknown names too; nothing that always changes."""
    on_server = [b"sql_mode", b"max_connections", b"timestamp", b"last_insert_id", b"insert_id"]
    on_server += [b"statement_id", b"session_track_schema", b"of_the_future"]
    assert tracked(MYSQL, on_server) == (
        b"insert_id",
        b"of_the_future",
        b"sql_mode",
        b"timestamp",
    )


def test_a_variable_of_two_names_has_one():
    """MariaDB's storage_engine is the other name of default_storage_engine."""
    assert canonical(b"storage_engine") == b"default_storage_engine"
    assert canonical(b"sql_mode") == b"sql_mode"


def test_followers_are_set_behind_their_leaders():
    """A charset that is set later would undo the collation."""
    for leader, follower in FOLLOWERS.items():
        assert rank(leader) < rank(follower)
        assert rank(b"wait_timeout") < rank(follower)


def test_set_names_is_said_before_what_it_sets():
    """Its name is that of no variable, and no server would set it alone."""
    assert all(rank(NAMES) < rank(name) for name in CHARSETS)
    assert treatment(NAMES, MYSQL) is treatment(NAMES, MARIADB) is None
    assert matters_to_prepare(NAMES)


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        (b"sql_mode", True),
        (b"character_set_connection", True),
        (b"of_the_future", True),
        (b"wait_timeout", False),
        (b"transaction_isolation", False),
        (b"sort_buffer_size", False),
    ],
)
def test_what_a_prepared_statement_keeps(name, matters):
    """Timeouts, sizes and isolation are read when a statement runs, not when it is prepared."""
    assert matters_to_prepare(name) is matters
