"""What systemd is told by a real process, and what that takes from it."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import attrs
import pytest
import yaml

from tests.support.handover import LIMIT_SECONDS, Succession, python_path, wait_until
from tests.support.loopback import Talker
from tests.support.ports import free_port
from tests.support.process import RunningProxy
from tests.test_tap import twistd

pytestmark = pytest.mark.loopback

WATCHDOG_SECONDS = 0.4

STARTER = """
import json, os, socket, sys
names, ports = json.loads(sys.argv[1])
sockets = [socket.create_server(("127.0.0.1", port)) for port in ports]
for place, one in enumerate(sockets):
    os.dup2(one.fileno(), 3 + place)
    os.set_inheritable(3 + place, True)
if sockets:
    os.environ.update(
        LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(ports)), LISTEN_FDNAMES=":".join(names)
    )
os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""What systemd does before a program begins, which has the same process id afterwards."""

RUN = (sys.executable, "-m", "proxy", "run")
TWISTD = (*twistd("--nodaemon", "--pidfile="), "mysqlproxy")


@attrs.frozen(eq=False)
class Told:
    """A message; two that say the same are two.

    Attributes:
        pid: Who has sent it, as the kernel says.
        lines: What it says.
    """

    pid: int
    lines: list[str]

    def says(self, word):
        """Whether one of its lines begins so."""
        return any(line.startswith(word) for line in self.lines)


class Systemd:
    """A notify socket, and who is heard there.

    Attributes:
        told: All messages so far.
    """

    def __init__(self, path):
        self.path, self.told = path, []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))
        self._ears = threading.Thread(target=self._listen, daemon=True)
        self._ears.start()

    def _listen(self):
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(12))
            if not data:
                return
            ((_, _, credentials),) = ancillary
            pid, _, _ = struct.unpack("3i", credentials)
            self.told.append(Told(pid, data.decode().split("\n")))

    def wait_for(self, word, pid, since=0):
        """The first message of this process from a place on with a line that begins so."""
        found = []

        def look():
            found[:] = [one for one in self.told[since:] if one.pid == pid and one.says(word)]
            return found

        wait_until(look)
        return found[0]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._ears.join()
        self._socket.close()


@pytest.fixture
def systemd(tmp_path):
    """One that listens."""
    one = Systemd(tmp_path / "notify")
    yield one
    one.close()


@pytest.fixture
def start(server, tmp_path, systemd):
    """Start a proxy as systemd does; those that follow it end with the test, too."""
    running = []

    def start(program, *listen, names=(), ports=()):
        path, log = tmp_path / "mysqlproxy.yaml", tmp_path / "log"
        path.write_text(yaml.safe_dump(document(server, listen)))
        sockets = json.dumps([names, ports])
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [sys.executable, "-c", STARTER, sockets, *program[1:], "--config", str(path)],
                stdout=stream,
                stderr=stream,
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONPATH": python_path(),
                    "NOTIFY_SOCKET": str(systemd.path),
                    "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
                },
            )
        one = Succession(RunningProxy("127.0.0.1", 0, process, log))
        running.append(one)
        systemd.wait_for("READY=1", process.pid)
        return one

    yield start
    for one in running:
        one.end()
        one.first.process.terminate()
        # twistd ends by the signal that it was sent, which systemd counts as well done.
        assert one.first.process.wait(30) in {0, -signal.SIGTERM}


def document(server, listen):
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
            }
        ],
        "log": {"format": "json"},
        "workers": 1,
        "drain_timeout": 1,
    }


@pytest.fixture
def port(free_ports):
    """A port that is free."""
    return free_ports[0]


@pytest.fixture
def free_ports():
    """Two of them."""
    return [free_port(), free_port()]


def at(port):
    """How an endpoint listens there."""
    return f"tcp:{port}:interface=127.0.0.1"


def serves(port):
    """Whether a client gets an answer there."""
    with Talker(port) as client:
        return client.log_in()[0] == 0 and client.ask(b"INSERT INTO t VALUES (1)")[0] == 0


@pytest.mark.parametrize("program", [RUN, TWISTD])
def test_it_is_ready_when_it_listens_and_then_lives(start, systemd, port, program):
    """What it says first is that, with its status; then the watchdog hears of it."""
    one = start(program, at(port))
    assert serves(port)
    pid = one.pids[0]
    assert systemd.told[0].lines[0] == "READY=1"
    assert systemd.told[0].says("STATUS=shop: 0 clients")
    since = len(systemd.told)
    for _ in range(2):
        systemd.wait_for("WATCHDOG=1", pid, since)
        since = len(systemd.told)
    systemd.wait_for("STATUS=shop: ", pid, since)
    assert {told.pid for told in systemd.told} == {pid}


def test_a_reload_begins_and_ends_also_when_it_is_refused(start, systemd, port, tmp_path):
    """Systemd would wait for its end for ever else."""
    one = start(RUN, at(port))
    path, pid = tmp_path / "mysqlproxy.yaml", one.pids[0]
    for text in (path.read_text(), "nonsense: 1"):
        path.write_text(text)
        since = len(systemd.told)
        os.kill(pid, signal.SIGHUP)
        begun = systemd.wait_for("RELOADING=1", pid, since)
        assert begun.says("MONOTONIC_USEC=")
        ended = systemd.wait_for("READY=1", pid, since)
        assert systemd.told.index(begun) < systemd.told.index(ended)
    assert one.lines("the configuration was not changed")
    assert serves(port)


@pytest.mark.parametrize("program", [RUN, TWISTD])
def test_after_a_hand_over_it_is_the_new_process_that_lives(start, systemd, port, program):
    """The old one names it, and says no more; before that the new one says nothing."""
    one = start(program, at(port))
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        for place in range(2):
            old, since = one.pids[-1], len(systemd.told)
            new = one.replace()
            named = systemd.wait_for("MAINPID=", old, since)
            assert named.lines[0] == f"MAINPID={new}"
            assert systemd.wait_for("READY=1", new, since).says("STATUS=shop: ")
            systemd.wait_for("WATCHDOG=1", new, since)
            systemd.wait_for("STATUS=shop: 1 clients", new, len(systemd.told))
            wait_until(lambda place=place: one.has_ended(place))
            at_it = systemd.told.index(named)
            assert {told.pid for told in systemd.told[since:at_it]} <= {old}
            assert {told.pid for told in systemd.told[at_it + 1 :]} == {new}
        assert client.ask(b"INSERT INTO t VALUES (1)")[0] == 0
    since = len(systemd.told)
    os.kill(one.pids[-1], signal.SIGTERM)
    systemd.wait_for("STOPPING=1", one.pids[-1], since)


def test_a_refused_hand_over_leaves_the_service_where_it_is(start, systemd, port, tmp_path):
    """The old process goes on living, and no other one is heard."""
    one = start(RUN, at(port))
    path, pid = tmp_path / "mysqlproxy.yaml", one.pids[0]
    path.write_text("nonsense: 1")
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: one.lines("the new process did not take over"))
    systemd.wait_for("WATCHDOG=1", pid, len(systemd.told))
    assert {told.pid for told in systemd.told} == {pid}
    assert not any(told.says("MAINPID=") for told in systemd.told)


def test_it_says_that_it_stops_and_then_not_that_it_is_ready(start, systemd, port):
    """A reload that is asked for while it drains is refused without a word to systemd."""
    one = start(RUN, at(port))
    pid = one.pids[0]
    with Talker(port) as client:
        assert client.log_in()[0] == 0
        client.send(b"\x20\x00\x00")  # half a header
        since = len(systemd.told)
        os.kill(pid, signal.SIGTERM)
        stopping = systemd.wait_for("STOPPING=1", pid, since)
        os.kill(pid, signal.SIGHUP)
        assert stopping.says("STATUS=stopping: ")
        assert one.first.process.wait(LIMIT_SECONDS) == 0
    said = systemd.told[systemd.told.index(stopping) :]
    assert not any(told.says("READY=1") or told.says("RELOADING=1") for told in said)


@pytest.mark.parametrize("program", [RUN, TWISTD])
def test_each_endpoint_has_the_socket_of_its_name(start, systemd, free_ports, program):
    """Whatever the order in which systemd passes them; also after a hand-over."""
    one = start(
        program,
        *(f"systemd:domain=INET:name={name}" for name in ("reads", "mysql")),
        names=("mysql", "reads"),
        ports=free_ports,
    )
    for _ in range(2):
        lines = {line["endpoint"]: line for line in one.lines("an endpoint listens")[-2:]}
        for endpoint, port in zip(("main-1", "main-0"), free_ports, strict=True):
            assert lines[endpoint]["address"].endswith(f":{port}")
            assert serves(port)
        new = one.replace()
        systemd.wait_for("READY=1", new)
        wait_until(lambda: len(one.lines("an endpoint listens")) % 2 == 0)
