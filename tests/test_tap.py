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


def test_the_plugin_may_have_as_many_files_as_the_system_lets_it(tmp_path):
    """Whatever the shell gave it; the log says so."""
    path = config(tmp_path, f"unix:{tmp_path}/gone/p")
    path.write_text("workers: 1\n" + path.read_text())
    limited = ["sh", "-c", 'ulimit -S -n 200 && ulimit -H -n 1000 && exec "$@"', "sh"]
    ended = subprocess.run(
        [
            *limited,
            *twistd("--nodaemon", "--pidfile=", "mysqlproxy", "--config", str(path)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert "cannot listen" in ended.stdout
    (line,) = [one for one in ended.stdout.splitlines() if "open files" in one]
    assert "the limit of open files is raised" in line
    assert "1000" in line
