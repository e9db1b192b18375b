"""A fleet that starts: many connections at the same moment."""

from __future__ import annotations

import contextlib
import resource
import socket

import pytest

from tests.support.loopback import Talker

pytestmark = pytest.mark.loopback

CLIENTS = 1000
GREETING_LIMIT_SECONDS = 30


@pytest.fixture
def many_files():
    """Room for so many sockets, here and in the programs that are started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, CLIENTS * 2), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def greeting(client):
    """The version of the protocol in the first packet that comes."""
    client.settimeout(GREETING_LIMIT_SECONDS)
    data = b""
    while len(data) < 5:
        received = client.recv(5 - len(data))
        assert received, "the connection was closed without a greeting"
        data += received
    return data[4]


@pytest.mark.usefixtures("many_files")
def test_a_thousand_connections_at_once_are_all_greeted(proxy):
    """Nobody waits for a greeting in vain, and the proxy serves on."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(("127.0.0.1", proxy.port))
            clients.append(client)
        assert {greeting(client) for client in clients} == {10}
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        assert client.ask(b"SELECT 1")[0] == 0
