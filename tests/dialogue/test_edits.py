"""Tests of `proxy.dialogue.edits`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.dialogue.edits import edited


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))))
def test_edits_change_what_they_name_and_nothing_else(parts):
    """Each says from where to where, and what stands there instead, of any length."""
    chunk, expected, edits = b"", b"", []
    for kept, old, new in parts:
        start = len(chunk) + len(kept)
        edits.append((start, start + len(old), new))
        chunk += kept + old
        expected += kept + new
    assert edited(chunk + b"rest", edits) == expected + b"rest"


def test_a_chunk_without_edits_stays():
    """Nothing is lost where nothing changes."""
    assert edited(b"abc", []) == b"abc"
    assert edited(b"", []) == b""
