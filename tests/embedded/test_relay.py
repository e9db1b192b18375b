import contextlib
import os
import socket
import threading

import pytest

from proxy.embedded import relay as relay_module
from proxy.embedded.relay import CuttingRelay

pytestmark = pytest.mark.loopback

QUIET_SECONDS = 0.2


class Echo:
    """A server that says back what it hears, each line behind its name."""

    def __init__(self, name=b""):
        self.name = name
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.bodies = []
        threading.Thread(target=self.admit, daemon=True).start()

    def admit(self):
        with contextlib.suppress(OSError):
            while True:
                body, _ = self.door.accept()
                self.bodies.append(body)
                threading.Thread(target=self.answer, args=(body,), daemon=True).start()

    def answer(self, body):
        with contextlib.suppress(OSError):
            while piece := body.recv(65536):
                body.sendall(self.name + piece)
            body.shutdown(socket.SHUT_WR)

    def close(self):
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for body in self.bodies:
            with contextlib.suppress(OSError):
                body.shutdown(socket.SHUT_RDWR)
            body.close()


@pytest.fixture
def echo():
    """A server that says back what it hears."""
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def relay(echo):
    """A relay before it."""
    with CuttingRelay("127.0.0.1", echo.port) as running:
        yield running


@pytest.fixture
def dial(relay):
    """Connects with the relay; all is closed at the end."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(
            socket.create_connection((relay.host, relay.port), timeout=10)
        )


def read_all(body):
    heard = bytearray()
    while piece := body.recv(65536):
        heard += piece
    return bytes(heard)


def hears_nothing(body):
    body.settimeout(QUIET_SECONDS)
    try:
        body.recv(1)
    except TimeoutError:
        return True
    finally:
        body.settimeout(10)
    return False


def send_for_ever(body):
    while True:
        body.sendall(bytes(65536))


def test_bytes_and_ends_pass_in_both_directions(dial):
    """Megabytes come back as they were sent, and the end of one side behind them."""
    text = os.urandom(3_000_000)
    body = dial()

    def send():
        body.sendall(text)
        body.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    assert read_all(body) == text
    sender.join()


def test_many_clients_have_connections_of_their_own(dial):
    """What one client says comes back to it alone."""
    bodies = [dial() for _ in range(50)]
    for number, body in enumerate(bodies):
        body.sendall(b"%02d" % number)
    assert [body.recv(2) for body in bodies] == [b"%02d" % n for n in range(50)]


def test_cut_lets_nothing_through_and_resets_nobody(relay, dial, echo):
    """Once cut, bytes of neither side arrive, and no end and no RST does."""
    body = dial()
    body.sendall(b"a")
    assert body.recv(1) == b"a"
    relay.cut()
    body.sendall(b"b")
    [server] = echo.bodies
    server.sendall(b"c")
    assert hears_nothing(body)
    relay.heal()
    assert sorted(body.recv(1) + body.recv(1)) == sorted(b"bc")


def test_end_and_reset_of_a_server_are_not_heard_through_a_cut(relay, dial, echo):
    """A server that dies behind the cut is silent until the network is whole again."""
    body = dial()
    body.sendall(b"a")
    assert body.recv(1) == b"a"
    relay.cut()
    echo.close()
    assert hears_nothing(body)
    relay.heal()
    assert body.recv(1) == b""


def test_new_client_is_accepted_behind_a_cut_and_served_after_it(relay, dial):
    """The kernel accepts a client, nobody answers it, and healing serves it."""
    relay.cut()
    body = dial()
    body.sendall(b"a")
    assert hears_nothing(body)
    relay.heal()
    assert body.recv(1) == b"a"


def test_refusing_ends_all_connections_and_lets_nobody_in(relay, dial):
    """Connections get a RST, new ones are refused, and healing opens the same port."""
    body = dial()
    body.sendall(b"a")
    assert body.recv(1) == b"a"
    relay.refuse()
    with pytest.raises(ConnectionResetError):
        body.recv(1)
    with pytest.raises(ConnectionRefusedError):
        dial()
    relay.refuse()
    relay.heal()
    second = dial()
    second.sendall(b"b")
    assert second.recv(1) == b"b"


def test_cut_after_refusing_accepts_again_and_answers_nobody(relay, dial):
    """A cut is silent whatever was before it."""
    relay.refuse()
    relay.cut()
    assert hears_nothing(dial())


def test_reset_of_the_server_is_a_reset_behind_its_last_bytes(relay, dial):
    """A RST is passed on as one, and not before what was said."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        relay.retarget(*door.getsockname())
        body = dial()
        server, _ = door.accept()
    server.sendall(b"last")
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, relay_module._BY_RESET)
    server.close()
    assert body.recv(9) == b"last"
    with pytest.raises(ConnectionResetError):
        body.recv(9)


