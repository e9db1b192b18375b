"""Tests of `proxy.cli.summary`."""

from __future__ import annotations

import attrs

from proxy.cli.summary import held, summary
from proxy.policy.standing import ProxyStatus

SHOP = ProxyStatus(name="shop", writer="db1", clients=12, waiting=1)


def test_it_says_who_writes_and_who_waits():
    """In one line, when all is well."""
    text = summary(attrs.asdict(SHOP)).plain
    assert text == "proxy shop: writer db1; 12 clients, 1 of them waits"


def test_it_says_what_is_unusual():
    """A hold and why, the set of targets, the last switch, no writer."""
    status = ProxyStatus(
        name="shop",
        held=True,
        held_why="the writer is lost",
        held_seconds=2.5,
        target_set="green",
        last_switch=600.0,
    )
    text = summary(attrs.asdict(status)).plain
    assert "writer unknown" in text
    assert (
        "0 clients, 0 of them wait; target set green; another writer until 10 min ago" in text
    )
    assert text.endswith("HELD for 2.5 s (the writer is lost)")


def test_a_pause_says_how_it_ends():
    """It is what an operator did, and may have forgotten."""
    paused = attrs.evolve(SHOP, paused=True, held=True, held_seconds=9.0)
    assert held(attrs.asdict(paused)).startswith("PAUSED: mysqlproxy resume")
    assert held(attrs.asdict(attrs.evolve(SHOP, held=True))) == "HELD for 0.0 s"
    assert held(attrs.asdict(SHOP)) == ""
