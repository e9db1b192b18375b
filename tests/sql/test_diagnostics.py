"""Tests of `proxy.sql.diagnostics`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.diagnostics import OF_STATEMENT, Wanted, assigned, read_diagnostics
from proxy.sql.dialect import Dialect

PLAIN = Dialect()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GET DIAGNOSTICS @n = NUMBER", Wanted(0, (("@n", "NUMBER"),))),
        (
            "get current diagnostics @N = number, @r = Row_Count;",
            Wanted(0, (("@n", "NUMBER"), ("@r", "ROW_COUNT"))),
        ),
        (
            "GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT",
            Wanted(1, (("@a", "MESSAGE_TEXT"),)),
        ),
        (
            "GET CURRENT DIAGNOSTICS CONDITION 12 @a.b$c_1 = MYSQL_ERRNO, @b=RETURNED_SQLSTATE",
            Wanted(12, (("@a.b$c_1", "MYSQL_ERRNO"), ("@b", "RETURNED_SQLSTATE"))),
        ),
        (
            "/* a */ GET DIAGNOSTICS # b\n CONDITION 0 @a = NUMBER ; ;",
            Wanted(0, (("@a", "NUMBER"),)),
        ),
    ],
)
def test_a_text_tells_which_variables_get_which_items(text, wanted):
    """Words in any case, comments, and semicolons behind it do not matter."""
    assert read_diagnostics(text.encode(), PLAIN) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "SELECT 1",
        "GET",
        "GET DIAGNOSTICS",
        "GET DIAGNOSTICSX @n = NUMBER",
        "GET STACKED DIAGNOSTICS @n = NUMBER",
        "GET DIAGNOSTICS CONDITION",
        "GET DIAGNOSTICS CONDITION 1",
        "GET DIAGNOSTICS CONDITION @i @a = MESSAGE_TEXT",
        "GET DIAGNOSTICS CONDITION 1.5 @a = MESSAGE_TEXT",
        "GET DIAGNOSTICS n = NUMBER",
        "GET DIAGNOSTICS @`a b` = NUMBER",
        "GET DIAGNOSTICS @ä = NUMBER",
        "GET DIAGNOSTICS @ = NUMBER",
        "GET DIAGNOSTICS @n := NUMBER",
        "GET DIAGNOSTICS @n = MESSAGE_TEXT",
        "GET DIAGNOSTICS @n = NUMBER,",
        "GET DIAGNOSTICS @n = NUMBER @r = ROW_COUNT",
        "GET DIAGNOSTICS @n = NUMBER, @r",
        "GET DIAGNOSTICS @n = NUMBER; SELECT 1",
        "GET DIAGNOSTICS @n = 'NUMBER",
        "GET DIAGNOSTICS /*!50000 @n = */ NUMBER",
    ],
)
def test_what_is_not_plain_is_left_to_the_server(text):
    """Other statements, other forms of this one, and what nobody can read."""
    assert read_diagnostics(text.encode(), PLAIN) is None


def test_the_statement_has_two_items():
    """All others are of a condition, which has to be named."""
    assert {"NUMBER", "ROW_COUNT"} == OF_STATEMENT


def test_an_assignment_gives_the_variables_their_items():
    """Numbers with the sign and texts with the charset (utf8mb3) that servers give them."""
    wanted = Wanted(1, (("@e", "MYSQL_ERRNO"), ("@m", "MESSAGE_TEXT"), ("@c", "CURSOR_NAME")))
    values = {"MYSQL_ERRNO": 1146, "MESSAGE_TEXT": b"it's", "CURSOR_NAME": b"", "OTHER": 1}
    assert assigned(wanted, values) == (
        b"SET @e = CAST(1146 AS UNSIGNED), "
        b"@m = CONCAT(LEFT(VERSION(), 0), _utf8mb4 x'69742773'), "
        b"@c = CONCAT(LEFT(VERSION(), 0), _utf8mb4 x'')"
    )
    counts = Wanted(0, (("@r", "ROW_COUNT"), ("@n", "NUMBER")))
    assert assigned(counts, {"ROW_COUNT": -1, "NUMBER": 0}) == (
        b"SET @r = CAST(-1 AS SIGNED), @n = CAST(0 AS UNSIGNED)"
    )


def test_an_item_that_nobody_knows_is_not_made_up():
    """One missing value of several, and there is no assignment at all."""
    wanted = Wanted(1, (("@e", "MYSQL_ERRNO"), ("@m", "MESSAGE_TEXT")))
    assert assigned(wanted, {"MYSQL_ERRNO": 1146}) is None
    assert assigned(wanted, {}) is None


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_any_bytes_are_read_or_not(text, ansi, plain):
    """No text raises; what is read names a variable and an item at least."""
    dialect = Dialect(ansi_quotes=ansi, no_backslash_escapes=plain)
    for head in (b"", b"GET DIAGNOSTICS ", b"GET DIAGNOSTICS CONDITION 1 @a = "):
        found = read_diagnostics(head + text, dialect)
        assert found is None or found.items


@given(st.binary(max_size=40))
def test_no_text_can_end_the_string_that_it_stands_in(message):
    """Whatever a warning says comes out as letters and digits between two quotes."""
    said = assigned(Wanted(1, (("@m", "MESSAGE_TEXT"),)), {"MESSAGE_TEXT": message})
    assert said is not None
    assert said.count(b"'") == 2
    assert said.split(b"'")[1] == message.hex().encode()
