"""SIGTERM: no new clients, running transactions finish up to a limit, then the end."""

import signal
import socket
import time

import pytest

from tests.support.loopback import Talker, error_code, wait_until
from tests.support.scripted import IN_TRANSACTION

pytestmark = pytest.mark.loopback


@pytest.fixture
def holder(server, proxy):
    """A client in a transaction."""
    server.scripts[b"BEGIN"] = lambda connection: connection.answer(
        connection.side.ok(IN_TRANSACTION)
    )
    server.scripts[b"INSERT"] = server.scripts[b"BEGIN"]
    with Talker(proxy.port) as holder:
        assert holder.log_in()[0] == 0
        assert holder.ask(b"BEGIN")[0] == 0
        yield holder


def ask_to_end(proxy):
    """Send SIGTERM, and wait until the drain has begun."""
    proxy.process.send_signal(signal.SIGTERM)
    wait_until(lambda: any(line["message"] == "draining" for line in proxy.log()))


def was_cut_off(proxy):
    """Whether somebody was still busy when the time was over."""
    return any("cut off" in line["message"] for line in proxy.log())


def test_a_transaction_finishes_and_idle_clients_are_closed(proxy, holder):
    """The exit status is 0, and nothing listens any more."""
    with Talker(proxy.port) as idle, Talker(proxy.port) as silent:
        assert idle.log_in()[0] == 0
        silent.payload()
        ask_to_end(proxy)
        assert idle.rest() == b""
        wait_until(lambda: not listens(proxy.port))
        assert holder.ask(b"INSERT INTO t VALUES (1)")[0] == 0
        assert holder.ask(b"COMMIT")[0] == 0
        assert holder.rest() == b""
    assert proxy.process.wait(10) == 0


def test_a_transaction_that_does_not_finish_is_cut_off(proxy, holder):
    """After drain_timeout the connection ends, and the exit status is still 0."""
    ask_to_end(proxy)
    assert holder.rest() == b""
    assert proxy.process.wait(10) == 0
    assert was_cut_off(proxy)


def test_a_statement_that_runs_is_answered(server, proxy):
    """A client in the middle of a statement gets its answer before it is closed."""
    server.scripts[b"SELECT SLEEP"] = answer_late
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        client.send(b"SELECT SLEEP(1)")
        wait_until(lambda: server.heard(b"SELECT SLEEP"))
        ask_to_end(proxy)
        assert client.payload()[0] == 0
        assert client.rest() == b""
    assert proxy.process.wait(10) == 0


def answer_late(connection):
    """Answer after a second."""
    time.sleep(1)
    connection.answer()


def test_a_client_that_waits_for_a_backend_is_not_left_hanging(server, serve):
    """It gets its turn while the drain lasts, or the end of its connection."""
    proxy = serve(max_connections=1)
    server.scripts[b"SELECT SLEEP"] = answer_late
    with Talker(proxy.port) as first, Talker(proxy.port) as second:
        for client in (first, second):
            assert client.log_in()[0] == 0
        first.send(b"SELECT SLEEP(1)")
        wait_until(lambda: server.heard(b"SELECT SLEEP"))
        second.send(b"SELECT 1")
        time.sleep(0.1)
        ask_to_end(proxy)
        assert first.payload()[0] == 0
        assert second.payload()[0] == 0
        assert second.rest() == b""
    assert proxy.process.wait(10) == 0


def listens(port):
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_client_that_has_not_logged_in_does_not_hold_up_the_end(proxy):
    """There is nothing of its to finish."""
    with Talker(proxy.port) as silent:
        silent.payload()
        ask_to_end(proxy)
        silent.rest()
        assert proxy.process.wait(10) == 0
    assert not was_cut_off(proxy)


def test_a_pinned_client_outside_of_a_transaction_is_closed(server, proxy):
    """What pins is no transaction: it ends with the connection in any case."""
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        assert client.ask(b"SET @a = 1")[0] == 0
        ask_to_end(proxy)
        client.rest()
        assert proxy.process.wait(10) == 0
    assert not was_cut_off(proxy)
    assert server.heard(b"SET @a")


def test_clients_that_come_while_it_drains_are_turned_away(proxy, holder):
    """Whoever was in the backlog hears 1053 or is refused."""
    ask_to_end(proxy)
    try:
        with Talker(proxy.port) as late:
            assert error_code(late.payload()) == 1053
    except (ConnectionRefusedError, ConnectionResetError, EOFError):
        assert not listens(proxy.port)
    assert holder.ask(b"COMMIT")[0] == 0
    assert holder.rest() == b""
    assert proxy.process.wait(10) == 0
