"""Tests of `proxy.wire.patch`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.framing import encode
from proxy.wire.patch import Patch, patched
from proxy.wire.primitives import lenenc_bytes


def row(*values: bytes | None) -> bytes:
    return b"".join(b"\xfb" if value is None else lenenc_bytes(value) for value in values)


VALUES = st.lists(st.none() | st.binary(max_size=300), min_size=1, max_size=5)


@given(VALUES, st.integers(0, 255), st.integers(-1, 1 << 63), st.data())
def test_one_value_gives_way_to_a_number(values, sequence, number, data):
    """The others stay, NULL or not, and the packet keeps its place in the answer."""
    column = data.draw(st.integers(0, len(values) - 1))
    changed = [*values]
    changed[column] = b"%d" % number
    assert patched(encode(row(*values), sequence), [Patch(column, number)]) == encode(
        row(*changed), sequence
    )


def test_several_values_may_give_way():
    """SELECT ROW_COUNT(), FOUND_ROWS() asks for two numbers at once."""
    patches = [Patch(1, -1), Patch(0, 5)]
    assert patched(encode(row(b"0", b"0", b"c"), 3), patches) == encode(
        row(b"5", b"-1", b"c"), 3
    )


@pytest.mark.parametrize("payload", [b"\x05ab", b"\x01a"])
def test_a_row_of_another_form_stays_as_it_is(payload):
    """One that cannot be read, and one that has no such column."""
    assert patched(encode(payload, 3), [Patch(7, 5)]) == encode(payload, 3)


@given(st.binary(max_size=40))
def test_any_bytes_stay_a_packet(payload):
    """Whatever a server sends as a row, what goes on has the length that it says."""
    packet = patched(encode(payload, 3), [Patch(0, 5)])
    assert int.from_bytes(packet[:3], "little") == len(packet) - 4


def test_numbers_of_a_binary_row_are_changed_in_place():
    """A row of LONGLONG columns: eight bytes each behind the NULL bitmap."""
    before = b"\0\0" + b"\1" * 8 + b"\2" * 8
    after = b"\0\0" + b"\1" * 8 + (-1).to_bytes(8, "little", signed=True)
    assert patched(encode(before, 2), [Patch(1, -1, 2)]) == encode(after, 2)
    assert patched(encode(b"\0\0" + b"\1" * 4, 2), [Patch(0, 7, 1)]) == encode(
        b"\0\0" + b"\1" * 4, 2
    )
