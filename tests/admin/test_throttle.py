"""Tests of `proxy.admin.throttle`."""

from __future__ import annotations

from proxy.admin.throttle import GOOD_ONES, LONGEST_SECONDS, THRESHOLD, Throttle

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"
RIGHT, WRONG = b"right", b"wrong"


def fail(throttle, times, address=HERE, now=0.0):
    for _ in range(times):
        throttle.failed(address, now)


def test_some_wrong_tokens_cost_nothing():
    """Programs with an old token are no attack."""
    throttle = Throttle()
    fail(throttle, THRESHOLD)
    assert throttle.wait(HERE, WRONG, 0.0) == 0.0


def test_waits_double_up_to_a_limit():
    """The address has to wait, whatever it shows; others do not."""
    throttle = Throttle()
    fail(throttle, THRESHOLD + 1)
    assert throttle.wait(HERE, WRONG, 0.0) == 1.0
    assert throttle.wait(HERE, RIGHT, 0.25) == 0.75
    assert throttle.wait(ELSEWHERE, WRONG, 0.0) == 0.0
    assert throttle.wait(HERE, WRONG, 1.0) == 0.0
    fail(throttle, 1, now=1.0)
    assert throttle.wait(HERE, WRONG, 1.0) == 2.0
    fail(throttle, 20, now=1.0)
    assert throttle.wait(HERE, WRONG, 1.0) == LONGEST_SECONDS


def test_whoever_was_right_before_does_not_wait():
    """Nobody is locked out by others behind the same address."""
    throttle = Throttle()
    throttle.succeeded(HERE, RIGHT)
    fail(throttle, THRESHOLD + 5)
    assert throttle.wait(HERE, RIGHT, 0.0) == 0.0
    assert throttle.wait(HERE, WRONG, 0.0) > 0.0


def test_a_network_is_one_address():
    """Whoever has an IPv6 address has all of its network."""
    throttle = Throttle()
    fail(throttle, THRESHOLD + 1, "2001:db8::1")
    assert throttle.wait("2001:db8::2", WRONG, 0.0) == 1.0


def test_what_is_remembered_is_bounded():
    """Many addresses and tokens take no more memory than some."""
    throttle = Throttle()
    for number in range(GOOD_ONES + 10):
        throttle.succeeded(HERE, b"%d" % number)
    assert len(throttle._good) == GOOD_ONES
    for number in range(10_010):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        fail(throttle, THRESHOLD + 1, address)
    assert len(throttle._until) == 10_000
    assert repr(throttle) == "<Throttle of 10000>"
