"""Tests of `proxy.cli.spelling`."""

from __future__ import annotations

import pytest

from proxy.cli.spelling import counted, number, plain, size, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0.0 s"),
        (0.0004, "0.4 ms"),
        (0.012, "12 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.1 s"),
        (119.9, "119.9 s"),
        (130.0, "2 min"),
        (7100, "118 min"),
        (7200, "2 h"),
        (172_799, "48 h"),
        (259_200, "3 d"),
    ],
)
def test_spans_are_written_for_people(seconds, text):
    """From parts of milliseconds to days, in a unit that reads well."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9999, "9,999"), (12_345, "12.3k"), (999_960, "1.0M"), (4e9, "4.0G")],
)
def test_numbers_are_written_for_people(value, text):
    """Large ones with a unit, so that a column stays narrow."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (80 * 2**20, "80 MiB"), (3 * 2**30, "3.0 GiB")],
)
def test_bytes_are_written_for_people(count, text):
    """In binary units."""
    assert size(count) == text


def test_what_is_counted_agrees():
    """One client, two clients; another plural where it has one."""
    assert counted(1, "client") == "1 client"
    assert counted(2000, "client") == "2,000 clients"
    assert counted(2, "client waits", "clients wait") == "2 clients wait"


def test_nothing_reaches_the_terminal_but_text():
    """What a server says of itself moves no cursor."""
    assert plain("a\x1b[2Jb\nc") == "a?[2Jb?c"
