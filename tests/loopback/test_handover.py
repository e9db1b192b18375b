"""Processes that follow one another: sockets, unix paths, socket activation, twistd, TLS."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proxy.admin.caller import AdminCaller
from proxy.config.admin import AdminSocket
from proxy.embedded.certificates import self_signed
from tests.support.handover import Succession, is_running, python_path, wait_until
from tests.support.loopback import Talker
from tests.support.ports import free_port
from tests.support.process import RunningProxy
from tests.support.tls import client_context
from tests.test_tap import twistd

pytestmark = pytest.mark.loopback

REFUSED = "the configuration was not changed"
"""What an operator has to know, so that its level is error."""

ACTIVATE = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="mysql")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""What systemd does: it listens, and a program finds the socket as its descriptor 3."""


@pytest.fixture
def start(server, tmp_path):
    """Start a proxy with these endpoints, in a way of the test's; all end with the test."""
    running = []

    def start(*listen, program=(sys.executable, "-m", "proxy", "run"), **settings):
        path = tmp_path / "mysqlproxy.yaml"
        path.write_text(yaml.safe_dump(document(server, listen, settings)))
        log = tmp_path / "log"
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [*program, "--config", str(path)],
                stdout=stream,
                stderr=stream,
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": python_path()},
            )
        one = Succession(RunningProxy("127.0.0.1", 0, process, log))
        running.append(one)
        wait_until(lambda: len(one.lines("an endpoint listens")) == len(listen))
        return one

    yield start
    for one in running:
        one.end()
        one.first.process.terminate()
        assert one.first.process.wait(30) == 0
        logged = [line for line in one.first.log() if "timestamp" in line]
        grave = [line for line in logged if line["level"] in ("error", "critical")]
        assert [line for line in grave if line["message"] != REFUSED] == []


def document(server, listen, settings):
    """The configuration."""
    return {
        "proxies": [
            {
                "name": "shop",
                "auth": [{"username": "app", "password": "secret"}],
                "target_group": {"targets": [{"address": f"127.0.0.1:{server.port}"}]},
                "endpoints": [
                    {"name": f"main-{number}", "listen": one}
                    for number, one in enumerate(listen)
                ],
                **settings.pop("proxy", {}),
            }
        ],
        "log": {"format": "json"},
        "workers": 1,
        "drain_timeout": 1,
        **settings,
    }


@pytest.fixture
def certificates(tmp_path):
    """What the proxy shows to its clients."""
    files = self_signed().write(tmp_path)
    return {"certificate": str(files.certificate), "private_key": str(files.key)}


@pytest.fixture
def port():
    """A port that is free."""
    return free_port()


def test_a_client_that_stays_connected_is_served_by_each_process_in_turn(start, port):
    """Its connection is the same all the time."""
    one = start(f"tcp:{port}:interface=127.0.0.1")
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        for place in range(3):
            one.replace()
            wait_until(lambda place=place: one.has_ended(place))
            assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0


def test_a_unix_socket_stays_where_it_is(start, tmp_path):
    """So do its mode and its lock; the last process takes them away."""
    path = tmp_path / "p"
    one = start(f"unix:{path}:mode=600")
    lock = path.with_name("p.lock")
    for place in range(2):
        pid = one.replace()
        wait_until(lambda place=place: one.has_ended(place))
        with Talker(path=path) as client:
            assert client.log_in()[0] == 0
            assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert str(lock.readlink()) == str(pid)
    one.end()
    assert not path.exists()
    assert not os.path.lexists(lock)


