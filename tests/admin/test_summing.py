"""Tests of `proxy.admin.summing`."""

from __future__ import annotations

import attrs

from proxy.admin import summing
from proxy.admin.sight import Standing
from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    PinStatus,
    PoolStatus,
)


def row(kind, **fields):
    """A row of which only this matters."""
    return kind(**dict.fromkeys([one.name for one in attrs.fields(kind)]) | fields)


def test_how_it_stands_is_added_up():
    """Nothing is nothing."""
    one = Standing(clients=1, connections=2, lent=3, waiting=4, pinned=5)
    assert summing.standing([one, one]) == Standing(
        clients=2, connections=4, lent=6, waiting=8, pinned=10
    )
    assert summing.standing([]) == Standing()


def test_pools_of_a_target_are_one():
    """Its limit is the target's own; who has not seen that yet goes by less."""
    first = PoolStatus(proxy="shop", target="a", connections=2, lent=1, max_connections=1)
    second = attrs.evolve(first, max_connections=20, waiting=3, longest_wait=2.0, held=True)
    other = PoolStatus(proxy="shop", target="b", connections=1, max_connections=1)
    found = summing.pools([[first, other], [second], []])
    assert found == [
        PoolStatus(
            proxy="shop",
            target="a",
            connections=4,
            lent=2,
            waiting=3,
            longest_wait=2.0,
            max_connections=20,
            held=True,
        ),
        other,
    ]


def test_clients_are_in_the_order_in_which_they_came():
    """Whoever serves them."""
    rows = [row(ClientStatus, connected=seconds) for seconds in (5.0, 1.0, 9.0)]
    assert [one.connected for one in summing.clients(rows)] == [9.0, 5.0, 1.0]


def test_connections_are_shown_by_target():
    """In the order in which one worker has the targets."""
    rows = [row(ConnectionStatus, target=name, worker=n) for n in (1, 2) for name in "ab"]
    found = [(one.target, one.worker) for one in summing.connections(rows)]
    assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_the_longest_pins_come_first():
    """Of all."""
    rows = [row(PinStatus, lasts=seconds) for seconds in (1.0, 3.0, 2.0)]
    assert [one.lasts for one in summing.pins(rows)] == [3.0, 2.0, 1.0]


def digest(text, count, seconds, **fields):
    known = {"errors": 1, "mean_seconds": 0.0, "max_seconds": seconds, "last_seen": seconds}
    return DigestStatus(
        **{"proxy": "shop", "digest": text, "count": count, "total_seconds": seconds, **known},
        **fields,
    )


def test_a_statement_is_there_once():
    """With all that it took, wherever it ran."""
    rows = [digest("A", 1, 1.0), digest("B", 1, 2.5), digest("A", 3, 2.0), digest("C", 0, 0.0)]
    first, second, third = summing.digests([*rows, digest("C", 0, 0.0)])
    assert first == DigestStatus(
        proxy="shop",
        digest="A",
        count=4,
        errors=2,
        total_seconds=3.0,
        mean_seconds=0.75,
        max_seconds=2.0,
        last_seen=1.0,
    )
    assert (second.digest, third.mean_seconds) == ("B", 0.0)
