"""Tests of `proxy.admin.connections`, over real sockets."""

from __future__ import annotations

import contextlib
import io
import socket

import pytest
from twisted.logger import globalLogPublisher

from proxy.admin import connections as connections_module
from proxy.admin.call import MAX_BODY_BYTES
from proxy.admin.connections import MAX_CONNECTIONS
from proxy.observe.log import configure, make_twisted_observer
from tests.admin.operating import (
    GET,
    LIMIT_SECONDS,
    exchange,
    post,
    taken_apart,
)
from tests.support.loopback import wait_until
from tests.support.ports import free_port

pytestmark = pytest.mark.loopback


JSON = b"Content-Type: application/json"


def connections(served):
    return served.call(lambda: len(served.site._factory.channels))


def test_it_answers_on_a_unix_socket(path):
    """With JSON that nobody keeps or takes for something else."""
    status, headers, content = taken_apart(exchange(path, GET))
    assert status == 200
    assert content["proxies"][0]["name"] == "shop"
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "mysqlproxy"


KEPT_ALIVE = b"HEAD /v1/proxies HTTP/1.1\r\nHost: a\r\n\r\n"


def test_one_connection_takes_several_calls(path, operations):
    """One after the other; HEAD has no body."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT_SECONDS)
        sock.connect(str(path))
        sock.sendall(KEPT_ALIVE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200")
        sock.sendall(post(b"pause"))
        assert taken_apart(b"".join(iter(lambda: sock.recv(65536), b"")))[0] == 200
    assert operations.done == [("pause",)]


@pytest.mark.parametrize("first", [KEPT_ALIVE, post(b"switch", b'{"target_set": "a"}', JSON)])
def test_a_call_that_comes_too_early_is_not_looked_at(path, operations, first):
    """Who sends thousands of them, and reads nothing, has one answer made."""
    first = first.replace(b"Connection: close\r\n", b"")
    with contextlib.suppress(ConnectionResetError):
        answer = exchange(path, first + post(b"pause") * 1000)
        assert answer.count(b"HTTP/1.1 ") == 1
    assert ("pause",) not in operations.done
    assert taken_apart(exchange(path, GET))[0] == 200


def test_an_empty_line_behind_a_body_is_none(path):
    """Old clients send one."""
    first = post(b"switch", b'{"target_set": "a"}', JSON)
    first = first.replace(b"Connection: close\r\n", b"") + b"\r\n"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT_SECONDS)
        sock.connect(str(path))
        sock.sendall(first)
        assert sock.recv(12) == b"HTTP/1.1 200"
        while not sock.recv(65536).endswith(b"}\n"):
            pass
        sock.sendall(GET)
        assert sock.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "header", [b"Authorization", b"Host", b"Origin", b"Content-Type", b"If-None-Match"]
)
def test_headers_may_hold_any_bytes(path, header):
    """What is no ASCII is nothing that is known; there is an answer, and no mistake."""
    answer = exchange(path, GET.replace(b"\r\n\r\n", b"\r\n%s: \xff\r\n\r\n" % header))
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 403 "))


def test_a_header_that_comes_twice_is_not_half_looked_at(served):
    """Neither of two names of a host is the good one."""
    port = free_port()
    served.call(served.site.listen, f"tcp:{port}:interface=127.0.0.1")
    for other in (b"evil.example", b"localhost"):
        with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as sock:
            sock.sendall(GET.replace(b"\r\n\r\n", b"\r\nHost: %s\r\n\r\n" % other))
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        assert taken_apart(answer)[0] == 403


def test_refusals_are_json_too(path):
    """With the headers of their status."""
    status, headers, content = taken_apart(exchange(path, GET.replace(b"GET", b"PUT")))
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert content["error"] == "here are GET and HEAD only"


def test_bodies_come_whole_or_in_chunks(path, operations):
    """Both are read alike."""
    body = b'{"target_set": "green"}'
    assert taken_apart(exchange(path, post(b"switch", body, JSON)))[0] == 200
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    chunked = post(b"switch", chunks, JSON, b"Transfer-Encoding: chunked")
    assert taken_apart(exchange(path, chunked))[0] == 200
    assert operations.done == [("switch", "green")] * 2


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 200_000])
def test_long_bodies_are_refused(path, operations, size):
    """Whoever sends one hears of the limit."""
    status, _, content = taken_apart(exchange(path, post(b"pause", b" " * size, JSON)))
    assert (status, "16,384 bytes" in content["error"]) == (413, True)
    assert operations.done == []


def test_who_sends_without_end_is_cut_off(path, operations):
    """It is not read to its end."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT_SECONDS)
        sock.connect(str(path))
        sock.sendall(post(b"pause", b"", JSON, b"Transfer-Encoding: chunked"))
        sock.sendall(b"%x\r\n" % 10**9)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                sock.sendall(b" " * 65536)
    assert operations.done == []


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 51 + b"\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(path, data):
    """And the connection is closed."""
    assert exchange(path, data).startswith(b"HTTP/1.1 400 ")


