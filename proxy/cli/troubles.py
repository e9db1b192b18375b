"""What is the matter with a running proxy, as `mysqlproxy status` says it and checks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.cli.spelling import counted, plain, span

LONG_WAIT_SECONDS = 1.0
"""A queue that moves is no trouble: who waits for longer notices it."""

FULL_FILES = 0.9
"""Of the file descriptors: each client takes one, and its connection may need another."""

_NOT_SERVING = {
    "silent": "has told nothing of itself for some seconds",
    "replaced": "has ended, and another one takes its place",
}

Fields = Mapping[str, Any]


def troubles(overview: Fields) -> list[str]:
    """Sentences about all that is not as it should be; nothing when all is well.

    Args:
        overview: An `Overview`.
    """
    found = [*_process(overview["process"]), *_workers(overview["workers"])]
    for one in overview["proxies"]:
        found += [f"proxy {plain(one['status']['name'])}: {what}" for what in of_proxy(one)]
    return found


def _process(process: Fields) -> Iterator[str]:
    if not process["ready"]:
        yield f"not ready: {plain(process['not_ready'])}"
    most = process["max_open_files"]
    if most and process["open_files"] > most * FULL_FILES:
        yield (
            f"{process['open_files']:,} of {most:,} file descriptors are in use: raise "
            "LimitNOFILE, or have fewer clients"
        )


def _workers(workers: Iterable[Fields]) -> Iterator[str]:
    for one in workers:
        what = _NOT_SERVING.get(one["state"])
        if what is not None:
            yield f"worker {one['number']} {what}"


def of_proxy(one: Fields) -> Iterator[str]:
    """What is the matter with one proxy.

    Args:
        one: A `ProxyOverview`.
    """
    status = one["status"]
    if status["paused"]:
        yield "it is paused, and its clients wait; mysqlproxy resume lets them go on"
    elif status["held"]:
        why = plain(status["held_why"]) or "no writer is known"
        yield f"clients have been held for {span(status['held_seconds'])}: {why}"
    elif status["writer"] is None:
        yield "no target takes writes"
    for endpoint in one["endpoints"]:
        if not endpoint["address"]:
            yield f"endpoint {plain(endpoint['name'])} does not listen"
    for target in one["targets"]:
        if target["state"] == "UNAVAILABLE":
            why = ": ".join(filter(None, (target["reason"], target["description"])))
            yield f"target {plain(target['address'])} is unavailable: {plain(why) or 'unknown'}"
    for pool in one["pools"]:
        if pool["waiting"] and pool["longest_wait"] >= LONG_WAIT_SECONDS:
            yield _who_waits(pool)


def _who_waits(pool: Fields) -> str:
    who = counted(pool["waiting"], "client waits", "clients wait")
    return f"{who} for {plain(pool['target'])}, the first for {span(pool['longest_wait'])}"


def why_waiting(pool: Fields) -> str:
    """Why clients wait for a connection of this pool.

    Args:
        pool: A `PoolStatus`.
    """
    head = f"{_who_waits(pool)}: "
    if pool["held"]:
        return f"{head}nothing is lent at the moment"
    busy = pool["lent"] + pool["lingering"]
    if busy >= pool["max_connections"]:
        return (
            f"{head}all {pool['max_connections']} connections are lent, "
            f"{pool['in_transaction']} in transactions and {pool['pinned']} pinned"
        )
    if pool["connections"] >= pool["max_connections"]:
        return f"{head}there may be no more than {pool['max_connections']} connections"
    if pool["dialing"]:
        return f"{head}{counted(pool['dialing'], 'connection')} being opened"
    return f"{head}connections are on their way"
