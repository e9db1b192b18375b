"""`mysqlproxy status`: whether all is well, at a glance."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from proxy.cli.columns import TARGETS, why_target
from proxy.cli.eventlines import event_line
from proxy.cli.following import Following
from proxy.cli.reaching import MOST_ROWS, Way, reaching
from proxy.cli.screen import Content, View, present, watching
from proxy.cli.spelling import number, plain, size, span
from proxy.cli.tables import Fitting
from proxy.cli.troubles import troubles, why_waiting

SHOWN_EVENTS = 5
"""The last ones: what has just happened, not a history."""

SHOWN_WAITING = 3
"""Clients that wait longest: enough to know whose application it is."""

SHOWN_REASONS = 3
"""Of pins: the others are rare beside them."""


@click.command(short_help="Is it well, who waits and why.")
@reaching
@watching
@click.option("--check", is_flag=True, help="End with 1 when something is the matter.")
def status(way: Way, watch: float | None, *, check: bool) -> None:
    """Show at a glance whether all is well.

    First what is the matter; then for each proxy who takes the writes, its clients and
    connections, who waits and why, the throughput and the latencies of the last minute, the
    pins and the targets; then what happened last.

    With --check the status is 1 when something is the matter: the process is not ready, a proxy
    is paused, holds its clients or has no writer, an endpoint does not listen, a target is
    unavailable, a client waits for more than a second, or file descriptors run out.
    """
    last: dict[str, Any] = {}
    following, events = Following(way), deque[Content](maxlen=SHOWN_EVENTS)

    def ask() -> Content:
        overview = way.see("overview")
        if way.proxy is not None:
            way.see("proxies", way.proxy)  # says which there are where it is none of them
            kept = [one for one in overview["proxies"] if one["status"]["name"] == way.proxy]
            overview = {**overview, "proxies": kept}
        if not way.as_json:
            last["waiting"] = _waiting(way, overview)
            events.extend(following.new())
        last["overview"] = overview
        return overview

    def draw(overview: Content) -> RenderableType:
        return _draw(overview, last["waiting"], events)

    present(View(ask, draw), watch=watch, as_json=way.as_json)
    if check and troubles(last["overview"]):
        raise click.exceptions.Exit(1)


def _waiting(way: Way, overview: Content) -> Mapping[str, list[Mapping[str, Any]]]:
    """The clients of each proxy that wait longest, longest first."""
    found = {}
    for one in overview["proxies"]:
        name = one["status"]["name"]
        if one["status"]["waiting"]:
            rows = way.see("proxies", name, "clients", limit=MOST_ROWS)["clients"]
            waiting = [row for row in rows if row["state"] == "waiting"]
            found[name] = sorted(waiting, key=lambda row: -row["waiting"])[:SHOWN_WAITING]
    return found


def _draw(
    overview: Content,
    waiting: Mapping[str, list[Mapping[str, Any]]],
    events: Iterable[Mapping[str, Any]],
) -> RenderableType:
    parts: list[RenderableType] = [_verdict(overview)]
    for one in overview["proxies"]:
        name = one["status"]["name"]
        parts += [Text(""), Text(f"proxy {plain(name)}", style="bold")]
        parts.append(_facts(_of_proxy(one, waiting.get(name, []))))
        parts.append(Padding(Fitting(TARGETS, one["targets"], why_target), (0, 0, 0, 2)))
    parts += [Text(""), Text("process", style="bold"), _facts(_of_process(overview))]
    if lines := [Padding(event_line(one), (0, 0, 0, 2)) for one in events]:
        parts += [Text(""), Text("last events", style="bold"), *lines]
    return Group(*parts)


def _verdict(overview: Content) -> RenderableType:
    found = troubles(overview)
    if not found:
        return Text("All is well.", style="bold green")
    table = Table.grid(padding=(0, 1, 0, 0))
    for trouble in found:
        table.add_row(Text("!", style="bold red"), Text(trouble, style="bold red"))
    return table


def _facts(facts: Iterator[tuple[str, str]]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for head, text in facts:
        table.add_row(Text(head), Text(text))
    return Padding(table, (0, 0, 0, 2))


def _of_proxy(
    one: Mapping[str, Any], waiting: list[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    state, pools, minute = one["status"], one["pools"], one["last_minute"]
    writer = plain(state["writer"] or "unknown")
    if state["last_switch"] is not None:
        writer += f", for {span(state['last_switch'])}"
    if state["held"]:
        writer += "; PAUSED" if state["paused"] else "; HELD"
    yield "writer", writer
    there = sum(pool["connections"] for pool in pools)
    lent = sum(pool["lent"] for pool in pools)
    most = sum(pool["max_connections"] for pool in pools)
    share = f", {state['clients'] / there:.1f} to one" if there and state["clients"] else ""
    yield (
        "clients",
        f"{state['clients']:,} on {there:,} of {most:,} connections, {lent:,} lent{share}",
    )
    yield from _queue(pools, waiting)
    yield from _speed(one["now"], minute)
    now = [pin for pin in one["pins"] if pin["now"]]
    reasons = ", ".join(f"{pin['now']} {pin['reason']}" for pin in now[:SHOWN_REASONS])
    more = " ..." if len(now) > SHOWN_REASONS else ""
    yield "pins", f"{reasons}{more} (mysqlproxy pins)" if now else "none"


def _queue(
    pools: list[Mapping[str, Any]], waiting: list[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    queued = [pool for pool in pools if pool["waiting"]]
    if not queued and not waiting:
        yield "waiting", "nobody"
    for place, pool in enumerate(queued):
        yield "" if place else "waiting", why_waiting(pool)
    for client in waiting:
        who = f"{plain(client['user'])}@{plain(client['address'])}"
        yield "", f"client {client['number']} {who} waits for {span(client['waiting'])}"


def _speed(now: Mapping[str, Any], minute: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    latency, database = minute["statement_latency"], minute["database_latency"]
    borrow = minute["borrow_latency"]
    yield (
        "statements",
        (
            f"{number(now['statements'])}/s now, "
            f"{number(minute['statements'] / 60)}/s in the last minute"
        ),
    )
    if latency["count"]:
        yield (
            "latency",
            (
                f"p50 {span(latency['p50'])}, p95 {span(latency['p95'])}, "
                f"p99 {span(latency['p99'])} (database {span(database['p99'])}, "
                f"waiting {span(borrow['p99'])})"
            ),
        )


def _of_process(overview: Content) -> Iterator[tuple[str, str]]:
    process, workers = overview["process"], overview["workers"]
    ready = "ready" if process["ready"] else "NOT READY"
    yield (
        "mysqlproxy",
        (
            f"{plain(process['version'])} ({plain(process['form'])}), "
            f"process {process['pid']}, up {span(process['uptime'])}, {ready}"
        ),
    )
    if len(workers) > 1:
        serve = sum(one["state"] == "serving" for one in workers)
        yield "workers", f"{serve} of {len(workers)} serve (mysqlproxy workers)"
    files = f"{process['open_files']:,} of {process['max_open_files']:,} files"
    yield (
        "uses",
        (
            f"{size(process['resident_bytes'])}, {files}, "
            f"{span(process['cpu_seconds'])} of processor time"
        ),
    )
    log = f"level {plain(process['log_level'])}"
    if process["debug_logging"]:
        log += f"; statements of {plain(', '.join(process['debug_logging']))}"
    yield "log", log
    if process["configuration"]:
        when = plain(process["configured"])[:19].replace("T", " ")
        yield "settings", f"{plain(process['configuration'])}, since {when} UTC"
