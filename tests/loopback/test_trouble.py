"""Clients and servers in trouble, on real sockets."""

import contextlib
import socket
import struct
import time

import pytest

from proxy.wire.commands import PING
from proxy.wire.framing import encode
from tests.support.loopback import ScriptedServer, Talker, error_code, hang, wait_until
from tests.support.process import running_proxy
from tests.support.scripted import IN_TRANSACTION, packets

pytestmark = pytest.mark.loopback

PING_PACKET = encode(PING)


@pytest.fixture
def client(proxy):
    """A client that has logged in."""
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        yield client


def another(proxy):
    """Log another client in."""
    client = Talker(proxy.port)
    assert client.log_in()[0] == 0
    return client


def test_300_pings_in_one_segment_are_all_answered(client):
    """Nothing is lost, and nothing recurses."""
    client.sock.sendall(PING_PACKET * 300)
    answers = [client.packet() for _ in range(300)]
    assert {(sequence, payload[0]) for sequence, payload in answers} == {(1, 0)}


def test_a_result_in_single_bytes_arrives_whole(server, client):
    """However the network cuts an answer, the client gets the same bytes."""

    def drip(connection):
        for byte in packets(connection.side.rows([(b"1",), (b"2",)])):
            connection.sock.sendall(bytes((byte,)))

    server.scripts[b"SELECT 1"] = drip
    client.send(b"SELECT 1")
    payloads = [client.payload() for _ in range(5)]
    assert payloads[2:4] == [b"\x011", b"\x012"]


def test_a_statement_of_a_client_that_left_is_stopped(server, proxy, client):
    """In the middle of an endless result or before its first byte, the server hears KILL."""
    server.scripts[b"SELECT SLEEP"] = hang
    client.send(b"SELECT SLEEP(1000)")
    wait_until(lambda: server.heard(b"SELECT SLEEP"))
    client.sock.close()
    wait_until(lambda: len(server.connections) == 0)
    with another(proxy) as next_one:
        assert next_one.ask(b"SELECT 1")[0] == 0


def test_a_result_that_nobody_reads_to_its_end_is_stopped(server, proxy):
    """The client resets the connection in the middle of the rows."""

    def endless(connection):
        rows = packets(connection.side.rows([(b"x" * 1000,)] * 60)[:-1])
        while True:
            connection.sock.sendall(rows)

    server.scripts[b"SELECT endless"] = endless
    client = another(proxy)
    client.send(b"SELECT endless")
    client.read(100_000)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()
    wait_until(lambda: not server.connections)
    with another(proxy) as next_one:
        assert next_one.ask(b"SELECT 1")[0] == 0


def test_a_server_that_dies_before_its_answer_is_an_error(server, client):
    """The client goes on after it."""
    server.scripts[b"INSERT"] = lambda connection: connection.die()
    reply = client.ask(b"INSERT INTO t VALUES (1)")
    assert error_code(reply) == 2013
    assert reply[3:9] == b"#08007"
    assert client.ask(b"SELECT 1")[0] == 0


