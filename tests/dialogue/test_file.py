"""Tests of `proxy.dialogue.file`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialogue.file import LocalFile
from proxy.wire.framing import encode

BEHIND = encode(b"\x0e")
"""The next command, which a client may send ahead."""


def in_pieces(data: bytes, cuts: list[int], file: LocalFile) -> tuple[bytes, bytes]:
    """Give a file its bytes as the dialogue does; what went on, and what is not the file's."""
    sent, kept, start = b"", b"", 0
    for cut in [*sorted(cuts), len(data)]:
        goes_on, kept, ended = file.receive(kept + data[start:cut])
        start = cut
        sent += goes_on
        if ended:
            return sent, kept + data[start:]
    raise AssertionError("the file has no end")


@given(
    contents=st.lists(st.binary(min_size=1, max_size=40), max_size=4),
    begins=st.integers(0, 255),
    sequence=st.integers(0, 255),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_a_file_goes_on_numbered_for_the_server(contents, begins, sequence, cuts):
    """However it is cut, its packets go on in the server's numbers, and nothing else does."""
    texts = [*contents, b""]
    ours = b"".join(encode(text, (begins + n) & 0xFF) for n, text in enumerate(texts))
    theirs = b"".join(encode(text, (sequence + n) & 0xFF) for n, text in enumerate(texts))
    whole = ours + BEHIND
    cuts = [min(cut, len(whole)) for cut in cuts]
    assert in_pieces(whole, cuts, LocalFile(sequence)) == (theirs, BEHIND)


def test_a_header_that_is_cut_is_given_back():
    """The number in it is not known before all of it is there, so it comes again."""
    file = LocalFile(2)
    assert file.receive(b"\x03\x00") == (b"", b"\x03\x00", False)
    assert file.receive(b"\x03\x00\x00\x09a") == (b"\x03\x00\x00\x02a", b"", False)
    assert file.receive(b"bc\x00\x00\x00") == (b"bc", b"\x00\x00\x00", False)
    assert file.receive(b"\x00\x00\x00\x0a") == (b"\x00\x00\x00\x03", b"", True)


def test_an_empty_file_is_one_empty_packet():
    """A client that cannot read its file sends just that."""
    assert LocalFile(2).receive(encode(b"", 2)) == (encode(b"", 2), b"", True)


@pytest.mark.parametrize("rest", [b"", b"x"])
def test_the_rest_of_a_full_packet_is_no_end(rest):
    """A packet of full length is followed by another one, which may be empty."""
    file = LocalFile(2)
    full = b"\xff\xff\xff\x02" + bytes(0xFFFFFF)
    data = full + encode(rest, 3)
    assert file.receive(data) == (data, b"", False)
    assert file.receive(encode(b"", 4)) == (encode(b"", 4), b"", True)


def test_a_piece_of_a_long_packet_is_passed_through():
    """Where a piece has no header, its bytes go on as they are."""
    file = LocalFile(2)
    packet = encode(b"x" * 100, 2)
    pieces = [packet[:30], packet[30:60], packet[60:]]
    assert [file.receive(piece) for piece in pieces] == [(p, b"", False) for p in pieces]
