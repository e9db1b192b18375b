"""Tests of `proxy.observe.events`."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.observe import events as events_module
from proxy.observe.events import ITEMS_LIMIT, TEXT_LIMIT, Events, plain
from tests.observe.interrupting import in_threads, interrupt_each_step

TIME = "2026-01-01T00:00:00.000Z"


def add(events, event, level="info", **fields):
    """Add an event."""
    events.add(TIME, level, event, fields)


def names(events, after=0):
    """What is kept."""
    return [one.event for one in events.after(after)]


def test_what_came_after_a_number_is_given_in_order():
    """Numbers count up, and whoever has seen one asks for what follows."""
    events = Events()
    for name in "abc":
        add(events, name, target="t1")
    assert names(events) == ["a", "b", "c"]
    assert names(events, after=2) == ["c"]
    assert names(events, after=events.last) == []
    first = next(events.after(0))
    assert (first.number, first.time, first.level) == (1, TIME, "info")
    assert first.fields == {"target": "t1"}
    assert repr(events) == "<Events: 3 up to 3>"


class Interrupted:
    """While this is turned into a text something else is logged, as by a signal."""

    def __init__(self, events):
        self._events = events

    def __str__(self):
        add(self._events, "signal")
        return "text"


def test_what_is_logged_in_the_midst_of_another_one_has_a_number_of_its_own():
    """Both are kept, and both give way later on."""
    events = Events(kept=3)
    add(events, "interrupted", what=Interrupted(events))
    assert sorted(names(events)) == ["interrupted", "signal"]
    assert sorted(one.number for one in events.after(0)) == [1, 2]
    for name in "abc":
        add(events, name)
    assert names(events) == ["a", "b", "c"]


def test_whatever_is_interrupted_by_a_line_both_are_kept_and_heard_of():
    """Handlers of signals log whatever they interrupt, such as one that has to give way."""

    def begin():
        events, heard = Events(kept=3, kept_of_a_kind=2), []
        for name in "aab":
            add(events, name)
        events.on_added = heard.append

        def check():
            assert names(events)[-1] in {"c", "signal"}
            assert sorted(names(events)) in (["b", "c", "signal"], ["a", "c", "signal"])
            assert sorted(one.event for one in heard) == ["c", "signal"]
            assert [one.number for one in events.after(3)] == [4, 5]
            assert (events.last, events.by_level["info"]) == (5, 5)
            for name in "xyz":
                add(events, name)
            assert names(events) == ["x", "y", "z"]

        return lambda: add(events, "c"), lambda: add(events, "signal"), check

    interrupt_each_step(events_module, begin)


def test_threads_add_at_the_same_time():
    """Each event has a number, is heard of once, and is counted; some are kept."""
    events, heard = Events(kept=20, kept_of_a_kind=3), []
    events.on_added = heard.append

    def log(thread):
        for number in range(1000):
            add(events, f"{thread} {number % 15}")
            events.count("error")
            kept = [one.number for one in events.after(0)]
            assert kept == sorted(kept)

    in_threads(lambda: log(1), lambda: log(2))
    assert sorted(one.number for one in heard) == [*range(1, 2001)]
    assert events.by_level == {"info": 2000, "warning": 0, "error": 2000}
    assert (events.last, len(events)) == (2000, 20)


def test_a_frequent_kind_pushes_out_no_rare_one():
    """Of one kind so many are kept; a failover is there behind any number of them."""
    events = Events(kept=100, kept_of_a_kind=10)
    add(events, "failover", level="warning")
    for _ in range(1000):
        add(events, "refused")
    assert names(events) == ["failover", *["refused"] * 10]


def test_the_most_frequent_kind_gives_way():
    """When all room is taken the oldest of the kind goes that has most."""
    events = Events(kept=4, kept_of_a_kind=3)
    for name in "abbbc":
        add(events, name)
    assert names(events) == ["a", "b", "b", "c"]
    for name in "de":
        add(events, name)
    assert names(events) == ["b", "c", "d", "e"]
    assert len(events) == 4


def test_whoever_wants_to_hears_of_each_one():
    """When it is kept, as it is kept; what is only counted is not one."""
    events, heard = Events(), []
    events.on_added = heard.append
    add(events, "a\x1b", level="error")
    events.count("error", 3)
    assert heard == [*events.after(0)]
    assert heard[0].event == "a?"
    assert events.by_level == {"info": 0, "warning": 0, "error": 4}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (2**60, str(2**60)),
        ("a\x1b[2J\nb", "a?[2J?b"),
        ("\ud800", "?"),
        (b"caf\xc3\xa9\xff", "caf\u00e9\ufffd"),
        ({"a": (1, {2})}, {"a": [1, [2]]}),
        ({1: "x"}, {"1": "x"}),
        ([[[[["deep"]]]]], [[[["['deep']"]]]]),
        (ValueError("why"), "why"),
    ],
)
def test_values_become_plain_json(value, shown):
    """Numbers, texts, lists and mappings stay what they are, the rest is text."""
    assert plain(value) == shown
    json.dumps(plain(value), allow_nan=False)


def test_everything_has_a_bound():
    """Texts, lists, mappings and fields are cut."""
    assert plain("x" * 10_000) == "x" * (TEXT_LIMIT - 1) + "\u2026"
    assert len(plain(b"x" * 10_000)) == TEXT_LIMIT
    assert len(plain(range(9))) < TEXT_LIMIT
    assert len(plain(list(range(1000)))) == ITEMS_LIMIT
    assert len(plain(dict.fromkeys(range(1000)))) == ITEMS_LIMIT
    events = Events()
    events.add(TIME, "info", "y" * 1000, {str(number): number for number in range(1000)})
    (event,) = events.after(0)
    assert len(event.fields) == ITEMS_LIMIT
    assert len(event.event) == TEXT_LIMIT


def test_what_cannot_say_itself_does_no_harm():
    """An object whose text fails is shown by its class."""

    class Mute:
        def __str__(self):
            raise RuntimeError

    assert plain(Mute()) == "<Mute>"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=30,
    )
)
def test_any_value_is_json_without_control_characters(value):
    """Whatever a field holds, strict JSON can be made of it, for any terminal."""
    text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False)
    text.encode()
    assert text.isprintable() or not any(letter < " " for letter in text)
