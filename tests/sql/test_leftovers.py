"""Tests of `proxy.sql.leftovers`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.dialect import Dialect
from proxy.sql.leftovers import (
    READ_LIMIT_BYTES,
    Conditions,
    Item,
    Items,
    read_leftovers,
    with_numbers,
)

PLAIN = Dialect()
ROWS, FOUND = Item.ROW_COUNT, Item.FOUND_ROWS


@pytest.mark.parametrize(
    ("text", "columns", "size"),
    [
        ("SELECT ROW_COUNT()", ((0, ROWS),), 1),
        ("select found_rows ( ) ;", ((0, FOUND),), 1),
        ("/* a */ SELECT /*+ b */ FOUND_ROWS() AS n # end", ((0, FOUND),), 1),
        ("SELECT 1, ROW_COUNT() `n`, 'a,b', (2, 3), Connection_Id() 'x'", None, 5),
        ("SELECT @@warning_count, @@session.error_count e", None, 2),
        ("SELECT DISTINCT @@LOCAL.warning_count", ((0, Item.WARNING_COUNT),), 1),
        ("SELECT 1", (), 1),
        ("SELECT t.ROW_COUNT(), @ROW_COUNT(), 'ROW_COUNT()'", (), 3),
        ("SELECT @@global.error_count, @@session.warning_countx, @@", (), 3),
    ],
)
def test_columns_that_are_such_numbers(text, columns, size):
    """A column may have a name; a name, a string or a comment that looks like one is none."""
    found = read_leftovers(text.encode(), PLAIN)
    assert isinstance(found, Items)
    assert found.size == size
    assert not found.mixed
    if columns is not None:
        assert found.columns == columns
    else:
        assert len(found.columns) == 2


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ROW_COUNT() + 1",
        "SELECT ROW_COUNT(), -ROW_COUNT()",
        "SELECT IF(FOUND_ROWS() > 3, 1, 2)",
        "SELECT ROW_COUNT() IS NULL",
        "SELECT ROW_COUNT() AS a b",
    ],
)
def test_numbers_inside_of_expressions(text):
    """They are told, for no column can be changed afterwards."""
    found = read_leftovers(text.encode(), PLAIN)
    assert isinstance(found, Items)
    assert found.mixed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "DO ROW_COUNT()",
        "SELECT ROW_COUNT() FROM t",
        "SELECT ROW_COUNT() UNION SELECT 1",
        "SELECT ROW_COUNT(); SELECT 2",
        "SELECT (SELECT 1; 2)",
        "SELECT *, 1",
        "SELECT /*!50000 ROW_COUNT()*/",
        "SHOW WARNINGS LIMIT a",
        "SHOW WARNINGS WHERE 1",
        "SHOW COUNT(*) WARNINGS LIMIT 1",
        "SHOW TABLES",
        "SELECT '" + "x" * READ_LIMIT_BYTES + "'",
    ],
)
def test_what_is_not_understood_is_nothing(text):
    """More rows than one, several statements, executable comments, other statements."""
    found = read_leftovers(text.encode(), PLAIN)
    assert found is None or found == Items((), 1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SHOW WARNINGS", Conditions()),
        ("show errors;", Conditions(errors=True)),
        ("SHOW WARNINGS LIMIT 3", Conditions(limit=3)),
        ("SHOW WARNINGS LIMIT 2, 3", Conditions(offset=2, limit=3)),
        ("SHOW ERRORS LIMIT 3 OFFSET 2", Conditions(errors=True, offset=2, limit=3)),
        ("SHOW COUNT(*) WARNINGS", Conditions(count=True)),
        ("SHOW COUNT( * ) ERRORS", Conditions(errors=True, count=True)),
    ],
)
def test_conditions(text, wanted):
    """Both statements, in all their forms."""
    assert read_leftovers(text.encode(), PLAIN) == wanted


def test_quotes_are_read_by_the_dialect():
    """With ANSI_QUOTES `"` quotes a name, with NO_BACKSLASH_ESCAPES a backslash is a letter."""
    text = rb"SELECT 'a\', ROW_COUNT(), 'b'"
    plain = read_leftovers(text, Dialect(no_backslash_escapes=True))
    assert plain == Items(((1, ROWS),), 3)
    assert with_numbers(text, PLAIN, {ROWS: 1}) is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (
            "INSERT INTO t VALUES (ROW_COUNT(), 'ROW_COUNT()')",
            "INSERT INTO t VALUES ((5), 'ROW_COUNT()')",
        ),
        ("SET @a = -FOUND_ROWS()", "SET @a = -(7)"),
        ("SELECT row_count ( ) + found_rows()", "SELECT (5) + (7)"),
        ("DO @@warning_count", None),
        ("DO 1", None),
        ("DO '" + "x" * READ_LIMIT_BYTES + "', ROW_COUNT()", None),
    ],
)
def test_numbers_take_the_place_of_what_asks_for_them(text, written):
    """Strings and comments stay; None says that nothing was found."""
    found = with_numbers(text.encode(), PLAIN, {ROWS: 5, FOUND: 7})
    assert found == (None if written is None else written.encode())


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_any_bytes_are_read(text, ansi, plain):
    """No text raises, and one without such numbers is never changed."""
    dialect = Dialect(ansi_quotes=ansi, no_backslash_escapes=plain)
    read_leftovers(b"SELECT " + text, dialect)
    read_leftovers(b"SHOW " + text, dialect)
    assert with_numbers(text, dialect, {}) is None