def test_the_admin_socket_is_reachable_afterwards(start, port, tmp_path):
    """The new process answers there, and takes it away at its end."""
    place = tmp_path / "admin.sock"
    one = start(f"tcp:{port}:interface=127.0.0.1", admin={"listen": f"unix:{place}"})
    pid = one.replace()
    wait_until(lambda: one.has_ended(0))
    wait_until(lambda: len(one.lines("the admin API listens")) == 2)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(place))
        caller.sendall(b"GET /v1/proxies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
    assert is_running(pid)
    one.end()
    assert not place.exists()


@pytest.mark.parametrize("how", ["index=0", "name=mysql"])
def test_sockets_of_systemd_are_taken_and_handed_over(start, port, how):
    """A process that was not started by systemd has them from the one before."""
    program = (sys.executable, "-c", ACTIVATE, str(port), "-m", "proxy", "run")
    one = start(f"systemd:domain=INET:{how}", program=program)
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        for place in range(2):
            one.replace()
            wait_until(lambda place=place: one.has_ended(place))
        assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
        with Talker(port) as other:
            assert other.log_in()[0] == 0


def test_a_twistd_is_replaced_by_a_twistd(start, port, tmp_path):
    """Its file with the process id names the new one."""
    pid_file = tmp_path / "twistd.pid"
    one = start(
        f"tcp:{port}:interface=127.0.0.1",
        program=(*twistd("--nodaemon", f"--pidfile={pid_file}"), "mysqlproxy"),
    )
    assert pid_file.read_text() == str(one.pids[0])
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        pid = one.replace()
        wait_until(lambda: one.has_ended(0))
        assert pid_file.read_text() == str(pid)
        assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
    one.end()
    assert not pid_file.exists()


def test_a_twistd_in_the_background_is_replaced_by_one(server, port, tmp_path):
    """Neither is a child of who started it, and both are found by the file."""
    path, pid_file = tmp_path / "mysqlproxy.yaml", tmp_path / "twistd.pid"
    listen = (f"tcp:{port}:interface=127.0.0.1",)
    path.write_text(yaml.safe_dump(document(server, listen, {})))
    command = twistd(f"--pidfile={pid_file}", "mysqlproxy", "--config", str(path))
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    first = last = int(pid_file.read_text())
    try:
        wait_until(lambda: listens(port))
        with Talker(port) as client:
            assert client.log_in()[0] == 0
            os.kill(first, signal.SIGUSR2)
            wait_until(lambda: not is_running(first))
            last = int(pid_file.read_text())
            assert last != first
            assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
    finally:
        for pid in {first, last}:
            if is_running(pid):
                os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_running(last))
    assert not pid_file.exists()


