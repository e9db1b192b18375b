import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire import scan
from proxy.wire.constants import MAX_PACKET
from proxy.wire.framing import encode
from proxy.wire.scan import skip_packets, skip_rows

EOF_END = 9
FULL = 12
"""A full packet's length in the tests of split payloads."""


def naive_packets(data, position, count, full):
    """Do the same as skip_packets, one field at a time."""
    while count > 0:
        if len(data) - position < 5:
            break
        length = data[position] + data[position + 1] * 256 + data[position + 2] * 65536
        position = position + 4 + length
        count -= length != full
    return position, count


def naive_rows(data, position, longest_end, full):
    """Do the same as skip_rows, one field at a time."""
    rows = 0
    while len(data) - position >= 5:
        length = data[position] + data[position + 1] * 256 + data[position + 2] * 65536
        first = data[position + 4]
        is_error = first == 0xFF
        is_end = first == 0xFE and length < longest_end
        if is_error or is_end:
            return position, True, rows
        if length == full:
            break
        position = position + 4 + length
        rows += 1
    return position, False, rows


# Payloads that begin like rows, ends and errors, and streams of nothing but bytes.
payloads = st.builds(
    bytes.__add__,
    st.sampled_from([b"", b"\x00", b"\x01a", b"\xfb", b"\xfe", b"\xff"]),
    st.binary(max_size=14),
)
streams = st.one_of(
    st.lists(payloads).map(lambda found: b"".join(map(encode, found))), st.binary(max_size=60)
)


@given(data=streams, start=st.integers(0, 70), count=st.integers(0, 9), cut=st.integers(0, 200))
def test_packets_are_skipped_as_by_counting_them_one_by_one(data, start, count, cut):
    """The walk over any bytes, cut anywhere, ends where the naive one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "MAX_PACKET", FULL)
        expected = naive_packets(data[:cut], start, count, FULL)
        assert skip_packets(data[:cut], start, count) == expected


@given(
    data=streams,
    start=st.integers(0, 70),
    longest_end=st.sampled_from([EOF_END, FULL, MAX_PACKET]),
    cut=st.integers(0, 200),
)
def test_rows_are_skipped_as_by_looking_at_them_one_by_one(data, start, longest_end, cut):
    """The walk over any bytes, cut anywhere, ends where the naive one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "MAX_PACKET", FULL)
        expected = naive_rows(data[:cut], start, longest_end, FULL)
        assert skip_rows(data[:cut], start, longest_end) == expected


def test_whole_packets_are_counted():
    """Two of three column definitions are skipped: the position is that of the third."""
    data = encode(b"abc") + encode(b"de") + encode(b"f")
    assert skip_packets(data, 0, 2) == (13, 0)
    assert skip_packets(data, 0, 5) == (len(data), 2)
    assert skip_packets(data, 0, 0) == (0, 0)


def test_a_packet_that_goes_on_behind_the_data_is_counted():
    """Its end is known from its header: the position says how many bytes are still to come."""
    assert skip_packets(b"\x64\x00\x00\x05a", 0, 3) == (104, 2)


def test_a_header_without_its_first_byte_is_left_for_later():
    """Nothing is decided before the fifth byte is in."""
    assert skip_packets(b"\x01\x00\x00\x05", 0, 1) == (0, 1)
    assert skip_rows(b"\x01\x00\x00\x05", 0, EOF_END) == (0, False, 0)


def test_a_full_packet_counts_nothing():
    """A payload of 16 MiB less one byte is over with the packet behind it, not before."""
    data = encode(bytes(MAX_PACKET)) + encode(b"abc")
    assert skip_packets(data, 0, 1) == (MAX_PACKET + 8, 0)
    assert skip_packets(data, 0, 2) == (len(data), 0)


@pytest.mark.parametrize(
    ("end", "longest_end"),
    [
        (b"\xfe\x00\x00\x02\x00", EOF_END),
        (b"\xff\x15\x04#28000Access denied", EOF_END),
        (b"\xfe\x00\x00\x02\x00\x00\x00", MAX_PACKET),
        (b"\xfe\x00\x00\x02\x40\x00\x00\x00\x08\x01\x06\x05other", MAX_PACKET),
        (b"\xff\x15\x04#28000Access denied", MAX_PACKET),
    ],
)
def test_rows_end_at_an_end_or_an_error(end, longest_end):
    """The position is that of the packet, which is still to be read; rows before it count."""
    rows = encode(b"\x01a") + encode(b"\xfb\x01b") + encode(b"\x00\x00\x05")
    assert skip_rows(rows + encode(end), 0, longest_end) == (len(rows), True, 3)


def test_a_row_may_begin_like_an_end():
    """A first value of 16 MiB or more begins with 0xFE: the packet's length tells it apart."""
    row = encode(b"\xfe\x00\x00\x00\x01\x00\x00\x00\x00" + bytes(100))
    assert skip_rows(row, 0, EOF_END) == (len(row), False, 1)
    full = b"\xff\xff\xff\x00\xfe"
    assert skip_rows(full, 0, MAX_PACKET) == (0, False, 0)


def test_a_full_row_is_the_callers():
    """What follows a full packet may begin with any byte: the walk stops and counts it not."""
    data = encode(b"\x01a") + b"\xff\xff\xff\x01\xfd"
    assert skip_rows(data, 0, EOF_END) == (6, False, 1)


def test_rows_that_go_on_behind_the_data_are_walked_over():
    """The position lies as far beyond the data as bytes of the row are still to come."""
    data = encode(b"\x01a") + b"\x64\x00\x00\x01\x62abc"
    assert skip_rows(data, 0, EOF_END) == (6 + 104, False, 2)
