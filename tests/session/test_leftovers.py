"""Tests of `proxy.session.leftovers`."""

from __future__ import annotations

import pytest

from proxy.errors import unknown_statement
from proxy.session.leftovers import LIMIT_BYTES, Leftovers, is_worth_asking
from proxy.wire.primitives import lenenc_bytes


def test_a_new_session_has_what_servers_give_after_a_login():
    """ROW_COUNT() is 0, FOUND_ROWS() is 1 when nothing was selected yet, and no warnings."""
    left = Leftovers()
    assert (left.row_count, left.found_rows, left.warnings, left.errors) == (0, 1, 0, 0)
    assert (left.told, left.sqlstate) == (0, "")
    assert left.refusal is None
    assert left.conditions is None


def test_a_limit_is_there_that_a_thousand_clients_can_all_reach():
    """64 warnings of full length, the default of max_error_count, fit in it."""
    longest = b"".join(map(lenenc_bytes, (b"Warning", b"1366", b"m" * 512)))
    assert 64 * (len(longest) + 4) < LIMIT_BYTES
    assert LIMIT_BYTES * 1000 <= 1 << 26


@pytest.mark.parametrize(
    ("text", "rows", "mysql", "mariadb"),
    [
        (b"SELECT a FROM t", 3, 3, 3),
        (b"\n Select 1", 1, 1, 1),
        (b"WITH a AS (SELECT 1) SELECT * FROM a", 1, 1, 1),
        (b"(SELECT 1) UNION (SELECT 2) LIMIT 1", 1, 1, 1),
        (b" show tables", 0, 0, 0),
        (b"DESC t", 4, 4, 4),
        (b"TABLE t", 4, 4, 7),
        (b"VALUES ROW(1)", 4, 4, 7),
        (b"EXPLAIN SELECT 1", 1, 7, 0),
        (b"CALL p()", 2, None, None),
        (b"EXECUTE s", 2, None, None),
        (b"CHECK TABLE t", 2, 7, 7),
        (b"INSERT INTO t VALUES (1)", None, 7, 7),
        (b"COMMIT", None, 7, 7),
        (b"DO 1", None, 1, 7),
        (b"SELECT 1 INTO @a", None, None, None),
        (b"CALL p()", None, None, None),
        (b"INSERT INTO t\nSELECT 1", None, None, None),
        (b"UPDATE t SET a = 1", None, None, 7),
        (b"CREATE TABLE t SELECT 1", None, 7, None),
        (b"SET @a = (SELECT 1)", None, 7, None),
    ],
)
def test_what_found_rows_gives_after_a_statement(text, rows, mysql, mariadb):
    """The rows that it gave, the number before, or one that only the server knows."""
    for is_mariadb, found in ((False, mysql), (True, mariadb)):
        known = Leftovers(found_rows=7)
        assert known.count_found_rows(text, rows, mariadb=is_mariadb) is (found != 7)
        assert known.found_rows == found


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        (b"SELECT 1 INTO @a", True),
        (b" (select 1)", True),
        (b"WITH a AS (SELECT 1) SELECT * FROM a", True),
        (b"CALL p()", True),
        (b"execute s", True),
        (b"SELECTED", False),
        (b"UPDATE t SET a = 1", False),
        (b"SHOW TABLES", False),
        (b"", False),
    ],
)
def test_who_selected_may_ask_how_many(text, worth):
    """After anything else hardly anybody wants to know."""
    assert is_worth_asking(text) is worth


@pytest.mark.parametrize("mysql", [True, False])
def test_an_error_of_ours_is_remembered_like_the_servers(mysql):
    """MySQL repeats its warning count in answers that no statement is behind."""
    left = Leftovers(row_count=5, found_rows=7)
    reply = unknown_statement(3, "EXECUTE")
    left.refuse(reply, count=2, mysql=mysql)
    assert (left.row_count, left.found_rows, left.warnings, left.errors) == (-1, 7, 2, 1)
    assert left.told == int(mysql)
    assert (left.sqlstate, left.refusal) == (reply.sqlstate, reply)
