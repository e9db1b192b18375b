"""Tests of `proxy.session.conditions`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.conditions import SQLSTATES, Conditions, binary_row
from proxy.vocabulary import ServerKind
from proxy.wire.primitives import lenenc_bytes

MYSQL, MARIADB = ServerKind.MYSQL, ServerKind.MARIADB


def row(level: bytes, code: bytes, message: bytes) -> bytes:
    return b"".join(map(lenenc_bytes, (level, code, message)))


WARNING = row(b"Warning", b"1365", b"Division by 0")
NOTE = row(b"Note", b"1051", b"Unknown table 'shop.t'")
ERROR = row(b"Error", b"1064", b"You have an error")


def kept(*rows: bytes) -> Conditions:
    return Conditions((b"\x03",), rows)


def test_errors_are_those_rows_that_say_so():
    """SHOW ERRORS gives no warnings and no notes, and keeps the order."""
    assert kept(WARNING, ERROR, NOTE, ERROR).errors == (ERROR, ERROR)
    assert kept(WARNING, NOTE).errors == ()


def test_messages_stay_out_of_logs():
    """What warnings say may be data: a repr has none of it."""
    assert "Division" not in repr(kept(WARNING))


@pytest.mark.parametrize(("kind", "origin"), [(MYSQL, b"ISO 9075"), (MARIADB, b"")])
def test_a_condition_of_the_server_is_told_in_full(kind, origin):
    """All items of a usual warning are known; those that SIGNAL fills are empty."""
    items = kept(NOTE, WARNING).items(2, kind, "")
    assert items["MYSQL_ERRNO"] == 1365
    assert items["MESSAGE_TEXT"] == b"Division by 0"
    assert items["RETURNED_SQLSTATE"] == b"22012"
    assert items["CLASS_ORIGIN"] == items["SUBCLASS_ORIGIN"] == origin
    assert items["TABLE_NAME"] == items["CONSTRAINT_NAME"] == b""
    assert len(items) == 13


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_a_condition_that_is_not_there_has_no_items(number):
    """They are numbered from 1 on."""
    assert kept(WARNING, ERROR).items(number, MYSQL, "") == {}


@pytest.mark.parametrize("payload", [b"", b"\x05ab", b"\x01a\x011", WARNING + b"\x01a"])
def test_a_row_of_another_form_has_no_items(payload):
    """SHOW WARNINGS gives three columns; what has others is not read."""
    assert kept(payload).items(1, MYSQL, "") == {}


@pytest.mark.parametrize(
    ("rows", "number", "last_error", "state"),
    [
        ((WARNING, row(b"Error", b"9999", b"x")), 2, "42Z99", b"42Z99"),
        ((ERROR,), 1, "", b"42000"),
        ((ERROR, WARNING), 1, "42Z99", b"42000"),
        ((row(b"Error", b"9999", b"x"), ERROR), 1, "42000", None),
        ((WARNING,), 1, "42000", b"22012"),
        ((row(b"Warning", b"9999", b"x"),), 1, "", None),
    ],
)
def test_the_sqlstate_is_the_errs_or_that_of_a_usual_code(rows, number, last_error, state):
    """The ERR packet is that of the last condition; a code nobody knows has no state."""
    items = kept(*rows).items(number, MYSQL, last_error)
    assert items.get("RETURNED_SQLSTATE") == state
    assert ("CLASS_ORIGIN" in items) is (state is not None)


def test_what_a_signal_filled_in_is_not_known():
    """SQLSTATE 45000 is that of SIGNAL, which may name tables and constraints."""
    items = kept(row(b"Error", b"1644", b"no")).items(1, MYSQL, "45000")
    assert items["RETURNED_SQLSTATE"] == b"45000"
    assert "TABLE_NAME" not in items


def test_a_message_that_is_not_ascii_is_not_known():
    """Its bytes are in the charset of the session's results."""
    items = kept(row(b"Warning", b"1365", b"\xe4")).items(1, MYSQL, "")
    assert "MESSAGE_TEXT" not in items
    assert items["MYSQL_ERRNO"] == 1365


def test_usual_sqlstates_have_five_characters():
    """Only letters and digits, as the standard has it."""
    assert {len(state) for state in SQLSTATES.values()} == {5}
    assert all(state.isalnum() for state in SQLSTATES.values())


@given(
    st.sampled_from([b"Note", b"Warning", b"Error"]),
    st.integers(0, 65535),
    st.binary(max_size=600),
)
def test_a_binary_row_has_the_code_in_four_bytes(level, code, message):
    """Level and message stay as they are, behind a header and a bitmap without a NULL."""
    expected = b"\0\0" + lenenc_bytes(level) + code.to_bytes(4, "little")
    assert binary_row(row(level, b"%d" % code, message)) == expected + lenenc_bytes(message)
