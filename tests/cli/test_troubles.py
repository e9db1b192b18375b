"""Tests of `proxy.cli.troubles`."""

from __future__ import annotations

import attrs
import pytest

from proxy.cli.troubles import troubles, why_waiting
from tests.cli.canned import ENDPOINT, LOST, POOL, SHOP, STATUS, TARGET, WORKER, overview


def found(shop=SHOP, **process):
    return troubles(attrs.asdict(overview(shop, **process)))


def pool(**changes):
    return attrs.asdict(attrs.evolve(POOL, waiting=2, longest_wait=1.5, **changes))


def test_nothing_is_said_when_all_is_well():
    """Neither a drained target nor a short queue is a trouble."""
    draining = attrs.evolve(TARGET, draining=True)
    short = attrs.evolve(POOL, waiting=9, longest_wait=0.2)
    assert found(attrs.evolve(SHOP, targets=(draining,), pools=(short,))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": attrs.evolve(STATUS, writer=None)}, "no target takes writes"),
        ({"status": attrs.evolve(STATUS, paused=True, held=True)}, "mysqlproxy resume"),
        (
            {"status": attrs.evolve(STATUS, held=True, held_seconds=2, held_why="it is lost")},
            "held for 2.0 s: it is lost",
        ),
        ({"status": attrs.evolve(STATUS, held=True)}, "no writer is known"),
        ({"endpoints": (attrs.evolve(ENDPOINT, address=""),)}, "endpoint main does not listen"),
        ({"targets": (LOST,)}, "db2.example:3306 is unavailable: CONNECTION_FAILED: it cannot"),
        (
            {"pools": (attrs.evolve(POOL, waiting=2, longest_wait=1.0),)},
            "2 clients wait for shop-instance-1",
        ),
    ],
)
def test_each_trouble_of_a_proxy_is_said(changes, said):
    """With the name of the proxy, and once."""
    (sentence,) = found(attrs.evolve(SHOP, **changes))
    assert sentence.startswith("proxy shop: ")
    assert said in sentence


def test_troubles_of_the_process_come_first():
    """It is not ready, or has no room for more clients."""
    lost = attrs.evolve(SHOP, targets=(LOST,))
    said = found(lost, ready=False, not_ready="it is being stopped", open_files=65_000)
    assert said[0] == "not ready: it is being stopped"
    assert "65,000 of 65,536 file descriptors" in said[1]
    assert len(said) == 3
    assert found(max_open_files=0) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"held": True}, "nothing is lent"),
        ({"lent": 20, "in_transaction": 12, "pinned": 4}, "12 in transactions and 4 pinned"),
        ({"lent": 15, "connections": 20}, "no more than 20 connections"),
        ({"dialing": 1}, "1 connection being opened"),
        ({}, "on their way"),
    ],
)
def test_it_is_said_why_clients_wait(changes, why):
    """Held, all lent, at the limit, or being opened."""
    text = why_waiting(pool(**changes))
    assert text.startswith("2 clients wait for shop-instance-1")
    assert why in text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("silent", ["worker 2 has told nothing of itself for some seconds"]),
        ("replaced", ["worker 2 has ended, and another one takes its place"]),
        ("starting", []),
    ],
)
def test_a_worker_that_does_not_serve_is_a_trouble(state, said):
    """One that only starts is not."""
    workers = (WORKER, attrs.evolve(WORKER, number=2, state=state))
    assert troubles(attrs.asdict(overview(workers=workers))) == said
