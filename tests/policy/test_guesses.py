"""Tests of `proxy.policy.guesses`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.guesses import (
    FIRST_DELAY_SECONDS,
    FORGOTTEN_AFTER_SECONDS,
    REMEMBERED,
    Guesses,
)

HERE = "203.0.113.9"


def fail(guesses: Guesses, times: int, user: str = "app", address: str = HERE) -> list[float]:
    """Fail so often at one moment; the delays."""
    return [guesses.failed(user, address, 0.0) for _ in range(times)]


def test_refusals_come_later_and_later():
    """Up to the threshold at once, then after a second, two, four, and so on to the longest."""
    assert fail(Guesses(3, 30.0), 10) == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("longest", [0.1, 3600.0])
def test_no_refusal_is_later_than_the_longest(longest):
    """However long somebody goes on, and however short the longest is."""
    delays = fail(Guesses(1, longest), 2000)
    assert max(delays) == delays[-1] == longest
    assert delays[1] == min(FIRST_DELAY_SECONDS, longest)


def test_a_threshold_of_zero_switches_it_off():
    """Nothing is delayed, and nothing remembered."""
    guesses = Guesses(0, 30.0)
    assert fail(guesses, 100) == [0.0] * 100
    assert repr(guesses) == "<Guesses of 0>"


def test_who_is_right_begins_anew():
    """Only failures in a row count, so a typing error now and then is nothing."""
    guesses = Guesses(2, 30.0)
    guesses.succeeded("app", HERE)
    fail(guesses, 4)
    guesses.succeeded("app", HERE)
    assert repr(guesses) == "<Guesses of 0>"
    assert fail(guesses, 3) == [0, 0, 1]
    guesses.succeeded("somebody else", HERE)
    assert fail(guesses, 1) == [2]


def test_each_user_and_each_address_is_counted_alone():
    """Nobody can slow down another one, from elsewhere or by another name."""
    guesses = Guesses(1, 30.0)
    assert fail(guesses, 3) == [0, 1, 2]
    assert fail(guesses, 1, address="203.0.113.10") == [0]
    assert fail(guesses, 1, user="other") == [0]
    assert fail(guesses, 1) == [4]


def test_who_has_been_quiet_for_long_begins_anew():
    """Up to that time, counted from the last failure, the failures add up."""
    guesses = Guesses(1, 30.0)
    assert guesses.failed("app", HERE, 0.0) == 0
    assert guesses.failed("app", HERE, FORGOTTEN_AFTER_SECONDS) == 1
    assert guesses.failed("app", HERE, 2 * FORGOTTEN_AFTER_SECONDS) == 2
    assert guesses.failed("app", HERE, 3 * FORGOTTEN_AFTER_SECONDS + 1) == 0


def test_as_many_are_remembered_as_there_is_room_for():
    """Then the one that failed longest ago is forgotten, and who goes on is not."""
    guesses = Guesses(1, 30.0)
    fail(guesses, 1, "first")
    fail(guesses, 1, "second")
    for number in range(REMEMBERED - 2):
        fail(guesses, 1, f"user-{number}")
    assert fail(guesses, 1, "first") == [1]
    fail(guesses, 1, "one more")
    assert repr(guesses) == f"<Guesses of {REMEMBERED}>"
    assert fail(guesses, 1, "second") == [0]
    assert fail(guesses, 1, "first") == [2]


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.floats(0, 2000)), max_size=40),
)
def test_a_delay_is_that_of_the_failures_in_a_row(threshold, history):
    """Whatever happens in which order, each pair has its own row of failures."""
    guesses, now = Guesses(threshold, 30.0), 0.0
    rows: dict[str, tuple[int, float]] = {}
    for good, user, passed in history:
        now += passed
        if good:
            guesses.succeeded(user, HERE)
            rows.pop(user, None)
            continue
        count, last = rows.get(user, (0, now))
        count = 1 if now - last > FORGOTTEN_AFTER_SECONDS else count + 1
        rows[user] = count, now
        expected = 0 if count <= threshold else min(2.0 ** (count - threshold - 1), 30.0)
        assert guesses.failed(user, HERE, now) == expected
