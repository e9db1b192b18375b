"""Tests of `proxy.dialogue.rows`; in answers, of `test_exchange_rows`."""

from __future__ import annotations

from proxy.dialogue.rows import PATCHED_BYTES, Rows
from proxy.wire.constants import MAX_PACKET
from proxy.wire.framing import encode
from proxy.wire.patch import Patch
from proxy.wire.responses import Eof, Ok

ROW = encode(b"\x01a", 4)
EOF = encode(Eof().encode(), 5)


def begun(patches: tuple[Patch, ...] = ()) -> Rows:
    rows = Rows()
    rows.begin(patches)
    return rows


def test_rows_are_counted_up_to_what_ends_them():
    """The end is found in the next step, when all of it may have come."""
    rows = begun()
    data = ROW * 3 + EOF
    assert rows.follow(data, 0, 9, []) == (3 * len(ROW), False)
    assert rows.follow(data, 3 * len(ROW), 9, []) == (3 * len(ROW), True)
    assert rows.counted == 3
    assert repr(rows) == "<Rows 3>"


def test_a_header_cut_in_two_needs_more():
    """Nothing is said of a packet whose first byte is not there."""
    assert begun().follow(ROW[:3], 0, 9, []) == (-1, False)
    assert begun((Patch(0, 1),)).follow(ROW[:4], 0, 9, []) == (-1, False)


def test_a_row_is_patched_when_all_of_it_is_there():
    """Until then it is held back."""
    edits: list[tuple[int, int, bytes]] = []
    rows = begun((Patch(0, 12),))
    assert rows.follow(ROW[:-1], 0, 9, edits) == (-1, False)
    assert rows.follow(ROW, 0, 9, edits) == (len(ROW), False)
    assert edits == [(0, len(ROW), encode(b"\x0212", 4))]
    assert rows.patches == ()


def test_a_row_of_megabytes_is_not_patched():
    """It goes on at once."""
    edits: list[tuple[int, int, bytes]] = []
    rows = begun((Patch(0, 12),))
    header = (PATCHED_BYTES + 1).to_bytes(3, "little") + b"\x04\x01"
    assert rows.follow(header, 0, MAX_PACKET, edits) == (PATCHED_BYTES + 5, False)
    assert edits == []
    assert rows.counted == 1


def test_an_end_is_not_patched():
    """A result without rows has no first one."""
    end = encode(Ok(header=0xFE).encode(0), 4)
    rows = begun((Patch(0, 12),))
    assert rows.follow(end, 0, MAX_PACKET, []) == (0, True)
    assert rows.counted == 0