def dripping(path, start, more):
    """Send a beginning, then more now and then, until the other side closes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(0.02)
        sock.connect(str(path))
        sock.sendall(start)
        while True:
            try:
                return sock.recv(1)
            except TimeoutError:
                with contextlib.suppress(BrokenPipeError):
                    sock.sendall(more)
            except ConnectionResetError:
                return b""


@pytest.mark.parametrize(
    ("start", "more"), [(b"", b""), (b"GET /", b"a"), (post(b"pause", b"{}  ")[:-3], b"")]
)
def test_the_slow_are_cut_off(served, tmp_path, monkeypatch, start, more):
    """A byte now and then buys no time, neither before a request nor within it."""
    monkeypatch.setattr(connections_module, "REQUEST_SECONDS", 0.2)
    path = tmp_path / "slow.sock"
    served.call(served.site.listen, f"unix:{path}")
    assert dripping(path, start, more) == b""


def test_an_idle_connection_is_closed_without_a_word(served, tmp_path, monkeypatch):
    """Programs keep connections between two scrapes: that is no event for anybody."""
    monkeypatch.setattr(connections_module, "REQUEST_SECONDS", 0.1)
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    stream, observer = io.StringIO(), make_twisted_observer()
    configure("json", "debug", stream)
    globalLogPublisher.addObserver(observer)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LIMIT_SECONDS)
            sock.connect(str(path))
            assert sock.recv(1) == b""
    finally:
        globalLogPublisher.removeObserver(observer)
        configure()
    assert stream.getvalue() == ""


def test_an_answer_may_take_longer_than_a_request(served, operations, tmp_path, monkeypatch):
    """The limit is for those who ask, and not for what they wait for."""
    monkeypatch.setattr(connections_module, "REQUEST_SECONDS", 0.05)
    path = tmp_path / "long.sock"
    served.call(served.site.listen, f"unix:{path}")
    operations.blocked.add("pause")
    served.reactor.callFromThread(served.reactor.callLater, 0.3, operations.release, "pause")
    assert taken_apart(exchange(path, post(b"pause")))[0] == 200


@contextlib.contextmanager
def many(path, data=b""):
    """As many connections as there may be, each of which has sent this."""
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(MAX_CONNECTIONS):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(path))  # without a limit: with one it does not wait for a place
            sock.settimeout(LIMIT_SECONDS)
            sock.sendall(data)
            socks.append(sock)
        yield socks


@pytest.mark.parametrize("sent", [b"", b"GET /v1/proxies HTTP/1.1\r\nHost: a\r\n"])
def test_one_more_connection_has_the_place_of_the_longest_idle(served, path, sent):
    """However many dashboards are open, or slow callers at work: a scrape gets in."""
    with many(path, sent) as socks:
        wait_until(lambda: connections(served) == MAX_CONNECTIONS)
        assert taken_apart(exchange(path, GET))[0] == 200
        with contextlib.suppress(ConnectionResetError):
            assert socks[0].recv(1) == b""
        socks[1].setblocking(False)
        with pytest.raises(BlockingIOError):
            socks[1].recv(1)


def test_who_waits_for_an_answer_keeps_the_place(served, path, operations):
    """When all do, one more is turned away; when one ends there is room again."""
    operations.blocked.add("pause")

    def are_waiting():
        channels = [*served.site._factory.channels]
        return len(channels) == MAX_CONNECTIONS and all(one.is_answering for one in channels)

    with many(path, post(b"pause")) as socks:
        wait_until(lambda: served.call(are_waiting))
        assert exchange_or_nothing(path) == b""
        socks[0].close()
        wait_until(lambda: exchange_or_nothing(path).startswith(b"HTTP/1.1 200 "))


def exchange_or_nothing(path):
    try:
        return exchange(path, GET)
    except BrokenPipeError:
        return b""


def test_who_goes_away_leaves_the_action(served, path, operations):
    """It goes on to its end, and nothing is written to nobody."""
    operations.blocked.add("pause")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(post(b"pause"))
        wait_until(lambda: served.call(served.site.desk.actions.under_way))
    wait_until(lambda: not connections(served))
    served.call(operations.release, "pause")
    assert served.call(served.site.desk.actions.under_way) == []
    assert taken_apart(exchange(path, GET))[0] == 200
