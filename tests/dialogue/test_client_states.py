"""Tests of `proxy.dialogue.client_states`."""

from proxy.dialogue.client_states import TRANSITIONS, State


def test_every_state_is_in_the_table():
    """From each it is said what may follow, and each but the first can be reached."""
    assert set(TRANSITIONS) == set(State)
    reached = {after for follow in TRANSITIONS.values() for after in follow}
    assert reached == set(State) - {State.BROKEN}
