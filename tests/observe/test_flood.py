"""Tests of `proxy.observe.flood`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.observe import flood as flood_module
from proxy.observe.flood import BURST, Flood, LeftOut
from tests.observe.interrupting import in_threads, interrupt_each_step


class Hand:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock in the test's hand."""
    return Hand()


def written(flood, times, event="lost", level="warning"):
    """How many of so many lines are written."""
    return sum(flood.admits(level, event) for _ in range(times))


def test_a_flood_is_cut_and_goes_on_slowly(clock):
    """Of one kind a burst is written, then some lines a second, however long it lasts."""
    flood = Flood(clock, burst=10, per_second=2)
    assert written(flood, 1000) == 10
    for _ in range(50):
        clock.now += 1
        assert written(flood, 1000) == 2


def test_silence_gives_the_burst_back_and_no_more(clock):
    """After a long pause a kind has its burst again."""
    flood = Flood(clock, burst=10, per_second=2)
    written(flood, 1000)
    clock.now += 10_000
    assert written(flood, 1000) == 10


def test_kinds_do_not_take_each_others_room(clock):
    """Another text, and the same one of another level, is another kind."""
    flood = Flood(clock)
    written(flood, BURST * 10)
    assert flood.admits("warning", "another")
    assert flood.admits("error", "lost")
    assert not flood.admits("warning", "lost")


def test_what_is_left_out_is_told_once_in_an_interval(clock):
    """The number is told when it is time, and each line is in one number."""
    flood = Flood(clock, burst=1, per_second=0.001, told_every=10)
    written(flood, 1235)
    assert flood.due() == []
    clock.now += 10
    assert flood.due() == [LeftOut("warning", "lost", 1234)]
    clock.now += 10
    assert flood.due() == []
    written(flood, 5)
    assert flood.due(at_once=True) == [LeftOut("warning", "lost", 5)]


def test_kinds_are_bounded_and_no_number_is_forgotten(clock):
    """The kind that was seen longest ago gives way, and is told all the same."""
    flood = Flood(clock, burst=1, kinds=2)
    written(flood, 3, "a")
    written(flood, 1, "b")
    written(flood, 4, "a")
    written(flood, 1, "c")  # in the place of b, of which nothing was left out
    assert repr(flood) == "<Flood of 2 kinds>"
    written(flood, 1, "d")
    assert flood.due(at_once=True) == [LeftOut("warning", "a", 6)]


def test_a_flood_of_kinds_is_bounded_too(clock):
    """What waits to be told is no longer than what is known."""
    flood = Flood(clock, burst=1, kinds=3)
    for number in range(100):
        written(flood, 2, str(number))
    assert len(flood.due(at_once=True)) == 6


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=200))
def test_each_line_is_written_or_counted(lines):
    """Whatever comes, the written ones and those told make all, and no kind exceeds its due."""
    clock = Hand()
    flood = Flood(clock, burst=3, per_second=1, told_every=5, kinds=2)
    seen, told = dict.fromkeys("abc", 0), 0
    for event, pause in lines:
        clock.now += pause
        seen[event] += flood.admits("info", event)
        told += sum(one.lines for one in flood.due())
    told += sum(one.lines for one in flood.due(at_once=True))
    assert sum(seen.values()) + told == len(lines)


def told_of(flood):
    """How many lines were left out, as it tells now."""
    return sum(one.lines for one in flood.due(at_once=True))


class Interrupted(Hand):
    """One that is interrupted when it is asked the next time, where that is set."""

    def __init__(self):
        super().__init__()
        self.interrupt = None

    def __call__(self):
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is not None:
            interrupt()
        return self.now


def test_one_in_the_midst_of_another_ones_turn_is_written():
    """It is none of the flood, and nothing is told there."""
    clock, seen = Interrupted(), []
    flood = Flood(clock, burst=1)
    assert written(flood, 3) == 1

    def interrupt():
        seen.extend([flood.admits("warning", "lost"), flood.due(at_once=True)])

    clock.interrupt = interrupt
    assert not flood.admits("warning", "lost")
    assert seen == [True, []]
    assert flood.due(at_once=True) == [LeftOut("warning", "lost", 3)]


@pytest.mark.parametrize("kind", ["a", "b", "new"])
def test_what_is_logged_in_the_midst_of_another_one_is_written_or_counted_too(clock, kind):
    """Handlers of signals log whatever they interrupt: the same kind, or one that gives way."""

    def begin():
        flood, seen = Flood(clock, burst=1, kinds=2), []
        written(flood, 3, "a")  # one of them is written
        written(flood, 3, "b")

        def log():
            seen.extend(flood.admits("warning", name) for name in ("a", "c", "b"))

        def interrupt():
            seen.append(flood.admits("warning", kind))

        def check():
            assert seen.count(True) + told_of(flood) == 4 + len(seen) == 8

        return log, interrupt, check

    interrupt_each_step(flood_module, begin)


def test_what_is_logged_while_it_is_told_is_written_or_counted_too(clock):
    """And what is told in the midst of that is told once."""

    def begin():
        flood, seen, told = Flood(clock, burst=1, kinds=2), [], []
        written(flood, 3, "a")
        written(flood, 3, "b")

        def tell():
            told.append(told_of(flood))

        def interrupt():
            seen.extend([flood.admits("warning", "a"), flood.admits("warning", "new")])
            tell()

        def check():
            tell()
            assert seen.count(True) + sum(told) == 4 + len(seen) == 6

        return tell, interrupt, check

    interrupt_each_step(flood_module, begin)


def test_threads_log_at_the_same_time(clock):
    """Each of their lines is written or counted, though kinds come and go."""
    flood, seen, told = Flood(clock, burst=1, told_every=0, kinds=20), [], []

    def log(thread):
        for number in range(2000):
            seen.append(flood.admits("info", f"{thread} {number % 15}"))
            told.extend(flood.due())

    in_threads(lambda: log(1), lambda: log(2))
    assert seen.count(True) + sum(one.lines for one in told) + told_of(flood) == len(seen)
