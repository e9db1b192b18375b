"""Tests of `proxy.service.seats.remembered`; `test_remembering.py` has both ends."""

from __future__ import annotations

from twisted.internet.task import Clock

from proxy.service.seats.remembered import GUESSED, SLOTS, Remembered, slot_of
from tests.support.assembling import make_config
from tests.support.linked import linked, settle


def test_slots_are_the_same_in_each_process():
    """So they do not depend on what Python makes up when it starts."""
    assert slot_of("app", "203.0.113.9") == 2992
    found = {slot_of(f"user-{number}", "here") for number in range(10 * SLOTS)}
    assert found == {*range(SLOTS)}


def test_what_is_known_of_slots_is_what_was_told_last():
    """All of them, or some more; each proxy has its own."""
    clock = Clock()
    down, up = linked(clock)
    remembered = Remembered(up)
    for proxy, slots, more in (
        ("shop", [1, 2], False),
        ("shop", [3], True),
        ("other", [4], True),
        ("gone", [5], True),
        ("gone", [], False),
        ("never", [], False),
    ):
        down.tell(GUESSED, proxy=proxy, slots=slots, more=more)
    settle(clock)
    assert remembered.slots("shop") == {1, 2, 3}
    assert remembered.slots("other") == {4}
    assert not remembered.slots("gone")
    assert repr(remembered) == ("<Remembered by <Link open, 0 asked>, guesses at 2 proxies>")


def test_nothing_of_logins_is_shown():
    """Only whose memory it is, and how much is in it."""
    _, up = linked(Clock())
    remembered = Remembered(up)
    assert repr(remembered.tokens("shop")) == "<DistantTokens of 'shop'>"
    guesses = remembered.guesses(make_config())
    guesses.failed("app", "203.0.113.9", 0.0)
    assert repr(guesses) == "<DistantGuesses of 'shop', beside <Guesses of 1>>"
