import socket

import pytest

from bench.blocking import connect, log_in, select
from bench.clients_sysbench import LoadFailedError
from bench.entrance import packet

HOST = "127.0.0.1"
EOF = b"\xfe\x00\x00\x02\x00"
ANSWER = (b"\x01", b"column", EOF, b"\x011", EOF)


@pytest.fixture
def pair():
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_statement_is_answered(pair):
    """All packets of the answer are taken, and nothing behind it."""
    ours, theirs = pair
    theirs.sendall(b"".join(packet(one, number) for number, one in enumerate(ANSWER, 1)))
    select(ours)
    assert theirs.recv(100) == packet(b"\x03SELECT 1")


def test_an_answer_may_be_an_error(pair):
    """It is told by its number."""
    ours, theirs = pair
    theirs.sendall(packet(b"\xff\x10\x04#08004Too many connections", 1))
    with pytest.raises(LoadFailedError, match="1040"):
        select(ours)


def test_a_refusal_is_told_in_the_servers_words(pair):
    """Without its number and its SQLSTATE."""
    ours, theirs = pair
    theirs.sendall(packet(b"\xff\x10\x04#08004Too many connections"))
    with pytest.raises(LoadFailedError, match=r"^Too many connections$"):
        log_in(ours, tls=False)


def test_an_end_is_no_packet(pair):
    """A proxy that hangs up has refused the client."""
    ours, theirs = pair
    theirs.sendall(b"\x03\x00")
    theirs.close()
    with pytest.raises(LoadFailedError, match="closed"):
        log_in(ours, tls=False)


def test_a_connection_comes_from_the_address_that_it_is_told():
    """And waits no longer than its limit, by the kernel's clock."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with connect(HOST, port, 7, "127.0.0.9") as client:
            accepted, (address, _) = listener.accept()
            accepted.close()
            assert address == "127.0.0.9"
            assert client.gettimeout() is None
            limit = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
            assert int.from_bytes(limit[:8], "little") == 7
    with pytest.raises(OSError, match="refused"):
        connect(HOST, port, 7)
