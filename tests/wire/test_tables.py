import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.constants import Capability, FieldType, Status
from proxy.wire.responses import (
    Column,
    Eof,
    Ok,
    parse_column,
    parse_column_count,
    parse_column_names,
    parse_eof,
    parse_ok,
    parse_text_row,
)
from proxy.wire.tables import Kind, TableColumn, encode_end, encode_row, encode_table

DEPRECATE_EOF = int(Capability.DEPRECATE_EOF)
AUTOCOMMIT = int(Status.AUTOCOMMIT)

# SELECT 1 AS number, sent by MySQL 8.4 without a table: all but the flags, which say NOT NULL.
NUMBER = bytes.fromhex(
    "03 64 65 66 00 00 00 06 6e 75 6d 62 65 72 06 6e 75 6d 62 65 72"
    "0c 3f 00 14 00 00 00 08 80 00 00 00 00"
)


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (Kind.TEXT, Column(FieldType.VAR_STRING, 0, 65_535)),
        (Kind.WHOLE, Column(FieldType.LONGLONG, 0x80, 20)),
        (Kind.FRACTION, Column(FieldType.DOUBLE, 0x80, 22)),
    ],
)
def test_a_column_says_what_its_values_are(kind, column):
    """Numbers are numbers to a client, and text is text."""
    payload = TableColumn("number", kind).encode()
    assert parse_column(payload) == column
    assert parse_column_names(payload) == (b"", b"number")


def test_a_column_is_as_the_manual_lays_it_out():
    """Six texts, then twelve bytes behind their length."""
    assert TableColumn("number", Kind.WHOLE).encode() == NUMBER


@given(st.lists(st.none() | st.text() | st.integers()))
def test_a_row_holds_its_values(values):
    """What a client reads is what was written; None is NULL."""
    expected = tuple(
        None if value is None else str(value).encode("utf-8", "replace") for value in values
    )
    assert parse_text_row(encode_row(values)) == expected


def test_numbers_are_written_as_servers_do():
    """Whole numbers have no point, fractions have one, and true is 1."""
    assert parse_text_row(encode_row([3, 0.25, 1.0, True, False])) == (
        b"3",
        b"0.25",
        b"1.0",
        b"1",
        b"0",
    )


def test_what_is_no_utf8_is_shown_with_question_marks():
    """A name of bytes that mean nothing does not break the answer."""
    assert parse_text_row(encode_row(["a\udcff"])) == (b"a?",)


@pytest.mark.parametrize("capabilities", [0, DEPRECATE_EOF])
def test_a_table_is_a_whole_result(capabilities):
    """Count, definitions, rows and end; with EOF packets where the client knows no others."""
    columns = (TableColumn("name"), TableColumn("number", Kind.WHOLE))
    written = [encode_row(row) for row in (("a", 1), ("b", None))]
    count, *rest = encode_table(columns, written, capabilities, AUTOCOMMIT)
    assert parse_column_count(count) == 2
    assert [parse_column_names(one)[1] for one in rest[:2]] == [b"name", b"number"]
    *rows, end = rest[2:] if capabilities else rest[3:]
    assert [parse_text_row(row) for row in rows] == [(b"a", b"1"), (b"b", None)]
    assert end == encode_end(capabilities, AUTOCOMMIT)
    if not capabilities:
        assert rest[2] == end


def test_a_table_without_rows_is_a_result_too():
    """An empty set has its columns and its end."""
    payloads = encode_table([TableColumn("name")], [], DEPRECATE_EOF, AUTOCOMMIT)
    assert len(payloads) == 3


def test_the_end_has_the_status():
    """By either packet."""
    assert parse_eof(encode_end(0, AUTOCOMMIT)) == Eof(0, AUTOCOMMIT)
    end = parse_ok(encode_end(DEPRECATE_EOF, AUTOCOMMIT), DEPRECATE_EOF)
    assert end == Ok(status=AUTOCOMMIT, header=0xFE)
