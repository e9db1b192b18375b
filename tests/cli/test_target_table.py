"""Tests of `proxy.cli.target_table`."""

from __future__ import annotations

import attrs
import pytest

from proxy.cli.target_table import plain, shown
from proxy.policy.standing import ProxyStatus, TargetStatus

WRITER = TargetStatus(
    address="db1.example:3306",
    role="READ_WRITE",
    state="AVAILABLE",
    connections=10,
    lent=3,
    seen_seconds_ago=0.4,
)


def lines(status=None, *targets):
    proxy = attrs.asdict(status or ProxyStatus(name="shop", writer="db1.example:3306"))
    proxy["targets"] = [attrs.asdict(target) for target in targets]
    return [*shown(proxy)]


def test_a_target_is_a_row():
    """Role, state, lag, what is lent of its connections, and when it was seen."""
    summary, heads, row = lines(None, WRITER)
    assert summary == "proxy shop: writer db1.example:3306; 0 clients, 0 of them wait"
    assert heads.split() == ["TARGET", "ROLE", "STATE", "LAG", "LENT", "SEEN"]
    assert row.split() == [
        "db1.example:3306",
        "READ_WRITE",
        "AVAILABLE",
        "-",
        "3/10",
        "0.4",
        "s",
    ]


def test_why_stands_below_the_row():
    """The word and the sentence; nothing where there is nothing to say."""
    lost = TargetStatus(
        address="db2",
        state="UNAVAILABLE",
        reason="CONNECTION_FAILED",
        description="it cannot be connected to",
    )
    found = lines(None, lost, WRITER)
    assert found[2].split()[:3] == ["db2", "-", "UNAVAILABLE"]
    assert found[3].strip() == "CONNECTION_FAILED: it cannot be connected to"
    assert len(found) == 5


def test_what_is_drained_is_said_in_place_of_its_state():
    """This is what an operator looks for."""
    assert "DRAINING" in lines(None, attrs.evolve(WRITER, draining=True))[2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 s"), (119.9, "119.9 s"), (130.0, "2 min"), (7100, "118 min"), (7200, "2 h")],
)
def test_spans_are_written_for_people(seconds, text):
    """Minutes and hours where seconds are too many."""
    row = lines(None, attrs.evolve(WRITER, lag_seconds=seconds))[2]
    assert f"  {text}  " in row


def test_the_summary_says_what_is_unusual():
    """A pause, a hold and why, the set of targets, the last switch, no writer."""
    status = ProxyStatus(
        name="shop",
        held=True,
        held_why="the writer is lost",
        held_seconds=2.5,
        paused=True,
        target_set="green",
        last_switch=600.0,
    )
    text = " ".join(" ".join(lines(status)).split())
    assert "writer unknown" in text
    assert "target set green; another writer before 10 min; PAUSED" in text
    assert "HELD for 2.5 s (the writer is lost)" in text
    assert "HELD for 0.0 s TARGET" in " ".join(
        " ".join(lines(ProxyStatus(name="shop", held=True))).split()
    )


@pytest.mark.parametrize("columns", [10, 80, 1000])
def test_all_fits_the_terminal(monkeypatch, columns):
    """Long addresses and sentences are wrapped, and all of them is there."""
    monkeypatch.setenv("COLUMNS", str(columns))
    address = "shop-instance-1.c9akciq32.eu-central-1.rds.amazonaws.com:3306"
    target = attrs.evolve(WRITER, address=address, description="because " * 30)
    found = lines(None, target, WRITER)
    assert max(map(len, found)) <= max(72, min(columns, 160))
    pieces = [line.split()[0] for line in found if line.startswith("  ") and line.strip()]
    assert address in "".join(pieces)


def test_nothing_reaches_the_terminal_but_text():
    """What a server says of itself moves no cursor."""
    assert plain("a\x1b[2Jb\nc") == "a?[2Jb?c"
    target = attrs.evolve(WRITER, address="db\x1b1", description="\x1b]0;title\x07")
    assert "\x1b" not in "".join(lines(None, target))
