"""Tests of `proxy.sql.digest`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.dialect import Dialect
from proxy.sql.digest import DIGEST_LIMIT, digest


def test_literals_are_replaced():
    """Strings and numbers of every form are question marks."""
    text = b"SELECT 'a''b\\'c', \"d\", 12, 1.5e3, 0xFF FROM t1 WHERE c2 = -7"
    assert digest(text) == "SELECT ?, ?, ?, ?, ? FROM t1 WHERE c2 = -?"


def test_comments_and_blanks_are_left_out():
    """What is not the statement is not in its digest."""
    assert digest(b"SELECT /* who */ 1 -- why\n  # or so\n FROM t") == "SELECT ? FROM t"


def test_a_string_without_an_end_is_a_literal_to_the_end():
    """A text that is cut in a string shows nothing of it."""
    assert digest(b"SET PASSWORD = 'secret and mo") == "SET PASSWORD = ?"


def test_backslashes_and_quoted_names_hide_no_literal():
    """Where a string ends is decided by the dialect; a quote in a name begins none."""
    plain = Dialect(no_backslash_escapes=True)
    assert digest(rb"SELECT 'a\', 'b'", plain) == "SELECT ?, ?"
    assert digest(b"SELECT `it's`, 'b'") == "SELECT `it's`, ?"


@given(st.binary(max_size=3000))
def test_any_bytes_give_a_short_text(text):
    """No text raises, and none is long."""
    assert len(digest(text)) <= DIGEST_LIMIT
