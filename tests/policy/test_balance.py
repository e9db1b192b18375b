"""Tests of `proxy.policy.balance`."""

from __future__ import annotations

import pytest

from proxy.policy.balance import BUSY, DIFFERENCE, Move, next_move


def test_half_of_what_a_busy_worker_does_goes_to_one_that_rests():
    """Afterwards both do the same."""
    assert next_move({1: 0.9, 2: 0.0}) == Move(1, 2, 0.5)


def test_the_two_that_differ_most_are_evened_out():
    """As much goes as makes them alike."""
    move = next_move({1: 0.5, 2: 0.8, 3: 0.4})
    assert move == Move(2, 3, pytest.approx(0.25))


def test_nobody_moves_between_workers_that_are_about_as_busy():
    """A small difference may be chance."""
    assert next_move({1: 0.8, 2: 0.8 - DIFFERENCE + 0.01}) is None


def test_nobody_leaves_a_worker_that_has_little_to_do():
    """Its clients wait for nothing."""
    assert next_move({1: BUSY - 0.01, 2: 0.0}) is None


def test_where_there_is_one_worker_or_none_nothing_can_move():
    """All is as even as it can be."""
    assert next_move({}) is None
    assert next_move({1: 1.0}) is None