def listens(port):
    """Whether somebody accepts connections there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_a_client_with_tls_stays_until_it_leaves(start, port, certificates):
    """It is served by the old process, which ends with it."""
    one = start(
        f"tcp:{port}:interface=127.0.0.1",
        proxy={"tls": {"certificates": [certificates]}},
    )
    with Talker(port) as client:
        client.start_tls(client_context())
        assert client.log_in()[0] == 0
        one.replace()
        assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
        assert not one.has_ended(0)
    wait_until(lambda: one.has_ended(0))


def test_those_who_cannot_go_are_cut_off_when_the_time_is_over(start, port, certificates):
    """The setting says how long they may stay."""
    one = start(
        f"tcp:{port}:interface=127.0.0.1",
        proxy={"tls": {"certificates": [certificates]}},
        handover_timeout=0,
    )
    with Talker(port) as client:
        client.start_tls(client_context())
        assert client.log_in()[0] == 0
        one.replace()
        assert client.rest() == b""
    wait_until(lambda: one.has_ended(0))


def test_a_successor_that_cannot_listen_changes_nothing(start, port, tmp_path):
    """It tells why, and the old process accepts as before."""
    one = start(f"tcp:{port}:interface=127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = tmp_path / "mysqlproxy.yaml"
        other = taken.getsockname()[1]
        path.write_text(path.read_text().replace(f"tcp:{port}", f"tcp:{other}"))
        one.first.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: one.lines("the new process did not take over"))
    (line,) = one.lines("the new process did not take over")
    assert str(other) in line["why"]
    with Talker(port) as client:
        assert client.log_in()[0] == 0


def test_a_process_that_stops_is_not_replaced(start, port):
    """A drain goes on as it began."""
    one = start(f"tcp:{port}:interface=127.0.0.1", drain_timeout=20)
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        one.first.process.terminate()
        wait_until(lambda: one.lines("draining"))
        one.first.process.send_signal(signal.SIGUSR2)
    assert one.first.process.wait(30) == 0
    assert one.lines("a new process is started, which is to take over") == []


def test_a_client_at_a_unix_socket_goes_too(start, tmp_path):
    """Its connection is of another kind, and moves as well."""
    path = tmp_path / "p"
    one = start(f"unix:{path}")
    with Talker(path=path) as client:
        assert client.log_in()[0] == 0
        for place in range(2):
            one.replace()
            wait_until(lambda place=place: one.has_ended(place))
            assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0


def test_an_endpoint_that_is_wanted_no_more_leaves_nothing_behind(start, port, tmp_path):
    """The path of its unix socket is gone with the old process."""
    gone = tmp_path / "gone"
    one = start(f"tcp:{port}:interface=127.0.0.1", f"unix:{gone}")
    path = tmp_path / "mysqlproxy.yaml"
    settings = yaml.safe_load(path.read_text())
    del settings["proxies"][0]["endpoints"][1]
    path.write_text(yaml.safe_dump(settings))
    one.replace()
    wait_until(lambda: one.has_ended(0))
    assert not gone.exists()
    assert not os.path.lexists(tmp_path / "gone.lock")


def test_nothing_else_is_done_while_a_new_process_starts(start, port):
    """It would not know of it; a signal more or less changes nothing."""
    one = start(f"tcp:{port}:interface=127.0.0.1")
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        os.kill(one.pids[0], signal.SIGUSR2)
        wait_until(lambda: one.lines("a new process is started, which is to take over"))
        os.kill(one.pids[0], signal.SIGUSR2)
        wait_until(lambda: one.lines("the proxy is not replaced by a new process"))
        os.kill(one.pids[0], signal.SIGHUP)
        wait_until(lambda: one.lines("another process is the service"))
        (line,) = one.lines("another process is the service")
        one.pids.append(line["pid"])
        wait_until(lambda: one.has_ended(0))
        assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
    assert len(one.lines(REFUSED)) == 1


def test_a_process_that_stops_while_a_new_one_starts_takes_it_along(start, port):
    """Whoever says stop means the service."""
    one = start(f"tcp:{port}:interface=127.0.0.1")
    (pid,) = one.pids
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: one.lines("a new process is started, which is to take over"))
    children = [
        int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]
    assert children
    os.kill(pid, signal.SIGTERM)
    assert one.first.process.wait(30) == 0
    wait_until(lambda: not any(map(is_running, children)))
    assert not listens(port)


def test_whoever_is_still_with_the_old_process_outlives_the_new_one(start, port, certificates):
    """Who can go comes back when the new process dies before it has them."""
    one = start(
        f"tcp:{port}:interface=127.0.0.1",
        proxy={"tls": {"certificates": [certificates]}},
    )
    with Talker(port) as stays:
        stays.start_tls(client_context())
        assert stays.log_in()[0] == 0
        pid = one.replace()
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: one.lines("the new process has ended; clients that are still here stay")
        )
        assert stays.ask(b"INSERT INTO t VALUES (1)")[0] == 0
        assert not one.has_ended(0)
    wait_until(lambda: one.has_ended(0))


def test_a_restart_asked_of_the_admin_api_is_answered_when_it_is_done(start, port, tmp_path):
    """By the process that goes; the next order is the new one's."""
    place = tmp_path / "admin.sock"
    one = start(f"tcp:{port}:interface=127.0.0.1", admin={"listen": f"unix:{place}"})
    caller = AdminCaller(AdminSocket(str(place)))
    for number in range(1, 3):
        wait_until(lambda number=number: len(one.lines("the admin API listens")) == number)
        reply = caller.post("restart", timeout_seconds=60.0)
        assert reply.content["done"] is True
        one.pids.append(one.lines("another process is the service")[-1]["pid"])
        wait_until(lambda number=number: one.has_ended(number - 1))
    wait_until(lambda: len(one.lines("the admin API listens")) == number + 1)
    assert caller.post("reload").content["changed"] == []
    assert listens(port)
