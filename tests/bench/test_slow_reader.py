from hypothesis import given
from hypothesis import strategies as st

from bench.slow_reader import ROW_BYTES, RowCounter


def packet(payload, sequence):
    return len(payload).to_bytes(3, "little") + bytes((sequence,)) + payload


ANSWER = b"".join(
    (
        packet(b"\x01", 1),
        packet(b"\x03def" + bytes(20), 2),
        packet(b"\xfe\x00\x00\x02\x00", 3),
        packet(b"x" * (ROW_BYTES + 4), 4),
        packet(b"x" * (ROW_BYTES + 4), 5),
        packet(b"\xfe\x00\x00\x02\x00", 6),
    )
)


@given(st.lists(st.integers(0, len(ANSWER)), max_size=8))
def test_rows_are_counted_in_any_chunking(cuts):
    """Two rows are two rows, and the end is seen with its last packet only."""
    counter = RowCounter()
    view = memoryview(ANSWER)
    ends = sorted({*cuts, len(ANSWER)})
    for start, end in zip([0, *ends], ends, strict=False):
        counter.feed(view[start:end])
        assert counter.ended == (end >= len(ANSWER) - 4)
    assert counter.rows == 2


def test_an_error_ends_the_result():
    """A result that breaks off with an ERR packet is not waited for."""
    counter = RowCounter()
    counter.feed(memoryview(packet(b"x" * ROW_BYTES, 1) + packet(b"\xff\x15\x04oops", 2)))
    assert counter.ended
    assert counter.rows == 1
