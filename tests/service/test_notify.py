"""Tests of `proxy.service.notify`, over a real socket."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.service.notify import LONGEST_STATUS, STATUS_SECONDS, Notifier, for_successor


class Systemd:
    """Who listens."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        name = self.socket.getsockname()
        self.name = name if isinstance(name, str) else "@" + name[1:].decode()

    def heard(self):
        """What has come since, a list of lines for each datagram."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return found


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    """Listens at a path or in the abstract namespace."""
    name = f"mysqlproxy-{os.getpid()}"
    listener = Systemd(str(tmp_path / "n") if request.param == "path" else "\0" + name)
    yield listener
    listener.socket.close()


def make(clock, status="all well", **environ):
    return Notifier(environ, clock, lambda: status, get_logger())


def test_tells_that_it_is_ready_and_how_it_goes(systemd, clock):
    """The status is told again now and then, and the watchdog has no part in it."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name)
    notifier.ready()
    assert systemd.heard() == [["READY=1", "STATUS=all well"]]
    clock.advance(STATUS_SECONDS)
    clock.advance(STATUS_SECONDS)
    assert systemd.heard() == [["STATUS=all well"]] * 2
    notifier.stop()
    assert not clock.getDelayedCalls()


def test_lives_twice_in_each_span_of_the_watchdog(systemd, clock):
    """Also while it stops, for that takes its time."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name, WATCHDOG_USEC="4000000")
    notifier.ready()
    systemd.heard()
    clock.pump([2, 2])
    assert systemd.heard() == [["WATCHDOG=1"]] * 2
    notifier.stopping(7)
    clock.advance(2)
    assert systemd.heard() == [
        ["STOPPING=1", "STATUS=stopping: 7 clients are left"],
        ["WATCHDOG=1"],
    ]
    notifier.stop()


@pytest.mark.parametrize("environ", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_for_somebody_else_is_none(systemd, clock, environ):
    """It names the process that it is for, and its span is a number."""
    environ = {"WATCHDOG_USEC": "4000000", "NOTIFY_SOCKET": systemd.name} | environ
    assert make(clock, **environ).watchdog_seconds is None


def test_a_reload_has_its_moment_and_an_end(systemd, clock):
    """Systemd wants to know when it began, on its own clock."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name)
    notifier.ready()
    notifier.reloading()
    notifier.ready()
    notifier.stop()
    begun = systemd.heard()[1]
    assert begun[0] == "RELOADING=1"
    assert int(begun[1].removeprefix("MONOTONIC_USEC=")) > 0
    assert not clock.getDelayedCalls()


def test_after_a_hand_over_it_has_nothing_more_to_say(systemd, clock):
    """The successor is the service; its predecessor's watchdog would be nobody's."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name, WATCHDOG_USEC="4000000")
    notifier.ready()
    systemd.heard()
    notifier.hand_over(4711)
    assert systemd.heard()[0][0] == "MAINPID=4711"
    clock.pump([2, 2, 2])
    notifier.stopping(3)
    assert systemd.heard() == []


def test_a_reload_that_ends_while_it_stops_is_not_told(systemd, clock):
    """It would mean that the service is ready again."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name)
    notifier.ready()
    notifier.reloading()
    notifier.stopping(3)
    systemd.heard()
    notifier.ready()
    assert systemd.heard() == []
    notifier.stop()


def test_what_is_for_us_is_for_no_child(clock):
    """The variables are taken out of the environment."""
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "PATH": "/bin"}
    Notifier(environ, clock, str, get_logger())
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("where", ["", "vsock:2:1234", "relative"])
def test_without_systemd_nothing_is_told(clock, where):
    """No socket, or none that we know."""
    notifier = make(clock, NOTIFY_SOCKET=where, WATCHDOG_USEC="4000000")
    with capture_logs() as lines:
        notifier.ready()
        notifier.reloading()
        notifier.stopping(0)
    assert not clock.getDelayedCalls()
    assert not lines


def test_what_matters_waits_for_a_systemd_that_is_busy(systemd, clock):
    """What it hears again and again does not; a second failure in a row is not said."""
    notifier = make(clock, NOTIFY_SOCKET=systemd.name, WATCHDOG_USEC="2000000")
    notifier.ready()
    systemd.heard()
    with capture_logs() as lines:
        clock.pump([1] * 2000)
    assert [line["event"] for line in lines] == ["systemd cannot be told how it goes"]
    heard = []
    reading = threading.Timer(0.1, lambda: heard.extend(systemd.heard()))
    reading.start()
    notifier.reloading()
    reading.join()
    heard += systemd.heard()
    assert heard[-1][0] == "RELOADING=1"
    notifier.stop()


def test_a_status_is_one_line_and_not_long(systemd, clock):
    """Whatever is in the name of a target."""
    notifier = make(clock, status="a\nREADY=0" + "b" * 1000, NOTIFY_SOCKET=systemd.name)
    notifier.ready()
    notifier.stop()
    ((_, status),) = systemd.heard()
    assert status.startswith("STATUS=a?READY=0b")
    assert len(status) == len("STATUS=") + LONGEST_STATUS


def test_a_systemd_that_is_away_is_said_once(tmp_path, clock):
    """Nothing else suffers, and it is tried again."""
    path = tmp_path / "gone"
    notifier = make(clock, NOTIFY_SOCKET=str(path))
    with capture_logs() as lines:
        notifier.ready()
        clock.advance(STATUS_SECONDS)
    assert [line["event"] for line in lines] == ["systemd cannot be told how it goes"]
    there = Systemd(str(path))
    clock.advance(STATUS_SECONDS)
    assert there.heard() == [["STATUS=all well"]]
    there.socket.close()
    notifier.stop()
    assert Path(path).exists()


def test_the_watchdog_of_a_successor_is_its_own():
    """The variable that names this process is not handed on; somebody else's is."""
    ours = {"WATCHDOG_PID": str(os.getpid()), "WATCHDOG_USEC": "1", "NOTIFY_SOCKET": "/n"}
    assert for_successor(ours) == {"WATCHDOG_USEC": "1", "NOTIFY_SOCKET": "/n"}
    assert for_successor({"WATCHDOG_PID": "1"}) == {"WATCHDOG_PID": "1"}
