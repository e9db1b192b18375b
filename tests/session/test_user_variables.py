"""Tests of `proxy.session.user_variables`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.user_variables import (
    assignment,
    assignments,
    quoted,
    reading,
    size,
)
from proxy.wire.constants import UNSIGNED, FieldType
from proxy.wire.responses import Column

BINARY = b"binary"
SIGNED = Column(FieldType.LONGLONG, 0x80)
POSITIVE = Column(FieldType.LONGLONG, 0x80 | UNSIGNED)
DECIMAL = Column(FieldType.NEWDECIMAL, 0x80)
DOUBLE = Column(FieldType.DOUBLE, 0x80)
TEXT = Column(FieldType.VAR_STRING, 0)


@pytest.mark.parametrize(
    ("name", "written"), [(b"a", b"@`a`"), (b"a b", b"@`a b`"), (b"`", b"@````")]
)
def test_any_name_can_be_written(name, written):
    """Quoted, with its backticks doubled."""
    assert quoted(name) == written


def test_reading_asks_three_things_of_each_variable():
    """The variable itself for its type, its bytes, and its collation."""
    assert reading([b"a", b"b"]) == [
        b"@`a`",
        b"CAST(@`a` AS BINARY)",
        b"CAST(COLLATION(@`a`) AS BINARY)",
        b"@`b`",
        b"CAST(@`b` AS BINARY)",
        b"CAST(COLLATION(@`b`) AS BINARY)",
    ]
    assert reading([]) == []


@pytest.mark.parametrize(
    ("column", "value", "collation", "said"),
    [
        (SIGNED, b"-5", BINARY, b"@`v` = CAST(-5 AS SIGNED)"),
        (SIGNED, None, BINARY, b"@`v` = CAST(NULL AS SIGNED)"),
        (
            POSITIVE,
            b"18446744073709551615",
            BINARY,
            b"@`v` = CAST(18446744073709551615 AS UNSIGNED)",
        ),
        (POSITIVE, None, BINARY, b"@`v` = CAST(NULL AS UNSIGNED)"),
        (DECIMAL, b"1.50", BINARY, b"@`v` = 1.50"),
        (DECIMAL, b"-7", BINARY, b"@`v` = -7."),
        (DECIMAL, None, BINARY, b"@`v` = CAST(NULL AS DECIMAL)"),
        (Column(FieldType.DECIMAL, 0), b"2.0", BINARY, b"@`v` = 2.0"),
        (DOUBLE, b"0.1", BINARY, b"@`v` = 0.1e0"),
        (DOUBLE, b"1e20", BINARY, b"@`v` = 1e20"),
        (DOUBLE, None, BINARY, b"@`v` = (NULL + 0e0)"),
        (Column(FieldType.FLOAT, 0), b"3", BINARY, b"@`v` = 3e0"),
        (TEXT, b"", BINARY, b"@`v` = x''"),
        (TEXT, b"\x00'\\", BINARY, b"@`v` = x'00275c'"),
        (TEXT, None, BINARY, b"@`v` = x'', @`v` = NULL"),
        (TEXT, b"a", b"utf8mb4_bin", b"@`v` = _utf8mb4 x'61' COLLATE utf8mb4_bin"),
        (
            TEXT,
            None,
            b"latin1_swedish_ci",
            b"@`v` = _latin1 x'' COLLATE latin1_swedish_ci, @`v` = NULL",
        ),
    ],
)
def test_each_type_is_written_so_that_it_comes_back(column, value, collation, said):
    """The type of the column tells it; what tells nothing by itself is cast."""
    assert assignment(b"v", column, value, collation) == said


def test_an_answer_is_taken_apart_by_threes():
    """Three columns for each name; a collation that is NULL is that of bytes."""
    columns = [TEXT, TEXT, TEXT, SIGNED, TEXT, TEXT]
    row = [b"?", b"\xe4", b"latin1_bin", b"1", b"1", None]
    assert assignments([b"a", b"b"], columns, row) == {
        b"a": b"@`a` = _latin1 x'e4' COLLATE latin1_bin",
        b"b": b"@`b` = CAST(1 AS SIGNED)",
    }
    assert assignments([], [], []) == {}


@pytest.mark.parametrize(
    "column", [TEXT, Column(FieldType.LONG_BLOB, 0x80, 1 << 24)], ids=["MySQL", "MariaDB"]
)
def test_a_variable_that_was_never_set_is_left_alone(column):
    """Its column differs from that of a NULL that was set, which is set again."""
    set_to_null = Column(FieldType.LONG_BLOB, 0x80, (1 << 24) - 1)
    columns = [column, TEXT, TEXT, set_to_null, TEXT, TEXT]
    row = [None, None, b"binary", None, None, b"binary"]
    assert assignments([b"a", b"b"], columns, row) == {b"b": b"@`b` = x'', @`b` = NULL"}
    row[:2] = [b"", b""]
    assert [*assignments([b"a", b"b"], columns, row)] == [b"a", b"b"]


def test_what_variables_take_is_what_their_names_and_values_do():
    """A session that carries more than its limit keeps its backend."""
    assert size(()) == 0
    assert size(((b"ab", b"123"), (b"c", b"4567"))) == 10


@given(st.binary(max_size=40), st.none() | st.binary(max_size=40))
def test_no_value_can_end_the_string_that_it_stands_in(name, value):
    """Whatever a client stored comes out as letters and digits between two quotes."""
    said = assignment(name, TEXT, value, b"utf8mb4_bin").replace(quoted(name), b"@")
    assert said.count(b"'") == 2
    assert said.split(b"'")[1] == (value or b"").hex().encode()
