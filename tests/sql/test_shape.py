"""Tests of `proxy.sql.shape`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect
from proxy.sql.functions import BUILT_IN, KEYWORDS, TIGHT
from proxy.sql.plain import read_plain
from proxy.sql.shape import shape

PIECES = (
    *(
        "select ",
        "update t set a",
        "insert into t1 values (",
        "into ",
        "1x1f",
        "0x1f",
        "7",
        "70",
    ),
    *("1.5", ".5", "1e7", "1(", "sha1(", "sha9(", "get_lock(", "@1", "b'01'", "'1", '"1', "`1"),
    *(
        "'",
        '"',
        "`",
        "\\",
        "/*!50000 ",
        "/*",
        "*/",
        "--",
        "-- ",
        "#",
        "\n",
        " ",
        "(",
        ")",
        ",",
        "=",
    ),
    *("atan2(", "log10(x)", "md5 (", "crc32", "0b1", "1e", "e1", "1..2", "12345", "7(", "x77("),
    *("\xe97", "7\xe9", "$7", "7$", "\0", "t1", "t1.2", "2.t", ";"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.booleans(), st.booleans())
def test_what_has_a_plain_shape_is_plain(pieces, ansi, literally):
    """What is known of one text may be told of all others of its shape."""
    dialect = Dialect(ansi_quotes=ansi, no_backslash_escapes=literally)
    for start in ("", "SELECT "):
        text = (start + "".join(pieces)).encode("latin-1")
        assert read_plain(shape(text), dialect) in (None, read_plain(text, dialect))


def test_no_function_or_word_that_matters_is_made_of_other_digits():
    """Else the name of a function that somebody loaded could pass for it."""
    names = frozenset(KEYWORDS).union(*BUILT_IN, *TIGHT)
    assert not [name for name in names if "7" in name]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"SELECT c FROM t1 WHERE id = 5034", b"SELECT c FROM t7 WHERE id = 7"),
        (b"SELECT c FROM t2 WHERE id = 1", b"SELECT c FROM t7 WHERE id = 7"),
        (b"SELECT 12, 123456789", b"SELECT 7, 7"),
        (b"INSERT INTO t VALUES (1.25, 'a9', NULL)", b"INSERT INTO t VALUES (7.7, 'a7', NULL)"),
    ],
)
def test_numbers_are_alike(text, found):
    """However long they are, up to eight digits, and some of those that are longer."""
    assert shape(text) == found
    assert read_plain(found, DEFAULT_DIALECT) is read_plain(text, DEFAULT_DIALECT) is not None
