"""Tests of `proxy.cli.serve`."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.loopback


def test_a_taken_port_ends_it_with_a_clear_line(tmp_path):
    """Exit status 1, and the address that could not be had."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "mysqlproxy.yaml"
        config.write_text(
            "proxies:\n"
            "  - name: shop\n"
            "    auth: [{username: app, password: secret}]\n"
            '    target_group: {targets: [{address: "127.0.0.1:1"}]}\n'
            f'    endpoints: [{{name: shop, listen: "tcp:{port}:interface=127.0.0.1"}}]\n'
        )
        ended = subprocess.run(
            [sys.executable, "-m", "proxy", "run", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert f"mysqlproxy: cannot listen: Couldn't listen on 127.0.0.1:{port}" in ended.stderr


def test_it_may_have_as_many_files_as_the_system_lets_it(tmp_path):
    """Whatever the shell gave it; the log says so."""
    config = tmp_path / "mysqlproxy.yaml"
    config.write_text(
        "workers: 1\n"
        "proxies:\n"
        "  - name: shop\n"
        "    auth: [{username: app, password: secret}]\n"
        '    target_group: {targets: [{address: "127.0.0.1:1"}]}\n'
        f'    endpoints: [{{name: shop, listen: "unix:{tmp_path}/gone/p"}}]\n'
    )
    limited = ["sh", "-c", 'ulimit -S -n 200 && ulimit -H -n 1000 && exec "$@"', "sh"]
    ended = subprocess.run(
        [*limited, sys.executable, "-m", "proxy", "run", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = [one for one in ended.stderr.splitlines() if "open files" in one]
    assert "the limit of open files is raised" in line
    assert "1000" in line
