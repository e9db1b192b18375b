"""Tests of `proxy.policy.guesses`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.guesses import (
    FIRST_DELAY_SECONDS,
    FORGOTTEN_AFTER_SECONDS,
    REMEMBERED,
    USERS_OF_ADDRESS,
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
        fail(guesses, 1, f"user-{number}", f"there-{number // 10}")
    assert fail(guesses, 1, "first") == [1]
    fail(guesses, 1, "one more")
    assert repr(guesses) == f"<Guesses of {REMEMBERED}>"
    assert fail(guesses, 1, "second") == [0]
    assert fail(guesses, 1, "first") == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:DB8:0:0:1::"),
        ("fe80::1%eth0", "fe80::2"),
        ("::ffff:203.0.113.9", HERE),
        ("::ffff:cb00:7109", HERE),
    ],
)
def test_whoever_has_one_address_has_these_too(one, other):
    """An IPv6 address is its network of 64 bits, one that has IPv4 in it is that."""
    guesses = Guesses(1, 30.0)
    assert fail(guesses, 2, address=one) == [0, 1]
    assert fail(guesses, 1, address=other) == [2]
    guesses.succeeded("app", one)
    assert fail(guesses, 1, address=other) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.10"),
        ("localhost", HERE),
        ("no:address", "neither:this"),
    ],
)
def test_these_are_addresses_of_two(one, other):
    """A text that is no address stands for itself."""
    guesses = Guesses(1, 30.0)
    assert fail(guesses, 2, address=one) == [0, 1]
    assert fail(guesses, 1, address=other) == [0]


def spray(guesses: Guesses, users: int, now: float = 0.0, address: str = HERE) -> list[float]:
    """Let so many users fail once each; the delays."""
    return [guesses.failed(f"user-{number}", address, now) for number in range(users)]


def test_one_password_for_many_users_is_slowed_down():
    """Whoever fails there is delayed then, elsewhere nobody, and at once who is right."""
    guesses = Guesses(5, 30.0)
    delays = spray(guesses, USERS_OF_ADDRESS + 7)
    assert delays == [0] * USERS_OF_ADDRESS + [1, 2, 4, 8, 16, 30, 30]
    assert guesses.failed("user-0", HERE, 0.0) == 30
    assert guesses.failed("user-0", "203.0.113.10", 0.0) == 0


def test_one_user_who_fails_often_is_one():
    """A worker with an old password slows down nobody else behind its address."""
    guesses = Guesses(5, 30.0)
    fail(guesses, 10 * USERS_OF_ADDRESS)
    assert spray(guesses, USERS_OF_ADDRESS - 1) == [0] * (USERS_OF_ADDRESS - 1)
    assert fail(guesses, 1, "one more") == [1]


def test_users_who_are_right_in_the_end_do_not_count():
    """Many people behind one address mistype, and then do not."""
    guesses = Guesses(5, 30.0)
    for _ in range(3):
        assert spray(guesses, USERS_OF_ADDRESS) == [0] * USERS_OF_ADDRESS
        for number in range(USERS_OF_ADDRESS):
            guesses.succeeded(f"user-{number}", HERE)
            guesses.succeeded(f"user-{number}", HERE)


def test_an_address_begins_anew_after_a_while():
    """Counted from its first failure, so a few in each hour never add up."""
    guesses = Guesses(5, 30.0)
    spray(guesses, USERS_OF_ADDRESS)
    assert guesses.failed("one more", HERE, FORGOTTEN_AFTER_SECONDS) == 1
    later = FORGOTTEN_AFTER_SECONDS + 1
    assert spray(guesses, USERS_OF_ADDRESS, later) == [0] * USERS_OF_ADDRESS
    assert guesses.failed("other", HERE, later) == 1


def test_as_many_addresses_are_remembered_as_there_is_room_for():
    """The one where nobody has failed for longest is forgotten."""
    guesses = Guesses(5, 30.0)
    spray(guesses, USERS_OF_ADDRESS)
    for number in range(REMEMBERED - 1):
        fail(guesses, 1, address=f"there-{number}")
    assert fail(guesses, 1, "one more") == [1]
    for number in range(REMEMBERED):
        fail(guesses, 1, address=f"there-{number}")
    assert fail(guesses, 1, "one more") == [0]
    guesses.succeeded("one more", HERE)


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


def test_other_limits_count_for_who_has_failed_already():
    """What is remembered is kept."""
    guesses = Guesses(3, 30.0)
    fail(guesses, 3)
    guesses.change(1, 2.0)
    assert fail(guesses, 1) == [2.0]


def test_what_is_forgotten_in_time_changes_no_delay():
    """Only who would begin anew goes; whoever went on failing stays."""
    guesses = Guesses(1, 30.0)
    fail(guesses, 1, "early")
    fail(guesses, 1, "late")
    assert guesses.failed("early", HERE, 10.0) == 1
    guesses.forget(FORGOTTEN_AFTER_SECONDS)
    assert [*guesses.pairs] == [("late", HERE), ("early", HERE)]
    guesses.forget(FORGOTTEN_AFTER_SECONDS + 10)
    assert [*guesses.pairs] == [("early", HERE)]
    assert guesses.failed("early", HERE, FORGOTTEN_AFTER_SECONDS + 10) == 2
    guesses.forget(3 * FORGOTTEN_AFTER_SECONDS)
    assert repr(guesses) == "<Guesses of 0>"


def test_it_is_on_where_there_is_a_threshold():
    """Also when that was changed."""
    guesses = Guesses(0, 30.0)
    assert not guesses.is_on
    guesses.change(1, 30.0)
    assert guesses.is_on
