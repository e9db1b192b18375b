"""Tests of `proxy.session.variables`."""

from __future__ import annotations

import pytest

from proxy.session.variables import CARRIED, DEFAULT_REPORTED, ORDER, assignment, carried_by
from proxy.vocabulary import ServerKind


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        (b"autocommit", b"OFF", b"autocommit = OFF"),
        (b"wait_timeout", b"28800", b"wait_timeout = 28800"),
        (b"time_zone", b"+02:00", b"time_zone = '+02:00'"),
        (b"character_set_results", b"", b"character_set_results = NULL"),
        (b"character_set_results", b"latin1", b"character_set_results = 'latin1'"),
        (b"sql_mode", b"it's", b"sql_mode = 'it''s'"),
        (b"time_zone", b"a\\'b", b"time_zone = x'" + b"a\\'b".hex().encode() + b"'"),
    ],
)
def test_values_are_written_as_their_type_needs(name, value, written):
    """Numbers and switches stand bare, strings are quoted so that no sql_mode changes them."""
    assert assignment(name, value) == written


def test_each_family_has_its_own_names_of_the_isolation():
    """MySQL says transaction_isolation where MariaDB says tx_isolation."""
    mysql, mariadb = carried_by(ServerKind.MYSQL), carried_by(ServerKind.MARIADB)
    assert b"transaction_isolation" in mysql
    assert b"tx_isolation" not in mysql
    assert b"tx_isolation" in mariadb
    assert b"transaction_isolation" not in mariadb
    assert set(mysql) | set(mariadb) == set(CARRIED)


def test_the_collation_is_set_last():
    """A charset that is set later would undo it."""
    assert max(ORDER, key=ORDER.__getitem__) == b"collation_connection"
    assert set(CARRIED) >= DEFAULT_REPORTED