def test_a_server_that_dies_in_its_answer_ends_the_connection(server, client):
    """The client sees the end of the connection, never a result that looks whole."""

    def half(connection):
        whole = packets(connection.side.rows([(b"x" * 100,)] * 100))
        connection.sock.sendall(whole[: len(whole) // 2])
        connection.die()

    server.scripts[b"SELECT half"] = half
    client.send(b"SELECT half")
    received = client.rest()
    assert 0 < len(received) < 100 * 100


def test_a_server_that_restarts_is_found_again(server, proxy, client):
    """Open connections are lost without a word, and the next statement runs on a new one."""
    assert client.ask(b"SELECT 1")[0] == 0
    server.stop()
    wait_until(lambda: not server.connections)
    time.sleep(0.2)
    server.start()
    assert client.ask(b"SELECT 2")[0] == 0
    assert proxy.process.poll() is None


def test_a_target_that_is_down_at_the_start_is_waited_for(tmp_path):
    """Clients wait up to the borrow timeout and hear 9501, and later ones are served."""
    with ScriptedServer() as server:
        server.stop()
        pool = {"connection_borrow_timeout": 1}
        with running_proxy(server, tmp_path, accounts={"app": "secret"}, pool=pool) as proxy:
            with Talker(proxy.port) as client:
                assert error_code(client.log_in()) == 9501
            server.start()
            with Talker(proxy.port) as client:
                assert client.log_in()[0] == 0
            lines = [line for line in proxy.log() if "waited too long" in line["message"]]
            assert lines[0]["seconds"] >= 1
            assert lines[0]["user"] == "app"
            assert "were_ahead" in lines[0]
            assert "refused" in lines[0]["last_failure"]


def test_a_borrow_that_ends_in_time_is_told_and_logged(serve, server):
    """What was waited for, how long, and how many were ahead."""
    proxy = serve(max_connections=1, connection_borrow_timeout=1)
    server.scripts[b"BEGIN"] = lambda connection: connection.answer(
        connection.side.ok(IN_TRANSACTION)
    )
    with another(proxy) as holder, another(proxy) as waiter:
        holder.ask(b"BEGIN")
        assert error_code(waiter.ask(b"SELECT 1")) == 9501
        (line,) = [line for line in proxy.log() if "waited too long" in line["message"]]
        assert line["were_ahead"] == 0
        assert "1 lent" in line["pool"]
        server.scripts.clear()
        holder.ask(b"COMMIT")
        assert waiter.ask(b"SELECT 1")[0] == 0


def test_a_wrong_password_is_1045_in_the_servers_words(proxy):
    """The client's address as the proxy sees it is part of the text."""
    with Talker(proxy.port) as client:
        reply = client.log_in(password="wrong")
        assert error_code(reply) == 1045
        assert reply.endswith(
            b"#28000Access denied for user 'app'@'127.0.0.1' (using password: YES)"
        )
        assert client.rest() == b""


def test_one_client_too_many_is_1040(serve):
    """The one beyond the limit hears it; one that leaves makes room."""
    port = serve(max_clients=1).port
    with contextlib.ExitStack() as stack:
        clients = []

        def enter():
            clients.append(stack.enter_context(Talker(port)))
            return clients[-1].payload()[0] == 10

        wait_until(enter)  # whoever looked whether it listens has left by then
        second = stack.enter_context(Talker(port))
        assert error_code(second.payload()) == 1040
        assert second.rest() == b""
        clients[-1].sock.close()
        wait_until(enter)


@pytest.mark.parametrize("sent", [b"", b"\x20\x00\x00\x01half"])
def test_a_client_that_does_not_log_in_is_cut_off(serve, sent):
    """Nothing or half a login: the connection ends after login_timeout."""
    proxy = serve(login_timeout=1)
    with Talker(proxy.port) as client:
        client.payload()
        client.sock.sendall(sent)
        assert client.rest() == b""
    assert any("did not log in in time" in line["message"] for line in proxy.log())


def test_an_idle_client_is_disconnected(serve):
    """It hears why, and its transaction is rolled back."""
    proxy = serve(idle_client_timeout=1)
    with another(proxy) as client:
        assert error_code(client.payload()) == 4031
        assert client.rest() == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x00\x00\x00", 1835),
        (encode(PING, 3), 1156),
        (b"\xff\xff\xff\x00" + bytes(20), 1153),
    ],
    ids=["empty", "sequence", "oversized"],
)
def test_a_packet_that_breaks_the_protocol_is_answered(serve, data, code):
    """The client hears the error although it is cut off then."""
    proxy = serve(max_allowed_packet=1 << 20)
    with another(proxy) as client:
        client.sock.sendall(data)
        assert error_code(client.payload()) == code
        assert client.rest() == b""


def test_a_request_for_tls_is_refused_cleanly(proxy):
    """SSLRequest is recognised and answered with an error."""
    with Talker(proxy.port) as client:
        client.payload()
        flags = (0x00000800 | 0x00000200).to_bytes(4, "little")
        client.sock.sendall(encode(flags + bytes(28), 1))
        reply = client.payload()
        assert error_code(reply) == 1043
        assert b"TLS" in reply
        assert client.rest() == b""
