"""Tests of `proxy.observe.plain`."""

from __future__ import annotations

import enum
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.observe.log import configure, get_logger
from proxy.observe.plain import DEPTH_LIMIT, MASK, clean, lay_out, make_plain


class Mute:
    """Something that cannot say what it is."""

    def __repr__(self):
        raise ZeroDivisionError


class Word(enum.StrEnum):
    """A text that is more than one."""

    A = "a"


CYCLE: list[object] = []
CYCLE.append(CYCLE)

VALUES = [
    (None, None),
    (True, True),
    (2**70, 2**70),
    (1.5, 1.5),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (b"a\xff", "a\\xff"),
    (Word.A, "a"),
    (ValueError("no"), "no"),
    (Mute(), "<Mute>"),
    ({1}, [1]),
    ((1, Mute()), [1, "<Mute>"]),
    ({b"a": {"password": "x"}, (1, 2): [{"token": "x"}]}, None),
    ({"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("value", "plain"), VALUES)
def test_every_value_becomes_plain(value, plain):
    """JSON takes all of them, and nothing that is no value stops who logs it."""
    made = make_plain(None, "info", {"value": value})["value"]
    json.dumps(made, allow_nan=False)
    if plain is not None:
        assert made == plain
    assert '"x"' not in json.dumps(made)


def test_what_holds_itself_has_an_end():
    """So has what is nested by somebody else; what was cut off may be secret."""
    made = json.dumps(make_plain(None, "info", {"value": CYCLE, "deep": deep("x")}))
    assert made.count("<list>") == 1
    assert "<dict>" in made
    assert "hunter2" not in made


def deep(name):
    """A mapping of many levels."""
    value = {"password": "hunter2"}
    for _ in range(DEPTH_LIMIT):
        value = {name: value}
    return value


def test_names_are_masked_and_clean():
    """A name of a field may be anybody's text as well."""
    made = make_plain(None, "info", {"client_password": "x", "\x1b[2J": "y"})
    assert made == {"client_password": MASK, "?[2J": "y"}


def test_ends_of_lines_and_tabs_stay():
    """All else that a terminal obeys goes."""
    assert clean("a\tb\nc\r\x1b\x9b\u202e\u2028") == "a\tb\nc?????"


def test_lines_that_go_on_are_indented():
    """Whoever writes an end of a line into a text forges no line."""
    made = lay_out(None, "info", {"event": "a\nb", "exception": "c\nd\x1b"})
    assert made == {"event": "a\n    b", "exception": "    c\n    d?"}


@given(
    st.sampled_from(["json", "console"]),
    st.text(),
    st.recursive(
        st.one_of(st.text(), st.binary(), st.floats(), st.integers(), st.none()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.binary(), inner)),
        max_leaves=5,
    ),
)
def test_nothing_that_is_logged_leaves_its_line(form, text, value):
    """One line comes out, whatever went in, and a terminal shows it as it is."""
    stream = io.StringIO()
    configure(form, "info", stream)
    try:
        get_logger().info(text.replace("\n", "") or "-", value=value)
    finally:
        configure()
    line = stream.getvalue()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert clean(line) == line
    if form == "json":
        json.loads(line, parse_constant=pytest.fail)


def test_an_exception_cannot_write_to_a_terminal():
    """Its message may be a server's."""
    stream = io.StringIO()
    configure("console", "info", stream)
    error = ValueError("a\x1b[2J\n2026-01-01T00:00:00.000000Z [info     ] forged")
    try:
        get_logger().error("oops", exc_info=error)
    finally:
        configure()
    first, *rest = stream.getvalue().splitlines()
    assert "oops" in first
    assert "\x1b" not in stream.getvalue()
    assert all(line.startswith("    ") for line in rest)
    assert "ValueError" in rest[-2]
