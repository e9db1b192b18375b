"""Tests of `proxy.net.sockets`."""

from __future__ import annotations

import socket

import pytest

from proxy.net.sockets import BACKLOG, keep_alive, prepare_port

OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class Port:
    """A port that listens, as far as its options are concerned."""

    def __init__(self, handle, backlog=50):
        self.socket = handle
        self.backlog = backlog


@pytest.fixture
def listening():
    """A socket that listens on the loopback interface."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as handle:
        yield handle


def test_packets_go_at_once_and_dead_peers_are_noticed(listening):
    """TCP_NODELAY and keep-alive are on, and a vanished peer is noticed within 90 seconds."""
    with socket.create_connection(listening.getsockname()) as handle:
        keep_alive(handle)
        assert [handle.getsockopt(level, option) for level, option, _ in OPTIONS] == [
            value for *_, value in OPTIONS
        ]


def test_what_a_port_accepts_is_like_that_from_the_start(listening):
    """Nothing has to be set for each connection."""
    prepare_port(Port(listening))
    with socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            for level, option, value in OPTIONS:
                assert accepted.getsockopt(level, option) == value


def connections_that_wait(listening, tries):
    """How many of so many connections find room in the queue of a port."""
    clients = []
    try:
        for _ in range(tries):
            client = socket.socket()
            clients.append(client)
            client.settimeout(0.2)
            client.connect(listening.getsockname())
    except TimeoutError:
        return len(clients) - 1
    finally:
        for client in clients:
            client.close()
    return tries


def test_a_burst_of_connections_finds_room(listening):
    """A fleet that starts need not try again after a second."""
    prepare_port(Port(listening))
    assert connections_that_wait(listening, 200) == 200
    assert BACKLOG >= 1000


def test_a_backlog_that_somebody_chose_stays(listening):
    """It stands in the endpoint's string."""
    prepare_port(Port(listening, backlog=1))
    assert connections_that_wait(listening, 10) < 10


def test_a_unix_socket_needs_none_of_it(tmp_path):
    """It has no packets, and its peer cannot vanish."""
    with socket.socket(socket.AF_UNIX) as handle:
        handle.bind(str(tmp_path / "socket"))
        prepare_port(Port(handle))
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
