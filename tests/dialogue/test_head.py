"""Tests of `proxy.dialogue.head`."""

import pytest

from proxy.dialogue.head import Head, HeadEnd
from proxy.wire.primitives import Malformed
from proxy.wire.proxy_header import encode_local, encode_v2

HEADER = encode_v2(("203.0.113.9", 4711), ("10.0.0.1", 3306))


@pytest.mark.parametrize("size", range(1, len(HEADER)))
def test_a_header_may_come_in_pieces(size):
    """Until it is whole there is nothing to say."""
    head = Head()
    assert head.receive(HEADER[:size]) is None
    end = head.receive(HEADER[size:] + b"rest")
    assert end == HeadEnd(b"rest", has_header=True, address="203.0.113.9", port=4711)


def test_there_need_be_none():
    """Then all that came is for whoever comes next."""
    assert Head().receive(b"\x55\x00\x00\x01") == HeadEnd(b"\x55\x00\x00\x01")


def test_a_header_need_name_nobody():
    """That of a health check does not."""
    assert Head().receive(encode_local()) == HeadEnd(b"", has_header=True)


def test_a_broken_one_is_told():
    """In whatever way it is broken."""
    assert isinstance(Head().receive(b"PROXY nonsense\r\n"), Malformed)
