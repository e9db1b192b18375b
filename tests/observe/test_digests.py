"""Tests of `proxy.observe.digests`."""

from __future__ import annotations

import pytest

from proxy.observe.digests import Digests
from proxy.sql.dialect import DEFAULT_DIALECT


class Clock:
    """A clock in the test's hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def digests(clock):
    """A table with room for ten."""
    return Digests(10, clock)


def note(digests, text, seconds=0.001, *, failed=False, weight=1):
    """A statement has run."""
    digests.note(text.encode(), DEFAULT_DIALECT, seconds, failed, weight)


def test_statements_that_differ_in_literals_are_one(digests, clock):
    """Counted, timed, and no literal is kept."""
    note(digests, "SELECT c FROM t WHERE id = 1", 1.0)
    clock.now += 5
    note(digests, "SELECT c FROM t WHERE id = 22", 3.0, failed=True)
    clock.now += 2
    (one,) = digests.top(5)
    assert (one.text, one.count, one.errors) == ("SELECT c FROM t WHERE id = ?", 2, 1)
    assert (one.seconds, one.longest, digests.age(one)) == (4.0, 3.0, 2.0)


def test_a_sample_counts_for_many(digests):
    """Its time too, but not as the longest."""
    note(digests, "SELECT 1", 0.25, weight=16)
    (one,) = digests.top(5)
    assert (one.count, one.seconds, one.longest) == (16, 4.0, 0.25)


def test_those_that_took_most_time_come_first(digests):
    """And what is given out does not change any more."""
    note(digests, "SELECT a", 1.0)
    note(digests, "SELECT b", 3.0)
    note(digests, "SELECT c", 2.0)
    top = digests.top(2)
    note(digests, "SELECT b", 3.0)
    assert [(one.text, one.count) for one in top] == [("SELECT b", 1), ("SELECT c", 1)]


def test_the_least_used_leave_a_full_table(digests, clock):
    """Those that ran most often stay, and who is new has a place."""
    for number in range(10):
        clock.now += 1
        note(digests, f"SELECT a{chr(97 + number)}", weight=1 if number in {4, 7} else 2)
    note(digests, "SELECT fresh")
    texts = {one.text for one in digests.top(20)}
    assert len(digests) == 10
    assert "SELECT fresh" in texts
    assert "SELECT ae" not in texts
    assert "SELECT ah" in texts


def test_the_table_is_bounded(digests):
    """However many different statements there are."""
    for number in range(100):
        note(digests, "SELECT " + "a" * (number + 1))
    assert len(digests) <= 10
    assert repr(digests) == f"<Digests {len(digests)} of 10>"


def test_a_table_can_be_emptied(digests):
    """Everything is forgotten."""
    note(digests, "SELECT 1")
    digests.clear()
    assert digests.top(5) == []
