"""Tests of `proxy.service.supervising.start_worker`, with real processes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from twisted.internet import reactor

from proxy.observe.log import get_logger
from proxy.pool.board import Board
from proxy.service.supervising import start_worker as module
from proxy.service.supervising.start_worker import start_worker
from tests.support.turning import turn, turned

pytestmark = pytest.mark.loopback


@pytest.fixture
def board():
    """What the processes have in common."""
    board = Board.make()
    yield board
    board.close()


def test_a_process_comes_up_answers_and_ends_with_its_link(board):
    """Whoever asks hears it; nothing of it is left."""
    member, heard = start_worker(reactor, board, get_logger()), []
    try:
        member.link.on("here", lambda *_: heard.append("here"))
        turn(lambda: heard or None)
        assert turned(member.link.ask("ping", seconds=20)) == {}
        member.close()
        assert turn(member.process.poll) == 0
    finally:
        member.process.kill()
        member.process.wait()


def test_a_process_that_cannot_be_started_leaves_nothing_open(board, monkeypatch):
    """Nor a descriptor."""
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(FileNotFoundError):
        start_worker(reactor, board, get_logger())
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_process_that_cannot_be_spoken_to_is_ended(board, monkeypatch):
    """There was no descriptor left for the link."""
    processes, before = [], len([*Path("/proc/self/fd").iterdir()])

    def spawn(handles, environ):
        processes.append(started(handles, environ))
        return processes[0]

    def fail(*_):
        raise OSError(24, "Too many open files")

    started = module._spawn
    monkeypatch.setattr(module, "_spawn", spawn)
    monkeypatch.setattr(module.Link, "open", fail)
    with pytest.raises(OSError, match="Too many"):
        start_worker(reactor, board, get_logger())
    assert processes[0].returncode == -signal.SIGKILL
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_what_a_terminal_sends_to_all_does_not_end_one_that_begins(board):
    """Nor does it leave a traceback of modules that were being loaded."""
    member, heard = start_worker(reactor, board, get_logger()), []
    try:
        member.link.on("here", lambda *_: heard.append("here"))
        ignored = Path(f"/proc/{member.pid}/status")
        turn(lambda: True if _ignores(ignored.read_text(), signal.SIGUSR2) else None)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
            member.process.send_signal(number)
        turn(lambda: heard or None)
        member.close()
        assert turn(member.process.poll) == 0
    finally:
        member.process.kill()
        member.process.wait()


def _ignores(status, number):
    """Whether a process ignores a signal, by its /proc/PID/status."""
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)
