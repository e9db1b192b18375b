"""Tests of `proxy.service.start_worker`, with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet import reactor

from proxy.observe.log import get_logger
from proxy.pool.board import Board
from proxy.service import start_worker as module
from proxy.service.start_worker import start_worker
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
