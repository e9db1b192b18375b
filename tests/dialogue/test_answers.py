"""Tests of `proxy.dialogue.answers`."""

from __future__ import annotations

from proxy.dialogue.answers import TRANSITIONS, State


def test_every_state_has_its_row():
    """The table names each state once, and every state but the broken one leads somewhere."""
    assert set(TRANSITIONS) == set(State)
    assert [state for state, following in TRANSITIONS.items() if not following] == [
        State.BROKEN
    ]
