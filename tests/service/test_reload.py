"""Tests of `proxy.service.reload`: workers that read their configuration again."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred

from proxy.admin.caller import AdminCaller
from proxy.config.admin import AdminSocket
from proxy.embedded.certificates import self_signed
from proxy.observe.metrics import ProxyCollector
from proxy.service.reload import Reloader
from tests.support.ports import free_port

pytestmark = pytest.mark.loopback

LIMIT_SECONDS = 60
CHANGED = "the configuration was changed"
SAME = "the configuration is the same as before"
REFUSED = "the configuration was not changed"


class Running:
    """A worker with nothing behind it.

    Attributes:
        path: Its configuration.
        text: What that said first.
        log: The lines of its log so far.
    """

    def __init__(self, folder, command=("-m", "proxy", "run"), workers=1, **streams):
        self.path = folder / "mysqlproxy.yaml"
        self.text = (
            "proxies:\n"
            "  - name: shop\n"
            "    auth: [{username: app, password_env: APP_PASSWORD}]\n"
            '    target_group: {targets: [{address: "127.0.0.1:1"}]}\n'
            f'    endpoints: [{{name: shop, listen: "unix:{folder}/shop.sock"}}]\n'
            f'admin: {{listen: "unix:{folder}/admin.sock"}}\n'
            "log: {format: json}\n"
            "drain_timeout: 0\n"
            f"workers: {workers}\n"
        )
        self.path.write_text(self.text)
        self.folder = folder
        self.admin = AdminCaller(AdminSocket(str(folder / "admin.sock")))
        self.log = []
        self.process = subprocess.Popen(
            [sys.executable, *command, "--config", str(self.path)],
            stderr=streams.pop("stderr", subprocess.PIPE),
            text=True,
            env={**os.environ, "APP_PASSWORD": "secret"},
            **streams,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        if self.process.stderr is not None:
            self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with contextlib.suppress(ValueError):
                self.log.append(json.loads(line))

    def said(self, message):
        """The lines with this message."""
        return [line for line in self.log if line["message"] == message]

    def wait_for(self, message, count=1):
        """Wait until it has said this so often; the last such line."""
        until(lambda: len(self.said(message)) >= count, self.log)
        return self.said(message)[-1]

    def change(self, old, new):
        """Change the configuration."""
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    def hang_up(self):
        """Send SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def end(self):
        """Stop it; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(LIMIT_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stderr is not None:
                self._reader.join()
                self.process.stderr.close()


def until(condition, log=()):
    """Wait until something is so; tells the log when it never is."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "\n".join(map(json.dumps, log))
        time.sleep(0.01)


def greeted(path):
    """Whether somebody greets there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT_SECONDS)
        try:
            client.connect(str(path))
        except OSError:
            return False
        return bool(client.recv(100))


def metrics(running):
    """What Prometheus reads."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT_SECONDS)
        client.connect(str(running.folder / "admin.sock"))
        client.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


@pytest.fixture
def workers():
    """How many processes serve."""
    return 1


ALSO_WITH_WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def running(tmp_path, workers):
    """A proxy that serves."""
    running = Running(tmp_path, workers=workers)
    try:
        running.wait_for("an endpoint listens")
        running.wait_for("the admin API listens")
        yield running
    finally:
        assert running.end() == 0


def test_sighup_puts_the_file_in_force(running):
    """One line says what has changed, and what needs a restart."""
    running.change("shop.sock", "new.sock")
    running.change("format: json", "format: console, level: debug")
    running.hang_up()
    line = running.wait_for(CHANGED)
    assert line["changed"] == ["proxies[shop].endpoints[shop].listen", "log.level"]
    assert line["needs_restart"] == ["log.format"]
    assert greeted(running.folder / "new.sock")
    assert not (running.folder / "shop.sock").exists()
    running.hang_up()
    assert running.wait_for(CHANGED, 2)["changed"] == []


@ALSO_WITH_WORKERS
def test_nothing_is_changed_where_something_is_wrong(running):
    """All reasons are in the log; and then it can be mended."""
    running.change("drain_timeout: 0", "drain_timeout: -1\nnonsense: 1")
    running.hang_up()
    why = running.wait_for(REFUSED)["why"]
    assert ["drain_timeout" in why[0], "nonsense" in why[1]] == [True, True]
    running.path.write_text(running.text.replace("APP_PASSWORD", "NO_PASSWORD"))
    running.hang_up()
    assert "NO_PASSWORD" in running.wait_for(REFUSED, 2)["why"][0]
    assert greeted(running.folder / "shop.sock")
    running.path.write_text(running.text)
    running.hang_up()
    running.wait_for(SAME)


def test_the_admin_api_reloads_also_where_it_listens(running):
    """The answer comes over the connection on which was asked."""
    assert running.admin.post("reload").content == {"changed": [], "needs_restart": []}
    running.change("admin.sock", "other.sock")
    assert running.admin.post("reload").content["changed"] == ["admin.listen"]
    other = AdminCaller(AdminSocket(str(running.folder / "other.sock")))
    until(lambda: not (running.folder / "admin.sock").exists())
    assert other.post("reload").content == {"changed": [], "needs_restart": []}


