"""Tests of `proxy.service.supervising.supervisor`: real processes, no targets."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from twisted.internet import reactor

from proxy.config.load import load_config_text
from proxy.service.alone import Alone
from proxy.service.supervising.supervisor import Supervisor, process_for
from tests.service.test_reload import CHANGED, REFUSED, Running, greeted, until
from tests.support.handover import is_running

pytestmark = pytest.mark.loopback

SERVES = "a worker serves"
ENDED = "a worker has ended"

PLAIN = (
    "proxies: [{name: shop, auth: [{username: a, password: b}], target_group: {targets: "
    '[{address: "127.0.0.1:1"}]}, endpoints: [{name: m, listen: "tcp:0"}]}]\n'
)
"""A configuration that says nothing of workers."""


@pytest.fixture
def running(tmp_path):
    """A supervisor of two."""
    running = Running(tmp_path, workers=2)
    try:
        running.wait_for("an endpoint listens")
        running.wait_for("the admin API listens")
        yield running
    finally:
        status = running.end()
    assert status == 0
    assert [pid for pid in pids(running) if is_running(pid)] == []


def pids(running):
    """All workers that have ever served, in the order of their seats, the newest last."""
    lines = sorted(running.said(SERVES), key=lambda line: line["worker"])
    return [line["pid"] for line in lines]


def number_of_greeting(path):
    """Connect, and stay for as long as it takes to be greeted: the id."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        data = client.recv(200)
    start = data.index(b"\0", 5) + 1
    return int.from_bytes(data[start : start + 4], "little")


def test_both_workers_serve_the_endpoint(running):
    """Each in its turn: the numbers of clients say whose they are."""
    path = running.folder / "shop.sock"
    clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    seats = set()
    for client in clients:
        client.settimeout(60)
        client.connect(str(path))
        data = client.recv(200)
        start = data.index(b"\0", 5) + 1
        seats.add(data[start] % 64)
    for client in clients:
        client.close()
    assert seats == {1, 2}


def test_a_worker_that_dies_is_replaced(running):
    """The other one serves on meanwhile."""
    first, second = pids(running)
    os.kill(first, signal.SIGKILL)
    until(lambda: greeted(running.folder / "shop.sock"))
    line = running.wait_for(ENDED)
    assert (line["pid"], line["how"], line["worker"]) == (first, "signal SIGKILL", 1)
    assert running.wait_for(SERVES, 3)["worker"] == 1
    assert is_running(second)
    (row,) = [
        one for one in running.admin.get("workers").content["workers"] if one["number"] == 1
    ]
    assert row["restarts"] == 1


def test_a_worker_that_hangs_is_replaced(running):
    """It answers nothing for some seconds; its clients are disconnected, and come back."""
    first, _ = pids(running)
    os.kill(first, signal.SIGSTOP)
    line = running.wait_for("a worker is ended")
    assert (line["worker"], line["pid"]) == (1, first)
    assert "not answered" in line["why"]
    assert running.wait_for(SERVES, 3)["worker"] == 1


def test_who_comes_to_a_worker_that_hangs_is_greeted_in_the_end(running):
    """By the other one, as soon as it is late, and long before it is given up."""
    first, _ = pids(running)
    os.kill(first, signal.SIGSTOP)
    path = running.folder / "shop.sock"
    clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for client in clients:
        client.settimeout(60)
        client.connect(str(path))
    for client in clients:
        assert client.recv(200)[4] == 10
        client.close()
    assert running.said("a worker is ended") == []


def test_one_that_is_told_to_end_by_hand_is_replaced(running):
    """So is one in reserve; none of it is a mistake."""
    reserve = turn_up_reserve(running)
    for pid in (reserve, pids(running)[0]):
        os.kill(pid, signal.SIGTERM)
    until(lambda: len(running.said(ENDED)) == 2)
    (seated,) = (line for line in running.said(ENDED) if line.get("worker"))
    assert (seated["worker"], seated["how"]) == (1, "exit status 0")
    running.wait_for(SERVES, 3)
    assert greeted(running.folder / "shop.sock")
    assert not [line for line in running.log if "exception" in line]


