"""Tests of `proxy.cli.eventlines`."""

from __future__ import annotations

import attrs
import pytest

from proxy.cli.eventlines import event_line, is_at_least
from tests.cli.canned import event


def test_an_event_is_a_line():
    """The time, the level, what happened and what it is about."""
    line = event_line(attrs.asdict(event(2, "warning", "lost", why="not there", target="db1")))
    assert line.plain == "11-26 12:00:02 warning lost why='not there' target=db1"


def test_what_there_is_not_is_not_said():
    """A field without a value says nothing."""
    line = event_line(attrs.asdict(event(2, "warning", "well again", why=None, target="db1")))
    assert line.plain == "11-26 12:00:02 warning well again target=db1"


def test_what_others_wrote_is_only_text():
    """A client's name moves no cursor; an odd time is shown as it is."""
    odd = attrs.asdict(event(2, user="a\x1b[2J")) | {"time": "noon"}
    assert event_line(odd).plain == "noon info    an endpoint listens user=a?[2J"


@pytest.mark.parametrize(
    ("own", "wanted", "is_one"),
    [
        ("info", "info", True),
        ("info", "warning", False),
        ("error", "warning", True),
        ("critical", "error", True),
    ],
)
def test_levels_have_an_order(own, wanted, is_one):
    """What is unknown is grave."""
    assert is_at_least({"level": own}, wanted) == is_one
