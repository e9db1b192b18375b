"""Tests of `proxy.session.repeating`."""

from __future__ import annotations

import pytest

from proxy.session.repeating import is_repeatable, only_rolls_back
from proxy.sql.classify import classify
from proxy.sql.dialect import Dialect

MARIADB = Dialect(mariadb=True, version=101100)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "SELECT * FROM t FOR UPDATE",
        "SELECT 1; SELECT 2",
        "SHOW TABLES",
        "SHOW WARNINGS",
        "EXPLAIN DELETE FROM t",
        "SET NAMES utf8mb4",
        "SET autocommit = 0, time_zone = '+00:00'",
        "SET TRANSACTION READ ONLY",
        "USE shop",
        "BEGIN",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        "COMMIT",
        "ROLLBACK WORK",
    ],
)
@pytest.mark.parametrize("dialect", [Dialect(), MARIADB], ids=["MySQL", "MariaDB"])
def test_what_leaves_nothing_behind_may_run_again(text, dialect):
    """It reads, or does something to its connection alone."""
    assert is_repeatable(classify(text.encode(), dialect))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (1) RETURNING a",
        "SELECT 1; DELETE FROM t",
        "SELECT 1 INTO @a",
        "SELECT 1 INTO OUTFILE '/tmp/a'",
        "SELECT @a := 1",
        "SELECT f()",
        "SELECT shop.f(1)",
        "SELECT GET_LOCK('a', 1)",
        "SELECT RELEASE_LOCK('a')",
        "SELECT NEXTVAL(s)",
        "SELECT LAST_INSERT_ID(7)",
        "EXPLAIN ANALYZE SELECT 1",
        "ANALYZE TABLE t",
        "COMMIT AND CHAIN",
        "ROLLBACK RELEASE",
        "BEGIN; COMMIT",
        "CALL p()",
        "DO SLEEP(1)",
        "SET GLOBAL max_connections = 7",
        "SET PASSWORD = 'x'",
        "SET @a = 1",
        "SET NAMES utf8mb4; DELETE FROM t",
        "SET time_zone = f()",
        "SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (1)",
        "SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (@a := 1)",
        "START REPLICA",
        "XA START 'a'",
    ],
)
@pytest.mark.parametrize("dialect", [Dialect(), MARIADB], ids=["MySQL", "MariaDB"])
def test_what_may_do_something_twice_does_not_run_again(text, dialect):
    """Rows, locks, variables, numbers, and whatever a routine does."""
    assert not is_repeatable(classify(text.encode(), dialect))


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("ROLLBACK", True),
        ("ROLLBACK WORK AND CHAIN", True),
        ("COMMIT", False),
        ("ROLLBACK; COMMIT", False),
        ("ROLLBACK TO a", False),
        ("SELECT 1", False),
        ("XA ROLLBACK 'a'", False),
    ],
)
def test_a_rollback_is_done_by_the_loss_of_the_connection(text, only):
    """A COMMIT is not, and of several statements nobody knows."""
    assert only_rolls_back(classify(text.encode())) is only