def turn_up_reserve(running):
    """The process in reserve, once it is there."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    found = []

    def look():
        found[:] = {*map(int, children.read_text().split())} - {*pids(running)}
        return found

    until(look)
    return found[0]


def test_all_may_be_told_to_end_at_once(running):
    """As a service manager does; who has a client open goes with it, and nobody comes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(running.folder / "shop.sock"))
        client.recv(200)
        for pid in (running.process.pid, turn_up_reserve(running), *pids(running)):
            with contextlib.suppress(ProcessLookupError):  # it was told by another one before
                os.kill(pid, signal.SIGTERM)
        assert running.process.wait(60) == 0
    assert not [line for line in running.log if "exception" in line]


def test_who_stops_it_while_it_starts_does_no_wrong(tmp_path):
    """A service manager would take another exit status for a failure."""
    running = Running(tmp_path, workers=2)
    try:
        running.wait_for("starting")
    finally:
        assert running.end() == 0
    assert running.said("stopped")


def test_numbers_of_clients_are_never_given_again(running):
    """A worker that comes later begins above all that others may have given."""
    path = running.folder / "shop.sock"
    before = max(number_of_greeting(path) for _ in range(8))
    os.kill(pids(running)[0], signal.SIGKILL)
    running.wait_for(SERVES, 3)
    numbers = [number_of_greeting(path) for _ in range(8)]
    assert min(number for number in numbers if number % 64 == 1) > before


def test_all_workers_go_by_another_configuration_or_none(running):
    """A client finds a new endpoint at each of them, and nothing of one that was refused."""
    running.change("APP_PASSWORD", "NO_PASSWORD")
    running.hang_up()
    running.wait_for(REFUSED)
    assert greeted(running.folder / "shop.sock")
    running.path.write_text(running.text)
    running.change("shop.sock", "new.sock")
    running.hang_up()
    running.wait_for(CHANGED)
    seats = {number_of_greeting(running.folder / "new.sock") % 64 for _ in range(6)}
    assert seats <= {1, 2}
    first, _ = pids(running)
    os.kill(first, signal.SIGKILL)
    running.wait_for(SERVES, 3)
    assert greeted(running.folder / "new.sock")


def test_workers_end_with_the_supervisor_however_that_ends(running):
    """Nobody is left to tell them anything."""
    workers = pids(running)
    running.process.kill()
    until(lambda: not any(map(is_running, workers)))
    running.process.wait()
    running.process.returncode = 0


def test_how_many_there_are_is_decided_at_the_start(running):
    """A reload says so."""
    running.change("workers: 2", "workers: 3")
    running.hang_up()
    assert running.wait_for("the configuration was changed")["needs_restart"] == ["workers"]


def test_one_process_needs_no_supervisor(tmp_path):
    """Neither does one without a file, which others could not read."""
    one = load_config_text(PLAIN + "workers: 1\n", tmp_path / "a.yaml")
    two = load_config_text(PLAIN + "workers: 2\n", tmp_path / "a.yaml")
    assert type(process_for(one, reactor, tmp_path / "a.yaml")) is Alone
    assert type(process_for(two, reactor)) is Alone


@pytest.mark.parametrize("cores", [1, 3])
def test_each_core_has_a_worker_where_nothing_is_said(tmp_path, monkeypatch, cores):
    """With one core that is one process; and the log says how many there are, and why."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr("proxy.service.cores.quota", lambda _: math.inf)
    path = tmp_path / "a.yaml"
    path.write_text(PLAIN)
    with capture_logs() as lines:
        process = process_for(load_config_text(PLAIN, path), reactor, path)
    said = {
        "event": "the number of workers is decided",
        "log_level": "info",
        "workers": cores,
        "why": "one for each core that the process may use",
    }
    assert said in lines
    assert (len(process.staff.seats) if isinstance(process, Supervisor) else 1) == cores
