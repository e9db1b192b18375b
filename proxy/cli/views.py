"""`mysqlproxy targets`, `pools`, `clients` and `connections`: tables of what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from proxy.admin.snapshot import CLIENT_STATES, CONNECTION_STATES
from proxy.cli.columns import (
    CLIENTS,
    CONNECTIONS,
    POOLS,
    TARGETS,
    for_several,
    why_target,
)
from proxy.cli.reaching import MOST_ROWS, Way, reaching
from proxy.cli.screen import Content, View, present, watching
from proxy.cli.spelling import counted
from proxy.cli.summary import summary
from proxy.cli.tables import Column, Fitting, Row

DEFAULT_LIMIT = 50
"""Rows that somebody reads; --json and --limit give more."""

limiting = click.option(
    "--limit",
    type=click.IntRange(1, MOST_ROWS),
    metavar="N",
    help=f"The most rows; {DEFAULT_LIMIT} for people and {MOST_ROWS:,} with --json unless said "
    "otherwise.",
)


@click.command(short_help="Targets: role, state and why, lag.")
@reaching
@watching
def targets(way: Way, watch: float | None) -> None:
    """Show the targets: role, state and why, lag, connections.

    LENT is how many of the connections clients have, and SEEN when the last look at the target
    went well.
    """

    def ask() -> Content:
        proxies = way.proxies()
        for proxy in proxies:
            proxy["targets"] = way.see("proxies", proxy["name"], "targets")["targets"]
        return {"proxies": proxies}

    present(View(ask, _targets), watch=watch, as_json=way.as_json)


def _targets(content: Content) -> RenderableType:
    parts: list[RenderableType] = []
    for proxy in content["proxies"]:
        parts += [Text("")] if parts else []
        parts += [summary(proxy), Fitting(TARGETS, proxy["targets"], why_target)]
    return Group(*parts)


@click.command(short_help="Connections to each target, and their limits.")
@reaching
@watching
def pools(way: Way, watch: float | None) -> None:
    """Show the connections to each target: how many, what they do, who waits for one.

    CONN is how many there are of how many there may be; IN TX those in a transaction, and WAIT
    the clients in the queue, of whom the first has waited for LONGEST.
    """
    _table(way, "pools", POOLS, watch, MOST_ROWS)


@click.command(short_help="Clients: who, what they do, how long.")
@reaching
@watching
@limiting
@click.option("--user", help="Only those of this user.")
@click.option(
    "--state",
    type=click.Choice(CLIENT_STATES),
    help="Only those that do this; --state transaction has one open and is idle in it.",
)
@click.option("--waiting", is_flag=True, help="Only those that wait for a connection.")
@click.option("--pinned", is_flag=True, help="Only those that are pinned.")
def clients(
    way: Way,
    watch: float | None,
    limit: int | None,
    user: str | None,
    state: str | None,
    *,
    waiting: bool,
    pinned: bool,
) -> None:
    """Show the clients: who they are, what they do and for how long.

    WAITS is for how long a statement has waited for a connection, and SILENT since when the
    client has sent nothing.  Those who wait longest come first.
    """

    def wanted(row: Row) -> bool:
        return (
            user in (None, row["user"])
            and state in (None, row["state"])
            and (not waiting or row["state"] == "waiting")
            and (not pinned or bool(row["pins"]))
        )

    _table(way, "clients", CLIENTS, watch, limit, wanted, lambda row: -row["waiting"])


@click.command(short_help="Connections to targets, one by one.")
@reaching
@watching
@limiting
@click.option("--target", help="Only those to the target of this address.")
@click.option("--user", help="Only those of this user.")
@click.option("--state", type=click.Choice(CONNECTION_STATES), help="Only those in this state.")
def connections(
    way: Way,
    watch: float | None,
    limit: int | None,
    target: str | None,
    user: str | None,
    state: str | None,
) -> None:
    """Show the connections to the targets, one by one.

    CONN is the server's own number of it, as SHOW PROCESSLIST has it there, and CLIENT the
    number of the client that has it.
    """

    def wanted(row: Row) -> bool:
        return (
            target in (None, row["target"])
            and user in (None, row["user"])
            and state in (None, row["state"])
        )

    _table(way, "connections", CONNECTIONS, watch, limit, wanted)


def _table(
    way: Way,
    what: str,
    columns: Sequence[Column],
    watch: float | None,
    limit: int | None,
    wanted: Callable[[Row], bool] = lambda _: True,
    order: Callable[[Row], float] | None = None,
) -> None:
    """Show what the API lists, as far as it is wanted.

    Args:
        way: To the proxy.
        what: Its name in the API.
        columns: Of the table.
        watch: Seconds between two looks; None is to look once.
        limit: The most rows; None for what is usual.
        wanted: Whether a row is.
        order: The smallest first; None is that of the API.
    """
    most = limit or (MOST_ROWS if way.as_json else DEFAULT_LIMIT)

    def ask() -> Content:
        # The API knows no filters: what is filtered here has to be there whole.
        found = way.rows(what, MOST_ROWS)
        rows = [row for row in found[what] if wanted(row)]
        if order is not None:
            rows.sort(key=order)
        left = found["left_off"] + max(len(rows) - most, 0)
        return {**found, what: rows[:most], "left_off": left}

    present(
        View(ask, lambda content: listed(content, what, columns)),
        watch=watch,
        as_json=way.as_json,
    )


def listed(content: Mapping[str, Any], what: str, columns: Sequence[Column]) -> RenderableType:
    """A list of the API as a table, and how many are not in it."""
    rows, left = content[what], content["left_off"]
    parts: list[RenderableType] = []
    if rows:
        parts.append(Fitting(for_several(columns, rows), rows))
    else:
        parts.append(Text(f"No {what}."))
    if missing := ", ".join(str(number) for number in content.get("missing_workers", ())):
        parts.append(Text(f"Without those of worker {missing}: no answer.", style="yellow"))
    elif rows and left:
        parts.append(Text(f"{counted(left, 'row')} more (--limit)", style="dim"))
    return Group(*parts)
