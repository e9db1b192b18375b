import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.primitives import (
    Malformed,
    PacketError,
    Reader,
    lenenc_bytes,
    lenenc_int,
    total,
)

LENGTHS = [
    (0, b"\x00"),
    (250, b"\xfa"),
    (251, b"\xfc\xfb\x00"),
    (0xFFFF, b"\xfc\xff\xff"),
    (0x10000, b"\xfd\x00\x00\x01"),
    (0xFFFFFF, b"\xfd\xff\xff\xff"),
    (0x1000000, b"\xfe\x00\x00\x00\x01\x00\x00\x00\x00"),
    (2**64 - 1, b"\xfe" + b"\xff" * 8),
]


@pytest.mark.parametrize(("number", "encoded"), LENGTHS)
def test_length_encoded_integers_change_size_at_the_known_bounds(number, encoded):
    """Each bound of the protocol page, on both of its sides, in bytes."""
    assert lenenc_int(number) == encoded
    reader = Reader(encoded)
    assert reader.lenenc_int() == number
    assert not reader.left


@given(number=st.integers(0, 2**64 - 1))
def test_length_encoded_integers_are_read_back(number):
    """Reading what was written gives the number and uses all of it."""
    reader = Reader(lenenc_int(number) + b"x")
    assert reader.lenenc_int() == number
    assert reader.rest() == b"x"


@given(values=st.lists(st.binary(max_size=300)))
def test_length_encoded_strings_are_read_back(values):
    """Strings one after the other come out as they went in."""
    reader = Reader(b"".join(map(lenenc_bytes, values)))
    assert [reader.lenenc_bytes() for _ in values] == values
    assert not reader.left


@pytest.mark.parametrize("first", [0xFB, 0xFF])
def test_null_and_0xff_begin_no_length(first):
    """Where a length must stand, 0xFB and 0xFF are refused by name."""
    with pytest.raises(PacketError, match=f"0x{first:02X} does not begin a length"):
        Reader(bytes((first, 1, 2))).lenenc_int()


def test_null_is_a_value_of_a_row():
    """In a row 0xFB is NULL, and an empty string is none."""
    reader = Reader(b"\xfb\x00\x01a")
    assert [reader.nullable_bytes() for _ in range(3)] == [None, b"", b"a"]


@pytest.mark.parametrize(
    "read",
    [
        lambda reader: reader.take(1),
        lambda reader: reader.integer(4),
        lambda reader: reader.lenenc_int(),
        lambda reader: reader.lenenc_bytes(),
        lambda reader: reader.nullable_bytes(),
        lambda reader: reader.nul_bytes(),
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_nothing_is_read_from_nothing(read, position):
    """Every read at or behind the end raises, and leaves the reader where it was."""
    reader = Reader(b"", position)
    assert reader.left == 0
    with pytest.raises(PacketError):
        read(reader)
    assert reader.position == position


def test_a_claimed_length_is_only_compared():
    """A string that claims 2**64 - 1 bytes is refused before anything is made for it."""
    with pytest.raises(PacketError, match="18446744073709551615 bytes announced, 2 left"):
        Reader(b"\xfe" + b"\xff" * 8 + b"ab").lenenc_bytes()


def test_nul_strings_end_at_their_nul():
    """The NUL is read and left out; what follows stays."""
    reader = Reader(b"ab\x00\x00c")
    assert (reader.nul_bytes(), reader.nul_bytes(), reader.rest()) == (b"ab", b"", b"c")


def test_integers_are_little_endian():
    """The least significant byte comes first."""
    reader = Reader(b"\x01\x02\x03\x04", 1)
    assert reader.integer(3) == 0x040302


def test_total_makes_an_answer_of_an_error():
    """A parser made total answers with its value, or with what was wrong."""

    @total
    def parse(payload):
        """Read one byte."""
        return Reader(payload).integer(1)

    assert parse(b"\x05") == 5
    assert parse(b"") == Malformed("1 bytes announced, 0 left")
    assert parse.__doc__ == "Read one byte."


def test_total_hides_no_mistake_of_ours():
    """Any other exception is a mistake in the parser and goes on."""

    @total
    def parse(payload):
        return payload[7]

    with pytest.raises(IndexError):
        parse(b"")
