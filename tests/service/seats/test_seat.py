"""Tests of `proxy.service.seats.seat`, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from twisted.internet import reactor

from proxy.observe.log import get_logger
from proxy.pool.board import Board
from proxy.service.supervising.start_worker import start_worker
from tests.support.turning import turn

pytestmark = pytest.mark.loopback


@pytest.fixture
def waiting():
    """A worker that has loaded its modules; what it says is in `heard`."""
    board = Board.make()
    member = start_worker(reactor, board, get_logger())
    heard = []
    for what in ("here", "ready", "failed", "clients", "tally", "event", "need", "pools"):
        member.link.on(what, lambda message, _: heard.append(message))
    try:
        turn(lambda: heard or None)
        yield member, heard
    finally:
        member.process.kill()
        member.process.wait()
        member.close()
        turn(lambda: None if member.link.is_open else True)
        board.close()


def begin(member, folder, text):
    """Tell it what to serve."""
    path = str(folder / "mysqlproxy.yaml")
    more = {
        "number": 3,
        "workers": 4,
        "text": text,
        "path": path,
        "level": "info",
        "ticket_key": "ab" * 32,
    }
    member.link.tell("begin", first_number=3, **more)


def said(heard, what):
    """What it has said of this kind; waits for it."""
    return turn(lambda: [one for one in heard if one["what"] == what] or None)


def test_one_that_cannot_serve_says_why(waiting, tmp_path):
    """Instead of being ready."""
    member, heard = waiting
    begin(member, tmp_path, "proxies: nonsense\n")
    (message,) = said(heard, "failed")
    assert "proxies" in message["why"]


def test_what_a_terminal_sends_to_all_does_not_end_it(waiting):
    """The supervisor says what is to be done."""
    member, _ = waiting
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        os.kill(member.pid, number)
    assert member.process.poll() is None
    member.link.tell("end")
    assert turn(member.process.poll) == 0


def test_nobody_starts_one_by_hand():
    """Somebody who tries learns what it is."""
    code = "from proxy.service.seats.seat import main; main()"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert process.returncode == 1
    assert b"workers" in process.stderr


def test_a_mistake_in_beginning_is_told_too(waiting, tmp_path):
    """Else the supervisor would wait for it for ever."""
    member, heard = waiting
    member.link.tell("begin", path=str(tmp_path / "a.yaml"))
    (message,) = said(heard, "failed")
    assert "the log has it" in message["why"]


def test_it_may_be_told_to_end_twice(waiting):
    """By a service manager, and by the supervisor that has been told as well."""
    member, _ = waiting
    member.process.terminate()
    member.link.tell("end")
    assert turn(member.process.poll) == 0
