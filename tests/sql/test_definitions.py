"""Tests of `proxy.sql.definitions`."""

import pytest

from proxy.sql import effects
from proxy.sql.definitions import read_alter, read_create, read_drop
from proxy.sql.dialect import Dialect
from proxy.sql.expressions import Reading
from proxy.sql.lexer import lex

READERS = {"CREATE": read_create, "ALTER": read_alter, "DROP": read_drop}
COMMITS = effects.CommitsImplicitly()


def found(text):
    """The effects of one statement."""
    reading = Reading(lex(text.encode(), Dialect()).tokens, mariadb=False)
    READERS[reading.tokens[0]](reading)
    return list(reading.effects)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a INT DEFAULT (UUID()), KEY k(a), b VARCHAR(10))",
        "CREATE OR REPLACE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES IN (1))",
        "CREATE TABLE t (a TEXT, FULLTEXT KEY f(a) WITH PARSER ngram)",
        "CREATE TABLE a.t LIKE u",
        "CREATE UNIQUE INDEX i ON t (a)",
        "CREATE SPATIAL INDEX i ON t (a)",
        "CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x'",
        "CREATE DATABASE IF NOT EXISTS d",
        "CREATE USER 'a'@'b' IDENTIFIED BY 'c'",
        "CREATE ROLE r",
        "CREATE ALGORITHM = MERGE DEFINER = `a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT f()",
        "CREATE DEFINER = CURRENT_USER() PROCEDURE p() SELECT GET_LOCK('a', 1)",
        "CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'x.so'",
        "CREATE DEFINER = a@b TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET @a = 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT GET_LOCK('a', 1)",
        "CREATE UNDO TABLESPACE t ADD DATAFILE 'x'",
        "CREATE SEQUENCE s",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')",
        "CREATE JSON RELATIONAL DUALITY VIEW v AS SELECT 1",
        "ALTER TABLE t ADD COLUMN a INT",
        "ALTER DATABASE d CHARACTER SET utf8mb4",
        "ALTER INSTANCE ROTATE INNODB MASTER KEY",
        "ALTER DEFINER = 'a'@'b' EVENT e DO SELECT GET_LOCK('a', 1)",
        "ALTER EVENT e DISABLE",
        "DROP INDEX i ON t",
        "DROP VIEW IF EXISTS v",
        "DROP PROCEDURE p",
        "DROP TRIGGER t",
        "DROP ROLE r",
    ],
)
def test_definitions_commit_and_do_no_more(text):
    """Most definitions only end the transaction; bodies of views and programs run nothing."""
    assert found(text) == [COMMITS]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TEMPORARY TABLE t (a INT)", [effects.CreatesTemporaryTable("t")]),
        (
            "CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS d.`T` SELECT 1",
            [effects.CreatesTemporaryTable("d.t")],
        ),
        ("CREATE TEMPORARY TABLE", [effects.CreatesTemporaryTable(None)]),
        ("CREATE TEMPORARY SEQUENCE s", [effects.CreatesTemporaryTable("s")]),
    ],
)
def test_temporary_tables(text, expected):
    """A temporary table commits nothing and stays with the connection."""
    assert found(text) == expected


def test_a_table_made_by_a_query():
    """The query runs at once, so its expressions count."""
    assert found("CREATE TABLE t (k(a)) AS SELECT foo(a), @b := 1 FROM u") == [
        COMMITS,
        effects.CallsRoutine("foo", procedure=False),
        effects.WritesUserVariables(("b",)),
    ]
    assert found("CREATE TABLE t WITH c AS (SELECT 1) SELECT foo()") == [
        COMMITS,
        effects.CallsRoutine("foo", procedure=False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE EVENT e ON SCHEDULE AT NOW() + INTERVAL GET_LOCK('a', 1) DAY DO SELECT 1",
        "CREATE INDEX i ON t ((GET_LOCK('a', 1)))",
        "CREATE TABLE t (a INT DEFAULT (GET_LOCK('a', 1)))",
        "ALTER TABLE t ADD COLUMN a INT DEFAULT (GET_LOCK('a', 1))",
        "ALTER EVENT e ON SCHEDULE AT GET_LOCK('a', 1)",
    ],
)
def test_what_a_definition_evaluates_at_once(text):
    """A schedule, and whatever a server might take in columns, is read."""
    assert effects.TakesNamedLock("a") in found(text)


def test_accounts():
    """Altering or dropping users may concern the pool's own account."""
    assert found("ALTER USER a@b IDENTIFIED BY 'c'") == [COMMITS, effects.ChangesAccount()]
    assert found("DROP USER a@b") == [effects.ChangesAccount(), COMMITS]


@pytest.mark.parametrize(
    ("text", "names", "temporary"),
    [
        ("DROP TABLE t", ("t",), False),
        ("DROP TABLES IF EXISTS t, d.u CASCADE", ("t", "d.u"), False),
        ("DROP TEMPORARY TABLE IF EXISTS `T`", ("t",), True),
        ("DROP TEMPORARY TABLE t, u", ("t", "u"), True),
        ("DROP SEQUENCE s", ("s",), False),
        ("DROP TABLE", ("",), False),
    ],
)
def test_dropped_tables(text, names, temporary):
    """A dropped table may be a temporary one, and is nothing else when the text says so."""
    expected = [effects.DropsTables(names, temporary)]
    assert found(text) == (expected if temporary else [*expected, COMMITS])


def test_dropped_schemas():
    """A dropped schema may have been the session's."""
    assert found("DROP DATABASE IF EXISTS D") == [effects.DropsSchema("d"), COMMITS]
    assert found("DROP SCHEMA") == [effects.DropsSchema(""), COMMITS]


def test_a_prepared_statement_can_be_dropped():
    """DROP PREPARE is DEALLOCATE PREPARE."""
    assert found("DROP PREPARE S") == [effects.DeallocatesText("s")]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE",
        "CREATE THING x",
        "CREATE DEFINER",
        "CREATE DEFINER =",
        "CREATE PREPARE p",
        "CREATE x TABLE t",
        "ALTER",
        "ALTER THING x",
        "ALTER PREPARE p",
        "DROP",
        "DROP THING x",
        "DROP INSTANCE x",
    ],
)
def test_what_is_not_known_is_opaque(text):
    """A definition of something new may do anything."""
    (effect,) = found(text)
    assert isinstance(effect, effects.Opaque)
