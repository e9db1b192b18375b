import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire import framing
from proxy.wire.constants import MAX_PACKET
from proxy.wire.framing import OutOfOrder, Oversized, Packet, PacketReader, encode

SMALL = 5
"""A full packet's length in most of these tests, so that splits are short."""


@pytest.fixture
def small(monkeypatch):
    """Let packets be full at a few bytes."""
    monkeypatch.setattr(framing, "MAX_PACKET", SMALL)


def chunks(data, cuts):
    """Cut bytes at these places."""
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def drain(reader):
    """Everything that a reader has to say now."""
    found = []
    while isinstance(packet := reader.next_packet(), Packet):
        found.append(packet)
    return found, packet


def test_a_packet_has_length_number_and_payload():
    """The form of a small packet, in bytes."""
    assert encode(b"\x03SELECT 1", 2) == b"\x09\x00\x00\x02\x03SELECT 1"
    assert encode(b"") == b"\x00\x00\x00\x00"
    assert encode(b"a", 256 + 7) == b"\x01\x00\x00\x07a"


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (MAX_PACKET - 1, [MAX_PACKET - 1]),
        (MAX_PACKET, [MAX_PACKET, 0]),
        (MAX_PACKET + 1, [MAX_PACKET, 1]),
    ],
)
def test_a_long_payload_is_split_where_a_packet_is_full(size, lengths):
    """At 16 MiB less one a payload goes on in a second packet, an empty one if need be."""
    data = encode(bytes(size), 255)
    found, position = [], 0
    for number in (255, 0)[: len(lengths)]:
        found.append(int.from_bytes(data[position : position + 3], "little"))
        assert data[position + 3] == number
        position += 4 + found[-1]
    assert found == lengths
    assert position == len(data)
    reader = PacketReader(size, 255)
    reader.feed(data)
    packet = reader.next_packet()
    assert isinstance(packet, Packet)
    assert packet == Packet(bytes(size), len(lengths) - 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("payload", "packets"),
    [
        (b"abcd", b"\x04\x00\x00\x09abcd"),
        (b"abcde", b"\x05\x00\x00\x09abcde\x00\x00\x00\x0a"),
        (b"abcdef", b"\x05\x00\x00\x09abcde\x01\x00\x00\x0af"),
        (b"abcdefghij", b"\x05\x00\x00\x09abcde\x05\x00\x00\x0afghij\x00\x00\x00\x0b"),
    ],
)
def test_pieces_follow_each_other(payload, packets):
    """What the packets of a split payload are, in bytes, with a full length of five."""
    assert encode(payload, 9) == packets


@given(
    payloads=st.lists(
        st.one_of(st.binary(max_size=20), st.integers(0, 4).map(lambda n: b"x" * SMALL * n)),
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 150)),
    first=st.integers(0, 255),
)
def test_any_chunking_gives_the_same_payloads(payloads, cuts, first):
    """Payloads come out as they went in, however the stream is cut, and nothing is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "MAX_PACKET", SMALL)
        data, sequence = b"", first
        for payload in payloads:
            data += encode(payload, sequence)
            sequence = (sequence + len(payload) // SMALL + 1) & 0xFF
        reader = PacketReader(limit=20, sequence=first)
        found = []
        for chunk in chunks(data, cuts):
            reader.feed(chunk)
            packets, rest = drain(reader)
            assert rest is None
            found += packets
    assert [packet.payload for packet in found] == payloads
    assert reader.sequence == sequence
    assert not found or found[-1].next_sequence == sequence
    assert reader.buffered == 0


@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60)), limit=st.integers(0, 40))
def test_arbitrary_bytes_never_raise(data, cuts, limit):
    """A reader says something of any bytes, and a payload never exceeds the limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "MAX_PACKET", SMALL)
        reader = PacketReader(limit)
        for chunk in chunks(data, cuts):
            reader.feed(chunk)
            packets, rest = drain(reader)
            assert rest is None or isinstance(rest, OutOfOrder | Oversized)
            assert all(len(packet.payload) <= limit for packet in packets)


def test_a_wrong_number_is_told_as_soon_as_the_header_is_in():
    """The payload is not waited for, and the reader stays at its word."""
    reader = PacketReader(100, sequence=3)
    reader.feed(b"\x05\x00\x00\x04")
    assert reader.next_packet() == OutOfOrder(expected=3, got=4)
    reader.feed(b"abcde")
    assert reader.next_packet() == OutOfOrder(expected=3, got=4)


def test_a_large_claim_is_told_before_its_bytes_are_kept():
    """Of a payload above the limit nothing more than its header was read."""
    reader = PacketReader(100)
    reader.feed(b"\x65\x00\x00\x00")
    assert reader.next_packet() == Oversized(100)
    assert reader.next_packet() == Oversized(100)
    assert reader.buffered == 4
    reader.limit = 101
    assert reader.next_packet() is None


@pytest.mark.usefixtures("small")
def test_the_limit_counts_all_pieces():
    """Pieces that are small by themselves are refused where their sum is too long."""
    reader = PacketReader(SMALL + 3)
    reader.feed(encode(b"x" * (SMALL + 3)))
    assert isinstance(reader.next_packet(), Packet)
    reader = PacketReader(SMALL + 3)
    reader.feed(encode(b"x" * (SMALL + 4)))
    assert reader.next_packet() == Oversized(SMALL + 3)
    assert reader.buffered == SMALL + 4 + 4


@pytest.mark.usefixtures("small")
def test_pieces_must_be_in_order():
    """A second piece with a number other than the next one is out of order."""
    reader = PacketReader(100)
    reader.feed(b"\x05\x00\x00\x00abcde\x01\x00\x00\x02f")
    assert reader.next_packet() == OutOfOrder(expected=1, got=2)


def test_the_rest_is_handed_over():
    """Bytes behind the last packet that was taken go to whoever reads on."""
    reader = PacketReader(100)
    reader.feed(encode(b"login") + b"\x16\x03\x01")
    assert reader.next_packet() == Packet(b"login", 1)
    assert reader.take_rest() == b"\x16\x03\x01"
    assert reader.buffered == 0
    assert reader.next_packet() is None


def test_a_reader_says_what_it_keeps():
    """The repr has what an operator would ask."""
    reader = PacketReader(100, sequence=7)
    reader.feed(b"ab")
    assert repr(reader) == "<PacketReader 2 bytes kept, next number 7>"
