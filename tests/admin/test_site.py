"""Tests of `proxy.admin.site`, over real sockets."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from proxy.admin import site as site_module
from proxy.admin.call import MAX_BODY_BYTES
from proxy.admin.site import MAX_CONNECTIONS, AdminListenError
from proxy.observe.log import configure
from tests.admin.operating import LIMIT_SECONDS, FakeOperations, exchange, serving
from tests.support.loopback import wait_until

pytestmark = pytest.mark.loopback

GET = b"GET /v1/proxies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def operations():
    return FakeOperations()


@pytest.fixture
def served(operations):
    with serving(operations) as served:
        yield served


@pytest.fixture
def path(served, tmp_path):
    """Listen on a unix socket."""
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    return path


def post(where, body=b"", *headers):
    lines = [
        b"POST /v1/proxies/shop/" + where + b" HTTP/1.1",
        b"Host: localhost",
        b"Connection: close",
        *headers,
    ]
    if not any(header.startswith(b"Transfer") for header in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def taken_apart(data):
    """The status, the headers and the JSON of an answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    named = {name.lower(): value for name, value in (one.split(": ", 1) for one in headers)}
    return int(first.split()[1]), named, json.loads(body) if body else None


def connections(served):
    return served.call(lambda: len(served.site._factory.channels))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_it_answers_on_a_unix_socket(path):
    """With JSON that nobody keeps or takes for something else."""
    status, headers, content = taken_apart(exchange(path, GET))
    assert status == 200
    assert content["proxies"][0]["name"] == "shop"
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "mysqlproxy"


def test_only_its_user_and_group_may_open_it(served, tmp_path):
    """Unless the setting has another mode."""
    modes = []
    for number, more in enumerate(["", ":mode=600"]):
        path = tmp_path / str(number)
        served.call(served.site.listen, f"unix:{path}{more}")
        modes.append(stat.S_IMODE(path.stat().st_mode))
    assert modes == [0o660, 0o600]


def test_one_connection_takes_several_calls(path, operations):
    """One after the other, although the second came early; HEAD has no body."""
    first = b"HEAD /v1/proxies HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = exchange(path, first + post(b"pause"))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert taken_apart(rest)[0] == 200
    assert operations.done == [("pause",)]


def test_refusals_are_json_too(path):
    """With the headers of their status."""
    status, headers, content = taken_apart(exchange(path, GET.replace(b"GET", b"PUT")))
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert content["error"] == "here are GET and HEAD only"


JSON = b"Content-Type: application/json"


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
    monkeypatch.setattr(site_module, "REQUEST_SECONDS", 0.2)
    path = tmp_path / "slow.sock"
    served.call(served.site.listen, f"unix:{path}")
    assert dripping(path, start, more) == b""


def test_an_answer_may_take_longer_than_a_request(served, operations, tmp_path, monkeypatch):
    """The limit is for those who ask, and not for what they wait for."""
    monkeypatch.setattr(site_module, "REQUEST_SECONDS", 0.05)
    path = tmp_path / "long.sock"
    served.call(served.site.listen, f"unix:{path}")
    operations.blocked.add("pause")
    served.reactor.callFromThread(served.reactor.callLater, 0.3, operations.release, "pause")
    assert taken_apart(exchange(path, post(b"pause")))[0] == 200


def test_connections_are_limited(path):
    """One more than there is room for is closed; when one ends there is room again."""
    socks = []
    for _ in range(MAX_CONNECTIONS):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        socks.append(sock)
    assert exchange(path, b"") == b""
    socks.pop().close()
    wait_until(lambda: exchange_or_nothing(path).startswith(b"HTTP/1.1 200 "))
    for sock in socks:
        sock.close()


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
        wait_until(lambda: served.call(served.site.api.actions.under_way))
    wait_until(lambda: not connections(served))
    served.call(operations.release, "pause")
    assert served.call(served.site.api.actions.under_way) == []
    assert taken_apart(exchange(path, GET))[0] == 200


def test_pages_in_browsers_cannot_reach_the_port(served, operations):
    """A foreign name for this machine is refused, and so is a page of another site."""
    port = free_port()
    served.call(served.site.listen, f"tcp:{port}:interface=127.0.0.1")

    def ask(data):
        with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as sock:
            sock.sendall(data)
            return taken_apart(b"".join(iter(lambda: sock.recv(65536), b"")))

    assert ask(GET)[0] == 200
    assert ask(GET.replace(b"localhost", b"evil.example"))[0] == 403
    assert ask(post(b"pause", b"", b"Origin: http://evil.example"))[0] == 403
    assert operations.done == []


def test_the_log_says_who_did_what(operations, tmp_path):
    """The number of the user at the other end, which the system vouches for."""
    stream = io.StringIO()
    configure("json", "info", stream)
    try:
        with serving(operations) as served:
            path = tmp_path / "admin.sock"
            served.call(served.site.listen, f"unix:{path}")
            exchange(path, post(b"targets/db2.example/drain"))
    finally:
        configure()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    actions = [line for line in lines if line.get("action") == "drain"]
    assert [line["message"] for line in actions] == [
        "an operator's action begins",
        "an operator's action is done",
    ]
    for line in actions:
        assert line["by"] == f"uid {os.getuid()}"
        assert (line["proxy"], line["target"]) == ("shop", "db2.example")


def test_a_place_that_is_taken_is_a_clear_error(path):
    """Another process that listens there keeps its socket."""
    with (
        serving(FakeOperations()) as other,
        pytest.raises(
            AdminListenError,
            match=f"cannot listen at unix:{path}: another process listens there",
        ),
    ):
        other.call(other.site.listen, f"unix:{path}")
    assert taken_apart(exchange(path, GET))[0] == 200


@pytest.mark.parametrize(
    ("name", "why"), [("none/admin.sock", "the folder is not there"), ("file/a", "directory")]
)
def test_a_place_that_is_not_there_is_a_clear_error(served, tmp_path, name, why):
    """Where and why."""
    (tmp_path / "file").touch()
    with pytest.raises(AdminListenError, match=f"cannot listen at unix:.*{why}"):
        served.call(served.site.listen, f"unix:{tmp_path / name}")


def test_a_port_that_is_taken_is_a_clear_error(served):
    """In the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = f"tcp:{listener.getsockname()[1]}:interface=127.0.0.1"
        with pytest.raises(AdminListenError, match=f"at {text}: Address already in use"):
            served.call(served.site.listen, text)


def test_a_socket_that_a_dead_process_left_is_taken_over(served, tmp_path):
    """A proxy that was killed can be started again."""
    path = tmp_path / "admin.sock"
    code = (
        "import sys, os, signal\n"
        "from twisted.internet import reactor\n"
        "from proxy.admin.site import AdminSite\n"
        "from twisted.internet.defer import Deferred\n"
        "listens = Deferred.fromCoroutine(AdminSite([], reactor).listen(sys.argv[1]))\n"
        "listens.addCallback(lambda _: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"unix:{path}"], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr
    assert path.exists()
    served.call(served.site.listen, f"unix:{path}")
    assert taken_apart(exchange(path, GET))[0] == 200


def test_stopping_closes_all(served, path):
    """The socket is gone, and so are connections that wait for something."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT_SECONDS)
        sock.connect(str(path))
        wait_until(lambda: connections(served))
        served.call(served.site.stop)
        assert sock.recv(1) == b""
    assert not path.exists()
