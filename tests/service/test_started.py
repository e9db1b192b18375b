"""Tests of `proxy.service.started`: the admin API that it opens."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys

import pytest
from twisted.internet.testing import MemoryReactorClock

from proxy.config.model import Config
from proxy.service.alone import Alone
from proxy.service.reload import TOO_EARLY
from tests.support.assembling import make_config

pytestmark = pytest.mark.loopback

LIMIT_SECONDS = 60
GET = b"GET /v1/proxies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def running(folder, listen):
    """A process with an admin API; nothing is behind it."""
    path = folder / "mysqlproxy.yaml"
    path.write_text(
        "proxies:\n"
        "  - name: shop\n"
        "    auth: [{username: app, password: secret}]\n"
        "    target_group:\n"
        "      topology: REPLICATION\n"
        '      targets: [{address: "127.0.0.1:1"}, {address: "127.0.0.1:2"}]\n'
        f'    endpoints: [{{name: shop, listen: "unix:{folder}/shop.sock"}}]\n'
        f'admin: {{listen: "{listen}"}}\n'
        "log: {format: json}\n"
        "workers: 1\n"
        "drain_timeout: 1\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "run", "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for(process, message):
    """Read the log up to a line of this kind."""
    for line in process.stderr:
        if message in line:
            return
    raise AssertionError("the process ended before it was so far")


def test_a_process_that_does_not_listen_yet_is_not_replaced():
    """A new one would be given no ports, and open them where this one is about to."""
    process = Alone(Config(proxies=(make_config(),)), MemoryReactorClock())
    assert process._handed_over().objections == (TOO_EARLY,)
    process.listening.callback(None)
    assert process._handed_over().objections == ()


def test_the_admin_api_tells_how_each_proxy_stands(tmp_path):
    """From the start on, while no target is there; it is closed at the end."""
    place = tmp_path / "admin.sock"
    with running(tmp_path, f"unix:{place}") as process:
        wait_for(process, "the admin API listens")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT_SECONDS)
            client.connect(str(place))
            client.sendall(GET)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        (proxy,) = json.loads(answer.partition(b"\r\n\r\n")[2])["proxies"]
        assert (proxy["name"], proxy["writer"], proxy["held"]) == ("shop", "127.0.0.1:1", True)
        process.terminate()
        _, rest = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0
        assert '"message": "stopped"' in rest
        assert not place.exists()


def test_an_admin_api_that_cannot_listen_ends_the_process(tmp_path):
    """As an endpoint does that cannot: exit status 1, and a line that says where and why."""
    place = tmp_path / "gone" / "admin.sock"
    with running(tmp_path, f"unix:{place}") as process:
        _, log = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 1
    assert (
        f"mysqlproxy: cannot listen: the admin API cannot listen at unix:{place}: "
        "the folder is not there"
    ) in log
