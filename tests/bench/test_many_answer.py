from hypothesis import given
from hypothesis import strategies as st

from bench.many.answer import Answer, values


def packet(payload, sequence):
    return len(payload).to_bytes(3, "little") + bytes((sequence,)) + payload


EOF = b"\xfe\x00\x00\x02\x00"
ROWS = [b"\x01\x00", b"\x03def" + bytes(20), EOF, b"\x03one\x02ab", b"\x03two\x02cd", EOF]
OK = [b"\x00\x01\x00\x02\x00\x00\x00"]
ERROR = [b"\xff\x1d\x25#HY000Timed-out"]
BROKEN = [*ROWS[:4], b"\xff\x25\x05#70100interrupted"]


def said(payloads):
    return b"".join(packet(payload, number) for number, payload in enumerate(payloads, 1))


@given(
    st.sampled_from(
        [(ROWS, 0, ROWS[3]), (OK, 0, b""), (ERROR, 9501, b""), (BROKEN, 1317, None)]
    ),
    st.lists(st.integers(0, 100), max_size=8),
)
def test_an_answer_ends_with_its_last_packet(case, cuts):
    """In any chunking, with the code of its error and its first row."""
    payloads, code, row = case
    data = said(payloads)
    answer = Answer()
    ends = sorted({*(cut for cut in cuts if cut < len(data)), len(data)})
    for start, end in zip([0, *ends], ends, strict=False):
        assert answer.feed(data[start:end]) == (end == len(data))
    assert answer.code == code
    assert row is None or answer.row == row


def test_one_answer_leaves_nothing_to_the_next():
    """An error is forgotten when another answer begins."""
    answer = Answer()
    answer.feed(said(ERROR))
    answer.begin()
    assert not answer.ended
    assert answer.feed(said(OK))
    assert (answer.code, answer.row) == (0, b"")


def test_the_values_of_a_row_are_told_apart():
    """Each has its length before it."""
    assert values(ROWS[3]) == (b"one", b"ab")
    assert values(b"") == ()
