"""Tests of `proxy.pool.board`."""

from __future__ import annotations

import os

import pytest

from proxy.config.model import MAX_WORKERS
from proxy.pool.board import NOTHING, SLOTS, Board, counted, slot_of, with_count


@pytest.fixture
def board():
    """A new one."""
    board = Board.make()
    yield board
    board.close()


def test_who_counts_is_seen_by_all_who_have_the_memory(board):
    """Each in its column."""
    other = Board(os.dup(board.handle))
    board.add(7, 1)
    other.add(7, MAX_WORKERS)
    other.add(7, MAX_WORKERS)
    for one in (board, other):
        assert (one.count(7, 1), one.count(7, 2), one.count(7, MAX_WORKERS)) == (1, 0, 2)
        row = one.row(7)
        assert (counted(row, 1), counted(row, 2), counted(row, MAX_WORKERS)) == (1, 0, 2)
        assert one.row(6) == one.row(8) == NOTHING
    other.close()


def test_the_last_slot_is_there(board):
    """And the first."""
    for slot in (0, SLOTS - 1):
        board.add(slot, MAX_WORKERS)
        assert board.count(slot, MAX_WORKERS) == 1


def test_a_row_with_another_count():
    """Differs there, and nowhere else."""
    row = with_count(with_count(NOTHING, 1, 3), 2, 1 << 40)
    assert [counted(row, seat) for seat in (1, 2, 3)] == [3, 1 << 40, 0]
    assert with_count(with_count(row, 1, 0), 2, 0) == NOTHING


def test_users_have_slots_by_their_names():
    """The same in each process, with another one in another proxy."""
    assert slot_of("shop", "app") == slot_of("shop", "app")
    assert len({slot_of("shop", f"user{number}") for number in range(200)}) > 150
    assert slot_of("shop", "app") != slot_of("store", "app")
    assert 0 <= slot_of("shop", "\udcff") < SLOTS


def test_what_is_closed_is_gone():
    """Memory and descriptor."""
    board = Board.make()
    handle = board.handle
    assert str(handle) in repr(board)
    board.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
    with pytest.raises(ValueError, match="closed"):
        board.row(0)
