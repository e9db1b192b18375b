"""Tests of `proxy.policy.pauses`."""

from __future__ import annotations

from proxy.policy.pauses import Pauses


def test_a_target_that_is_away_is_a_pause_for_all():
    """Until one dial comes through, of whomever."""
    pauses = Pauses()
    assert pauses.of("app") == 0
    pauses.begin("app", 5, refused=False)
    assert pauses.until == pauses.of("app") == pauses.of("other") == 5
    pauses.end("other")
    assert pauses.until == pauses.of("app") == 0


def test_a_refusal_is_a_pause_for_one():
    """The longer pause holds, and only its own key's dial ends it."""
    pauses = Pauses()
    pauses.begin("app", 5, refused=True)
    assert (pauses.of("app"), pauses.of("other"), pauses.until) == (5, 0, 0)
    pauses.begin("other", 7, refused=False)
    assert (pauses.of("app"), pauses.of("other")) == (7, 7)
    pauses.end("other")
    assert pauses.of("app") == 5
    pauses.end("app")
    assert pauses.of("app") == 0


def test_what_is_past_takes_no_room():
    """However many keys are refused and never come through."""
    pauses = Pauses()
    for number in range(1000):
        pauses.begin(number, number, refused=True)
    pauses.forget(998)
    assert repr(pauses) == "<Pauses of 1 keys>"
    assert pauses.of(999) == 999
    pauses.forget(999)
    assert repr(pauses) == "<Pauses of 0 keys>"
