"""Tests of `proxy.credentials.gate`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from proxy.credentials.gate import MOST_LOOKS, Gate


class Stage:
    """A gate, and who went through it when."""

    def __init__(self, most=2):
        self.clock = Clock()
        self.gate = Gate(self.clock, most)
        self.went = []
        self.calls = {}

    def call(self, name):
        """The call of one who comes."""
        return self.calls.setdefault(
            name, lambda: self.went.append((name, self.clock.seconds()))
        )

    def enter(self, *names):
        """Let them come in this order."""
        for name in names:
            self.gate.enter(self.call(name))

    @property
    def names(self):
        """Who went through so far."""
        return [name for name, _ in self.went]


@pytest.fixture
def stage():
    """A gate for two in a second; no timer may be left when nobody waits."""
    made = Stage()
    yield made
    made.clock.advance(100)
    assert repr(made.gate) == "<Gate: 0 wait>"
    assert not made.clock.getDelayedCalls()


def test_the_first_ones_go_through_at_once(stage):
    """The others wait, in the order in which they came."""
    stage.enter(*"abcde")
    assert stage.names == ["a", "b"]
    assert repr(stage.gate) == "<Gate: 3 wait>"
    stage.clock.advance(1)
    assert stage.names == ["a", "b", "c", "d"]
    stage.clock.advance(1)
    assert stage.names == ["a", "b", "c", "d", "e"]


def test_who_waits_keeps_its_place(stage):
    """To come twice brings nothing."""
    stage.enter(*"abcdc")
    stage.clock.advance(2)
    assert stage.names == ["a", "b", "c", "d"]


def test_who_leaves_is_not_called(stage):
    """Those behind it move up, and the last one leaves no timer."""
    stage.enter(*"abcd")
    stage.gate.leave(stage.call("c"))
    stage.gate.leave(stage.call("nobody"))
    stage.clock.advance(1)
    assert stage.names == ["a", "b", "d"]
    stage.enter(*"ef")
    for name in "ef":
        stage.gate.leave(stage.call(name))
    assert not stage.clock.getDelayedCalls()


def test_one_who_comes_again_from_inside_waits(stage):
    """Who is called may enter again at once."""

    def again():
        stage.went.append(("again", stage.clock.seconds()))
        if len(stage.went) < 4:
            stage.gate.enter(again)

    stage.gate.enter(again)
    assert len(stage.went) == 2
    stage.clock.advance(1)
    assert len(stage.went) == 4


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_second_has_more_than_it_may(pauses):
    """However they come: everybody gets through, and never too many at once."""
    stage = Stage(MOST_LOOKS)
    for number, pause in enumerate(pauses):
        stage.enter(number)
        stage.clock.advance(pause)
    for _ in pauses:
        stage.clock.advance(1.5)
    assert stage.names == list(range(len(pauses)))
    times = [time for _, time in stage.went]
    for first, later in zip(times, times[MOST_LOOKS:], strict=False):
        assert later - first > 1 - 1e-6
