"""Tests of `proxy.tap`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.loopback

START_SECONDS = 60


def twistd(*words):
    """The command line of twistd, wherever this environment has it."""
    run = "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"
    return [sys.executable, "-c", run, *words]


def config(folder, listen):
    path = folder / "mysqlproxy.yaml"
    path.write_text(
        "proxies:\n"
        "  - name: shop\n"
        "    auth: [{username: app, password: secret}]\n"
        '    target_group: {targets: [{address: "127.0.0.1:1"}]}\n'
        f'    endpoints: [{{name: shop, listen: "{listen}"}}]\n'
    )
    return path


def test_twistd_starts_the_plugin_and_sigterm_stops_it(tmp_path):
    """A client is greeted on a unix socket; after SIGTERM nothing listens any more."""
    place = tmp_path / "p"
    path = config(tmp_path, f"unix:{place}")
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            twistd("--nodaemon", "--pidfile=", "mysqlproxy", "--config", str(path)),
            stderr=stream,
            stdout=stream,
        )
    try:
        ends = time.monotonic() + START_SECONDS
        while not place.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(START_SECONDS)
            client.connect(str(place))
            assert client.recv(5)[4:] == b"\x0a"
            client.shutdown(socket.SHUT_RDWR)
        process.terminate()
        process.wait(START_SECONDS)
        assert not place.exists()
        assert '"message": "stopped"' in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_bad_configuration_ends_twistd_with_its_errors(tmp_path):
    """File, line and key path are on standard error, and the status is not 0."""
    path = config(tmp_path, "tcp:0")
    path.write_text(path.read_text().replace("username", "usrname"))
    ended = subprocess.run(
        twistd("--nodaemon", "--pidfile=", "mysqlproxy", "--config", str(path)),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert ended.returncode != 0
    assert f"{path}:3: proxies[0].auth[0]" in ended.stderr
