import socket

import pytest

from bench.clients_sysbench import LoadFailedError
from bench.curves.idlers import read


@pytest.fixture
def pair():
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_packets_are_told_apart(pair):
    """By their length, however they arrive; each with its number."""
    ours, theirs = pair
    theirs.sendall(b"\x03\x00\x00\x01abc\x01\x00\x00\x02x")
    assert read(ours) == (1, b"abc")
    assert read(ours) == (2, b"x")


def test_an_error_is_told_in_the_servers_words(pair):
    """Without its number and its SQLSTATE."""
    ours, theirs = pair
    error = b"\xff\x10\x04#08004Too many connections"
    theirs.sendall(len(error).to_bytes(3, "little") + b"\x00" + error)
    with pytest.raises(LoadFailedError, match=r"^Too many connections$"):
        read(ours)


def test_an_end_is_no_packet(pair):
    """A proxy that hangs up has refused the client."""
    ours, theirs = pair
    theirs.sendall(b"\x03\x00")
    theirs.close()
    with pytest.raises(LoadFailedError, match="closed"):
        read(ours)
