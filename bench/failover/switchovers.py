"""Two servers change places by plan, under load."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import click

from bench.failover import proxying, verdict
from bench.failover.clients import Client, Kind
from bench.failover.clusters import Pair
from bench.failover.crowd import Crowd
from bench.failover.outages import (
    CALM_SECONDS,
    FIRST,
    LAST,
    SPREAD_SECONDS,
    STALL,
    WELL_LIMIT_SECONDS,
    WRITABLE_LIMIT_SECONDS,
    Extent,
)
from bench.failover.prober import Prober
from bench.failover.proxying import Proxy, ProxyFailedError
from bench.failover.samples import Measure

CLIENTS: Final = 50
"""Of each of the two kinds."""

PROMOTE_LIMIT_SECONDS: Final = 30.0

AFTER_SECONDS: Final = 6.0
"""Of work after it: longer than the grace time of open transactions."""

_KINDS: Final = (Kind.MIXED, Kind.SHORT)


def _by_script(pair: Pair, _: Proxy) -> None:
    """The proxy is told nothing: it sees who is writable."""
    pair.group.switch_over()


def _by_command(pair: Pair, proxy: Proxy) -> None:
    """The proxy does it itself, as `mysqlproxy promote` asks it to."""
    replica = pair.group.replicas[0]
    by_command(proxy, (replica.host, replica.port))


def by_command(proxy: Proxy, place: tuple[str, int]) -> None:
    """Let the proxy promote the server at an address.

    Raises:
        ProxyFailedError: it refuses, or is not done in time.
    """
    host, port = place
    proxy.promote(f"{host}:{port}", PROMOTE_LIMIT_SECONDS)


def settle(pair: Pair) -> None:
    """After a change of places by command: the old primary follows the new one."""
    old, new = pair.group.primary, pair.group.replicas[0]
    pair.group.promote(new)
    pair.group.rejoin(old)
    pair.group.wait_until_caught_up()


def measure(taken: Measure, pair: Pair, extent: Extent) -> None:
    """Both ways in turns."""
    ways: dict[str, Callable[[Pair, Proxy], None]] = {
        "mysqlproxy promote": _by_command,
        "a script": _by_script,
    }
    with proxying.proxy(extent.form, pair.topology, pair.places) as proxy:
        for number in range(extent.runs):
            for name, switch in ways.items():
                try:
                    switched_at = _once(taken, name, switch, pair, proxy)
                except ProxyFailedError as error:
                    taken.note(f"{name}: {error}")
                    switched_at = time.monotonic()
                else:
                    if switch is _by_command:
                        settle(pair)
                proxy.wait_until_well(WELL_LIMIT_SECONDS)
                time.sleep(max(switched_at + SPREAD_SECONDS - time.monotonic(), 0))
            click.echo(f"{taken.title}: run {number + 1} of {extent.runs}", err=True)


def _once(
    taken: Measure,
    name: str,
    switch: Callable[[Pair, Proxy], None],
    pair: Pair,
    proxy: Proxy,
) -> float:
    with Crowd([(proxy.way, kind, CLIENTS) for kind in _KINDS]) as crowd:
        time.sleep(CALM_SECONDS)
        began = time.monotonic()
        with Prober(pair.group.replicas) as prober:
            switch(pair, proxy)
            writable_at = prober.wait(WRITABLE_LIMIT_SECONDS)
        time.sleep(AFTER_SECONDS)
    _judge(taken, name, crowd.clients, began, writable_at)
    return writable_at


def _judge(
    taken: Measure, name: str, clients: list[Client], began: float, writable_at: float
) -> None:
    taken.add("ms from its begin to writable", name, (writable_at - began) * 1e3)
    for figure, seconds in (
        (FIRST, verdict.first_write(clients, began, writable_at)),
        (LAST, verdict.last_client(clients, writable_at, verdict.WRITES)),
        (STALL, verdict.longest_stall(clients, began)),
    ):
        taken.add(figure, name, None if seconds is None else seconds * 1e3)
    for kind, heard in verdict.errors_by_kind(clients).items():
        taken.hear(name, kind.value, heard)
        taken.add(f"errors, {kind.value}", name, heard.total())
    taken.add("connections made anew", name, verdict.lost_connections(clients))
    for client in clients:
        for attempt in verdict.errors(client):
            what = f"{name}: {client.kind.value}, {attempt.what.value}: {attempt.said}"
            taken.note(what, verdict.story(client, writable_at))
