"""Tests of `proxy.admin.caller`, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from proxy.admin import caller as caller_module
from proxy.admin.caller import AdminCaller, Reply, UnreachableError, path_of
from proxy.config.admin import AdminPort, AdminSocket
from tests.admin.operating import FakeOperations, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def operations():
    return FakeOperations()


@pytest.fixture
def served(operations):
    with serving(operations) as served:
        yield served


@contextlib.contextmanager
def answering(path, data):
    """Whatever listens there, it sends this to whoever comes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer():
            sock, _ = listener.accept()
            with sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield AdminCaller(AdminSocket(str(path)))
        thread.join()


def test_segments_are_quoted():
    """An address is one segment, whatever is in it."""
    assert path_of("proxies", "shop", "targets", "unix:/a b") == (
        "/v1/proxies/shop/targets/unix%3A%2Fa%20b"
    )


def test_it_sees_and_does_over_a_unix_socket(served, operations, tmp_path):
    """Parameters go into the body."""
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    caller = AdminCaller(AdminSocket(str(path)))
    assert caller.get("proxies", "shop").content["name"] == "shop"
    reply = caller.post("proxies", "shop", "switch", target_set="green")
    assert (reply.status, reply.error) == (200, "")
    assert caller.post("proxies", "shop", "pause").status == 200
    assert operations.done == [("switch", "green"), ("pause",)]


def test_it_reaches_a_port(served):
    """With a Host that the API takes for its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    served.call(served.site.listen, f"tcp:{port}:interface=127.0.0.1")
    assert AdminCaller(AdminPort(port)).get("proxies").status == 200


def test_refusals_come_back_as_they_are(served, operations, tmp_path):
    """The status and the sentence."""
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    operations.refusals["pause"] = "not now"
    reply = AdminCaller(AdminSocket(str(path))).post("proxies", "shop", "pause")
    assert reply == Reply(409, {"error": "not now"})
    assert reply.error == "not now"


@pytest.mark.parametrize(
    ("name", "why"),
    [("none.sock", "No such file"), ("file", "refused"), ("a" * 200, "too long")],
)
def test_where_nobody_listens_that_is_said(tmp_path, name, why):
    """With the place, and the system's reason."""
    (tmp_path / "file").touch()
    caller = AdminCaller(AdminSocket(str(tmp_path / name)))
    with pytest.raises(UnreachableError, match=f"no proxy can be reached at unix:.*{why}"):
        caller.get("proxies")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"J\x00\x00\x00\x0a8.0.39\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    ],
)
def test_whoever_else_answers_is_no_proxy(tmp_path, data):
    """Such as a MySQL server whose socket was given."""
    with (
        answering(tmp_path / "other.sock", data) as caller,
        pytest.raises(UnreachableError, match=r"no mysqlproxy|closed|[Rr]eset"),
    ):
        caller.get("proxies")


def test_silence_has_a_limit(tmp_path, monkeypatch):
    """Its length is said."""
    monkeypatch.setattr(caller_module, "ANSWER_SECONDS", 0.1)
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(UnreachableError, match=r"no answer in 0\.1 s"):
            AdminCaller(AdminSocket(str(path))).get("proxies")
