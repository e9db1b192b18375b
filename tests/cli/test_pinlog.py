"""Tests of `proxy.cli.pinlog`."""

from __future__ import annotations

import json

import pytest

from proxy.cli.pinlog import PINNED, UNKNOWN, Cause, read_log
from proxy.session.pins import PinReason


def pinned(reason, statement="SELECT GET_LOCK(?, ?)", **more):
    """Write a line as the proxy does."""
    return json.dumps({"message": PINNED, "reason": reason, "statement": statement, **more})


def test_pins_are_counted_by_reason_and_statement():
    """The same statement under the same reason is one cause."""
    lock, table = PinReason.NAMED_LOCK.value, PinReason.TEMPORARY_TABLE.value
    log = read_log(
        [pinned(lock), pinned(table, "CREATE TEMPORARY TABLE t (id INT)"), pinned(lock)]
    )
    assert log.times == {
        Cause("NAMED_LOCK", "SELECT GET_LOCK(?, ?)"): 2,
        Cause("TEMPORARY_TABLE", "CREATE TEMPORARY TABLE t (id INT)"): 1,
    }
    assert log.pins == 3
    assert log.by_reason() == [("NAMED_LOCK", 2), ("TEMPORARY_TABLE", 1)]
    assert log.only("TEMPORARY_TABLE").by_reason() == [("TEMPORARY_TABLE", 1)]


def test_a_reason_may_be_a_name():
    """A log that names reasons is read like one that has their sentences."""
    log = read_log([pinned("named_lock"), pinned(PinReason.NAMED_LOCK.value)])
    assert log.by_reason() == [("NAMED_LOCK", 2)]


def test_a_reason_of_another_release_keeps_its_words():
    """What this release does not know is counted all the same."""
    log = read_log([pinned("The moon was full."), pinned(None, None)])
    assert log.times == {
        Cause("The moon was full.", "SELECT GET_LOCK(?, ?)"): 1,
        Cause(UNKNOWN, UNKNOWN): 1,
    }


def test_other_lines_do_not_count():
    """Other messages are read over, and lines that are no JSON objects are told apart."""
    log = read_log(
        [
            json.dumps({"message": "a client logged in"}),
            "Traceback (most recent call last):",
            "{not JSON}",
            "[1, {}]",
            "",
            "[" * 10 + "{" * 100_000,
        ]
    )
    assert (log.pins, log.lines, log.others) == (0, 1, 4)


def test_prefixes_of_collectors_are_passed_over():
    """Logs of the journal and of containers have words before the JSON."""
    line = "Nov 24 03:11:02 db1 mysqlproxy[812]: " + pinned(PinReason.XA.value)
    assert read_log([line]).by_reason() == [("XA", 1)]


def test_the_first_and_the_last_time_are_kept():
    """The span of the log is that of its pins."""
    times = ["2026-11-24T03:00:00Z", "2026-11-24T03:05:00Z", "2026-11-24T04:00:00Z"]
    log = read_log(pinned("XA", timestamp=when) for when in times)
    assert (log.first, log.last) == (times[0], times[-1])
    assert read_log([pinned("XA"), pinned("XA", timestamp=7)]).first == ""


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\u202eb", "a\nb"])
def test_nothing_in_a_log_moves_the_cursor(text):
    """Statements come from clients: their control characters are not printed."""
    (cause,) = read_log([pinned("XA", text)]).times
    assert cause.statement.isprintable()
