"""Tests of `proxy.session.leftovers`."""

from __future__ import annotations

import pytest

from proxy.session.conditions import Conditions
from proxy.session.leftovers import LIMIT_BYTES, Leftovers
from proxy.wire.primitives import lenenc_bytes


def row(level: bytes, code: bytes, message: bytes) -> bytes:
    return b"".join(map(lenenc_bytes, (level, code, message)))


WARNING = row(b"Warning", b"1365", b"Division by 0")
NOTE = row(b"Note", b"1051", b"Unknown table 'shop.t'")
ERROR = row(b"Error", b"1064", b"You have an error")


def test_a_new_session_has_what_servers_give_after_a_login():
    """ROW_COUNT() is 0, FOUND_ROWS() is 1 when nothing was selected yet, and no warnings."""
    left = Leftovers()
    assert (left.row_count, left.found_rows, left.warnings, left.errors) == (0, 1, 0, 0)
    assert left.conditions is None


def test_errors_are_those_rows_that_say_so():
    """SHOW ERRORS gives no warnings and no notes, and keeps the order."""
    kept = Conditions((b"\x03",), (WARNING, ERROR, NOTE, ERROR))
    assert kept.errors == (ERROR, ERROR)
    assert Conditions((b"\x03",), (WARNING, NOTE)).errors == ()


def test_messages_stay_out_of_logs():
    """What warnings say may be data: a repr has none of it."""
    assert "Division" not in repr(Conditions((b"\x03",), (WARNING,)))


def test_a_limit_is_there_that_a_thousand_clients_can_all_reach():
    """64 warnings of full length, the default of max_error_count, fit in it."""
    longest = row(b"Warning", b"1366", b"m" * 512)
    assert 64 * (len(longest) + 4) < LIMIT_BYTES
    assert LIMIT_BYTES * 1000 <= 1 << 26


@pytest.mark.parametrize(
    ("text", "rows", "found"),
    [
        (b"SELECT a FROM t", 3, 3),
        (b" show tables", 0, 0),
        (b"EXPLAIN SELECT 1", 1, None),
        (b"(SELECT 1) UNION (SELECT 2) LIMIT 1", 1, None),
        (b"INSERT INTO t VALUES (1)", None, 7),
        (b"COMMIT", None, 7),
        (b"INSERT INTO t\nSELECT 1", None, None),
        (b"UPDATE t SET a = 1", None, None),
    ],
)
def test_what_found_rows_gives_after_a_statement(text, rows, found):
    """The rows of a SELECT or SHOW; the number before, or one that only the server knows."""
    known = Leftovers(found_rows=7)
    assert known.count_found_rows(text, rows) is (found != 7)
    assert known.found_rows == found