def test_reset_of_a_client_reaches_the_server(relay, dial):
    """A client that goes by RST is not taken for one that says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        relay.retarget(*door.getsockname())
        body = dial()
        server, _ = door.accept()
    with server:
        body.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, relay_module._BY_RESET)
        body.close()
        server.settimeout(10)
        with pytest.raises(ConnectionResetError):
            server.recv(1)


def test_server_that_refuses_resets_the_client(dial, echo):
    """A client of a dead server is accepted by the relay and then reset."""
    echo.close()
    with pytest.raises(ConnectionResetError):
        dial().recv(1)


def test_delay_holds_bytes_and_lets_them_go_in_time(relay, dial):
    """What is said under a delay arrives when it is over, what is said after it at once."""
    patient, quick = dial(), dial()
    relay.delay(3600)
    patient.sendall(b"a")
    assert hears_nothing(patient)
    relay.delay(0.05)
    quick.sendall(b"b")
    assert quick.recv(1) == b"b"
    relay.delay(0)
    quick.sendall(b"c")
    assert quick.recv(1) == b"c"
    assert hears_nothing(patient)


def test_retarget_moves_new_clients_only(relay, dial):
    """As with a name that moves, who is connected stays with the old server."""
    other = Echo(b"other ")
    try:
        first = dial()
        first.sendall(b"a")
        assert first.recv(9) == b"a"
        relay.retarget("127.0.0.1", other.port)
        second = dial()
        second.sendall(b"b")
        assert second.recv(9) == b"other b"
        first.sendall(b"c")
        assert first.recv(9) == b"c"
    finally:
        other.close()


def test_clients_beyond_the_limit_wait_for_a_place(dial, monkeypatch):
    """A client too many is served once another one has gone."""
    monkeypatch.setattr(relay_module, "_MOST_CONNECTIONS", 1)
    first = dial()
    first.sendall(b"a")
    assert first.recv(1) == b"a"
    second = dial()
    second.sendall(b"b")
    assert hears_nothing(second)
    first.close()
    assert second.recv(1) == b"b"


def test_client_that_reads_nothing_holds_few_bytes(relay, dial, monkeypatch):
    """The relay stops reading from a server whose client does not read."""
    monkeypatch.setattr(relay_module, "_HELD_BYTES", 1000)
    body = dial()
    body.settimeout(QUIET_SECONDS)
    with pytest.raises(TimeoutError):
        send_for_ever(body)
    with relay._lock:
        held = [side.held_bytes for side in relay._sides]
    assert max(held) <= 1000 + relay_module._PIECE_BYTES


def test_closed_relay_refuses_and_ends_its_thread(echo):
    """Close resets the connections and frees the port; closing twice is no error."""
    relay = CuttingRelay("127.0.0.1", echo.port)
    with socket.create_connection((relay.host, relay.port), timeout=10) as body:
        body.sendall(b"a")
        assert body.recv(1) == b"a"
        relay.cut()
        relay.close()
        with pytest.raises(ConnectionResetError):
            body.recv(1)
    assert not relay._thread.is_alive()
    relay.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((relay.host, relay.port), timeout=10)