def test_a_place_of_the_admin_api_that_cannot_be_had_changes_nothing(running):
    """Neither does the endpoint that would have been new beside it."""
    running.change("admin.sock", "gone/admin.sock")
    running.change("shop.sock", "new.sock")
    reply = running.admin.post("reload")
    assert "the folder is not there" in reply.error
    assert greeted(running.folder / "shop.sock")
    assert not (running.folder / "new.sock").exists()


def test_the_admin_api_gets_another_mode_and_tls_where_it_listens(running, tmp_path):
    """Neither the socket nor the port is closed for it."""
    port = free_port()
    running.change('admin.sock"', f'admin.sock", "tcp:{port}:interface=127.0.0.1"]')
    running.change('listen: "unix:', 'listen: ["unix:')
    running.path.write_text(
        running.path.read_text().replace('listen: ["unix', 'listen: "unix', 1)
    )
    assert running.admin.post("reload").content["changed"] == ["admin.listen"]
    files = self_signed().write(tmp_path / "tls")
    tls = f"tls: {{certificate: {files.certificate}, private_key: {files.key}}}"
    running.change("admin.sock", "admin.sock:mode=600")
    running.change("admin: {", f"admin: {{{tls}, ")
    assert running.admin.post("reload").content["changed"] == [
        "admin.listen",
        "admin.tls.certificate",
        "admin.tls.private_key",
    ]
    assert stat.S_IMODE((running.folder / "admin.sock").stat().st_mode) == 0o600
    context = ssl.create_default_context(cafile=files.certificate)
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain) as client,
    ):
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


def test_before_it_listens_nothing_is_changed():
    """Its own ports would be in its way; and systemd would take the end for its readiness."""
    process = SimpleNamespace(
        config=None,
        config_path=Path("mysqlproxy.yaml"),
        hand_over=SimpleNamespace(is_done=False, is_under_way=False, waits=False),
        running=True,
        listening=Deferred(),
        collector=ProxyCollector(),
    )
    reloader, told = Reloader(process), []
    reloader.on_begin = reloader.on_end = lambda: told.append("systemd")
    why = []
    asked = Deferred.fromCoroutine(reloader.reload())
    asked.addErrback(lambda failure: why.append(failure.value.why))
    assert why == ["this process does not listen yet: try again when it does"]
    assert told == []
    assert process.collector.process.configuration_reloads == {"succeeded": 0, "refused": 1}


def test_whoever_asks_too_early_asks_again(tmp_path):
    """What it starts with comes up, and what was asked for is in force then."""
    running = Running(tmp_path, workers=2)
    try:
        running.wait_for("starting")
        running.change("drain_timeout: 0", "drain_timeout: 0.5")
        running.hang_up()
        running.wait_for("a worker serves", 2)
        running.wait_for("an endpoint listens")
        running.hang_up()
        assert running.wait_for(CHANGED)["changed"] == ["drain_timeout"]
        assert greeted(running.folder / "shop.sock")
    finally:
        assert running.end() == 0


@ALSO_WITH_WORKERS
def test_proxies_come_and_go(running):
    """One that goes ends with its clients; the metrics know the others."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(running.folder / "shop.sock"))
        assert client.recv(100)
        running.change("name: shop\n", "name: store\n")
        running.hang_up()
        running.wait_for("a proxy has ended")
        assert client.recv(100) == b""
    assert running.wait_for(CHANGED)["changed"] == ["proxies[store]", "proxies[shop]"]
    assert greeted(running.folder / "shop.sock")
    (proxy,) = running.admin.get("proxies").content["proxies"]
    assert proxy["name"] == "store"
    assert '{proxy="store"' in metrics(running)
    assert '{proxy="shop"' not in metrics(running)


def test_a_level_that_was_set_by_hand_stays_until_the_file_says_another_one(running):
    """What an operator looks at is not taken away by somebody else's reload."""
    assert not running.admin.post("log", level="debug").error
    running.change("drain_timeout: 0", "drain_timeout: 0.5")
    running.admin.post("reload")
    assert running.admin.get("log").content["level"] == "debug"
    running.change("format: json", "format: json, level: error")
    running.admin.post("reload")
    assert running.admin.get("log").content["level"] == "error"


def test_of_many_signals_each_sees_the_last_file(running):
    """While one is at work one waits, and no more."""
    running.change("drain_timeout: 0", "drain_timeout: 0.5")
    for _ in range(10):
        running.hang_up()
    running.wait_for(CHANGED)
    assert running.admin.post("reload").content["changed"] == []
    assert len(running.said(CHANGED)) == 1
    assert not running.said(REFUSED)


def test_twistd_reloads_too(tmp_path):
    """It has no use of its own for the signal."""
    command = ("-c", "from twisted.scripts.twistd import run; run()", "-n", "mysqlproxy")
    running = Running(tmp_path, command)
    try:
        running.wait_for("an endpoint listens")
        running.wait_for("the admin API listens")
        running.change("drain_timeout: 0", "drain_timeout: 0.5")
        running.hang_up()
        assert running.wait_for(CHANGED)["changed"] == ["drain_timeout"]
    finally:
        running.end()


def test_the_end_of_its_terminal_ends_it(tmp_path):
    """There the signal means that nobody is there any more."""
    ours, theirs = pty.openpty()
    running = Running(tmp_path, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        heard = b""
        while b"the admin API listens" not in heard:
            heard += os.read(ours, 4096)
        os.close(ours)
        running.hang_up()
        assert running.process.wait(LIMIT_SECONDS) == 0
    finally:
        running.end()
