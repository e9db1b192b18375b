"""Tests of `proxy.admin.site`, over real sockets."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from proxy.admin.site import AdminListenError
from proxy.config.admin import AdminConfig, AdminToken
from proxy.config.secret import Secret
from proxy.observe.log import configure
from tests.admin.operating import (
    GET,
    LIMIT_SECONDS,
    FakeOperations,
    exchange,
    post,
    serving,
    taken_apart,
)
from tests.support.loopback import wait_until
from tests.support.ports import free_port

pytestmark = pytest.mark.loopback


def connections(served):
    return served.call(lambda: len(served.site._factory.channels))


def test_only_its_user_and_group_may_open_it(served, tmp_path):
    """Unless the setting has another mode."""
    modes = []
    for number, more in enumerate(["", ":mode=600"]):
        path = tmp_path / str(number)
        served.call(served.site.listen, f"unix:{path}{more}")
        modes.append(stat.S_IMODE(path.stat().st_mode))
    assert modes == [0o660, 0o600]


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


def test_clear_text_that_others_reach_is_warned_of():
    """At the start and at a reload, and not where there is none."""
    token = AdminToken(name="ci", token=Secret("0123456789abcdef"))
    place = f"tcp:{free_port()}:interface=0.0.0.0"
    stream = io.StringIO()
    configure("json", "info", stream)

    def warnings():
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [line["addresses"] for line in lines if line["level"] == "warning"]

    settings = {"tokens": (token,), "allow_clear_text": True}
    try:
        with serving(FakeOperations(), listen=place, **settings) as served:
            served.call(served.site.listen_everywhere)
            assert warnings() == [[place]]
            served.call(served.site.reconfigure, AdminConfig(tokens=(token,)))
            assert warnings() == [[place]]
            served.call(served.site.reconfigure, AdminConfig(listen=place, **settings))
            assert warnings() == [[place]] * 2
    finally:
        configure()


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
        "from proxy.config.admin import AdminConfig\n"
        "from twisted.internet.defer import Deferred\n"
        "site = AdminSite(None, AdminConfig(), reactor)\n"
        "listens = Deferred.fromCoroutine(site.listen(sys.argv[1]))\n"
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
