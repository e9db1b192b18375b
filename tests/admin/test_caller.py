"""Tests of `proxy.admin.caller`, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest

from proxy.admin import caller as caller_module
from proxy.admin.caller import (
    Access,
    AdminCaller,
    AdminHost,
    Reply,
    UnreachableError,
    path_of,
)
from proxy.config.admin import AdminPort, AdminSocket, AdminTls, AdminToken
from proxy.config.admin_users import AdminRole
from proxy.config.secret import Secret
from proxy.embedded.certificates import self_signed
from tests.admin.operating import FakeOperations, serving
from tests.support.ports import free_port

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
    port = free_port()
    served.call(served.site.listen, f"tcp:{port}:interface=127.0.0.1")
    assert AdminCaller(AdminPort(port)).get("proxies").status == 200


def test_a_token_is_sent(operations):
    """Without it, and with another one, the API refuses; it is in no repr."""
    token = AdminToken(name="ops", role=AdminRole.OPERATOR, token=Secret("o" * 32))
    place = AdminPort(free_port())
    with serving(operations, listen=str(place), tokens=(token,)) as served:
        served.call(served.site.listen, str(place))
        access = Access("o" * 32)
        assert AdminCaller(place, access).get("proxies").status == 200
        assert AdminCaller(place).get("proxies").status == 401
        assert AdminCaller(place, Access("x" * 32)).get("proxies").status == 401
    assert "ooo" not in repr(access)
    assert repr(AdminCaller(place, access)) == f"<AdminCaller of {place}>"


def test_it_speaks_tls(operations, tmp_path):
    """Whoever's certificate is not trusted hears nothing, and the reason is said."""
    files = self_signed().write(tmp_path)
    tls = AdminTls(certificate=str(files.certificate), private_key=str(files.key))
    token = AdminToken(name="ops", token=Secret("o" * 32))
    place = AdminPort(free_port())
    host = AdminHost("localhost", place.port)
    with serving(operations, listen=str(place), tokens=(token,), tls=tls) as served:
        served.call(served.site.listen, str(place))
        trusting = ssl.create_default_context(cafile=files.ca)
        access = Access("o" * 32, trusting)
        assert AdminCaller(host, access).get("proxies").status == 200
        strange = Access("o" * 32, ssl.create_default_context())
        with pytest.raises(UnreachableError, match=rf"at {host}: its certificate is not trus"):
            AdminCaller(host, strange).get("proxies")
        with pytest.raises(UnreachableError, match="no proxy can be reached"):
            AdminCaller(host, answer_seconds=0.5).get("proxies")


def test_tls_with_whom_speaks_none_is_said():
    """Such as a MySQL server, whose greeting is no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"J\x00\x00\x00\x0a8.0.39\x00")
                sock.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        place = AdminPort(listener.getsockname()[1])
        access = Access(tls=ssl.create_default_context())
        with pytest.raises(UnreachableError, match=r"TLS failed: [a-z ]+"):
            AdminCaller(place, access).get("proxies")
        thread.join()


def test_any_path_may_be_called(served, tmp_path):
    """With a query in it, or given apart."""
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    caller = AdminCaller(AdminSocket(str(path)))
    assert caller.call("GET", "v1/proxies", {}).content == caller.get("proxies").content
    assert caller.call("GET", "/v1/events?limit=1", {}).status == 200
    assert caller.get("events", after=0, limit=1).status == 200
    assert caller.get("events", limit="many").status == 400


def test_addresses_are_written_as_in_urls():
    """An IPv6 address has brackets."""
    assert str(AdminHost("proxy.example", 8443)) == "proxy.example:8443"
    assert str(AdminHost("2001:db8::1", 443)) == "[2001:db8::1]:443"


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
