"""Back-pressure: whoever does not read must not fill the proxy's memory."""

import socket
import threading

import pytest

from proxy.wire.framing import encode
from tests.support.loopback import LIMIT_SECONDS, Talker, peak_kib, resident_kib, wait_until
from tests.support.scripted import packets

pytestmark = pytest.mark.loopback

ROW = b"x" * 60_000
ROWS_PER_BLOCK = 16
BLOCKS = 210
"""Some 200 MB in all."""

ALLOWED_KIB = 60 * 1024


class Meter:
    """How far a peer got with sending."""

    def __init__(self):
        self.sent = 0
        self.done = threading.Event()

    def stalls(self):
        """Whether nothing was sent for half a second."""
        before = self.sent
        return not self.done.wait(0.5) and self.sent == before


@pytest.fixture
def client(proxy):
    """A client with a small window that has logged in."""
    with Talker(proxy.port, buffer=1 << 16) as client:
        assert client.log_in()[0] == 0
        yield client


def test_a_slow_reader_does_not_fill_the_memory(server, proxy, client):
    """200 MB for a client that does not read wait at the server, and arrive whole later."""
    meter = Meter()

    def stream(connection):
        payloads = connection.side.rows([(ROW,)] * ROWS_PER_BLOCK)
        head, rows, end = payloads[:2], payloads[2:-1], payloads[-1]
        connection.sock.sendall(packets(head))
        for _ in range(BLOCKS):
            connection.sock.sendall(packets(rows))
            meter.sent += 1
        connection.sock.sendall(packets([end]))
        meter.done.set()

    server.scripts[b"SELECT much"] = stream
    before = resident_kib(proxy.process.pid)
    client.send(b"SELECT much")
    wait_until(meter.stalls)
    assert meter.sent < BLOCKS // 4
    assert resident_kib(proxy.process.pid) - before < ALLOWED_KIB
    for _ in range(2):
        client.payload()
    for _ in range(BLOCKS * ROWS_PER_BLOCK):
        assert len(client.payload()) == len(ROW) + 3
    assert client.payload()[0] == 0xFE
    assert peak_kib(proxy.process.pid) - before < ALLOWED_KIB
    assert client.ask(b"SELECT 1")[0] == 0


def test_a_slow_server_does_not_fill_the_memory(server, proxy, client):
    """200 MB of a LOCAL INFILE wait at the client until the server reads, and arrive whole."""
    meter, reads = Meter(), threading.Event()
    received = []

    def take(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sock.sendall(encode(b"\xfbfile", 1))
        assert reads.wait(LIMIT_SECONDS * 2)
        size, tail = 0, b""
        while tail != encode(b"", (1 + BLOCKS * ROWS_PER_BLOCK + 1) & 0xFF):
            data = connection.sock.recv(1 << 20)
            size += len(data)
            tail = (tail + data)[-4:]
        received.append(size)
        connection.sock.sendall(packets([connection.side.ok(affected_rows=7)], 9))

    server.scripts[b"LOAD DATA"] = take
    before = resident_kib(proxy.process.pid)
    client.send(b"LOAD DATA LOCAL INFILE 'file' INTO TABLE t")
    assert client.payload() == b"\xfbfile"

    def send():
        for number in range(BLOCKS * ROWS_PER_BLOCK):
            client.sock.sendall(encode(ROW, (2 + number) & 0xFF))
            meter.sent += 1
        client.sock.sendall(encode(b"", (2 + BLOCKS * ROWS_PER_BLOCK) & 0xFF))
        meter.done.set()

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(meter.stalls)
    assert meter.sent < BLOCKS * ROWS_PER_BLOCK // 4
    assert resident_kib(proxy.process.pid) - before < ALLOWED_KIB
    reads.set()
    assert client.payload()[0] == 0
    sender.join(LIMIT_SECONDS)
    assert received == [BLOCKS * ROWS_PER_BLOCK * (len(ROW) + 4) + 4]
    assert peak_kib(proxy.process.pid) - before < ALLOWED_KIB
    assert client.ask(b"SELECT 1")[0] == 0


def test_a_client_far_ahead_does_not_fill_the_memory(server, proxy, client):
    """Statements sent ahead of a long one wait at the client."""
    meter, goes_on = Meter(), threading.Event()

    def wait(connection):
        assert goes_on.wait(LIMIT_SECONDS * 2)
        connection.answer()

    server.scripts[b"SELECT SLEEP"] = wait
    before = resident_kib(proxy.process.pid)
    client.send(b"SELECT SLEEP(100)")
    statement = encode(b"\x03DO '" + b"x" * 100_000 + b"'")

    def send():
        for _ in range(1000):
            client.sock.sendall(statement)
            meter.sent += 1
        meter.done.set()

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(meter.stalls)
    assert meter.sent < 500
    assert resident_kib(proxy.process.pid) - before < ALLOWED_KIB
    goes_on.set()
    for _ in range(1001):
        assert client.payload()[0] == 0
    sender.join(LIMIT_SECONDS)


def test_a_client_that_stops_reading_does_not_disturb_others(server, proxy, client):
    """While one result waits for its reader, another client is served."""

    def stream(connection):
        rows = packets(connection.side.rows([(ROW,)] * ROWS_PER_BLOCK)[:-1])
        while True:
            connection.sock.sendall(rows)

    server.scripts[b"SELECT endless"] = stream
    client.send(b"SELECT endless")
    with Talker(proxy.port) as other:
        assert other.log_in()[0] == 0
        for _ in range(50):
            assert other.ask(b"SELECT 1")[0] == 0
    client.sock.close()
    wait_until(lambda: len(server.connections) == 1)
