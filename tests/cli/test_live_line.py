"""Tests of `proxy.cli.live_line`."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock

from proxy.cli.live_line import LiveLine, Sight


class Terminal(io.StringIO):
    """Standard output of a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def proxy():
    """A proxy with figures."""
    ledger = SimpleNamespace(
        held=False, total=5, limits=SimpleNamespace(connections=5), waiting=[1, 2]
    )
    return SimpleNamespace(
        pool=SimpleNamespace(place="db1.example:3306", ledger=ledger),
        count=200,
        counters=SimpleNamespace(query_requests=0),
    )


def test_a_line_tells_what_there_is_to_see():
    """Throughput, errors, who is the writer, whether clients are held, and how many wait."""
    sight = Sight(
        rate=1234.4,
        errors=5,
        writer="db1.example:3306",
        held=True,
        clients=200,
        connections=4,
        limit=5,
        waiting=190,
    )
    assert str(sight) == (
        "1234 statements/s | 5 errors | writer db1.example:3306 HELD | "
        "200 clients on 4 of 5 connections | 190 waiting"
    )


def test_elsewhere_there_is_a_line_each_second(proxy):
    """Errors are left out where nobody counts them, and a hold is seen."""
    out, clock = io.StringIO(), Clock()
    live = LiveLine(proxy, clock, out=out)
    live.start()
    proxy.counters.query_requests = 700
    clock.advance(1.0)
    proxy.counters.query_requests = 1000
    proxy.pool.ledger.held = True
    clock.advance(1.0)
    live.say("The writer is killed.")
    live.stop()
    clock.advance(5.0)
    rest = "| 200 clients on 5 of 5 connections | 2 waiting"
    assert out.getvalue().splitlines() == [
        f"700 statements/s | writer db1.example:3306 {rest}",
        f"300 statements/s | writer db1.example:3306 HELD {rest}",
        "The writer is killed.",
    ]


def test_on_a_terminal_it_is_written_in_place(proxy, monkeypatch):
    """It is as long as the terminal is wide, and sentences stay above it."""
    monkeypatch.setenv("COLUMNS", "30")
    out, clock = Terminal(), Clock()
    live = LiveLine(proxy, clock, lambda: 3, out)
    live.start()
    proxy.counters.query_requests = 10
    clock.advance(0.2)
    live.say("The writer is killed.")
    live.stop()
    live.stop()
    assert out.getvalue() == (
        "\r\x1b[K50 statements/s | 3 errors | \r\r\x1b[KThe writer is killed.\n\r\x1b[K"
    )


def test_the_rate_is_that_of_the_last_second(proxy):
    """What was long ago does not count."""
    clock = Clock()
    live = LiveLine(proxy, clock, out=Terminal())
    assert live.sight().rate == 0
    proxy.counters.query_requests = 5000
    for _ in range(8):
        clock.advance(0.25)
        proxy.counters.query_requests += 25
        live.sight()
    clock.advance(0.25)
    assert live.sight().rate == 75
