"""`mysqlproxy top`: the statements that take most, and the clients that are at it longest."""

from __future__ import annotations

import sys

import click
from rich.console import Group, RenderableType
from rich.text import Text

from proxy.cli.columns import CLIENTS, DIGESTS, for_several
from proxy.cli.reaching import MOST_ROWS, Way, reaching
from proxy.cli.screen import DEFAULT_SECONDS, Content, View, present, watching
from proxy.cli.spelling import number
from proxy.cli.tables import Fitting

DEFAULT_LIMIT = 15
"""Fits a usual screen with the clients below."""

SHOWN_CLIENTS = 5
"""Those that are at it longest are those who are looked for."""

_ORDERS = {
    "total": "total_seconds",
    "count": "count",
    "mean": "mean_seconds",
    "max": "max_seconds",
    "errors": "errors",
}


@click.command(short_help="The statements that take most, and for whom.")
@reaching
@watching
@click.option("--once", is_flag=True, help="Look once, also on a terminal.")
@click.option(
    "--sort",
    type=click.Choice([*_ORDERS]),
    default="total",
    show_default=True,
    help="Which statements come first.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_ROWS),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="How many statements.",
)
def top(way: Way, watch: float | None, sort: str, limit: int, *, once: bool) -> None:
    """Show the statements that take most of the time, and the clients that are at it longest.

    Statements that differ in their literals only are one.  Counts and times are since the start
    of the proxy, of fast statements by sample.  On a terminal it looks again and again.
    """
    if watch is None and not once and not way.as_json and sys.stdout.isatty():
        watch = DEFAULT_SECONDS

    def ask() -> Content:
        digests = way.rows("digests", MOST_ROWS)
        rows = sorted(digests["digests"], key=lambda row: -row[_ORDERS[sort]])
        left = digests["left_off"] + max(len(rows) - limit, 0)
        clients = [row for row in way.rows("clients", MOST_ROWS)["clients"] if _is_busy(row)]
        clients.sort(key=lambda row: -row["silent"])
        return {
            "digests": rows[:limit],
            "left_off": left,
            "busy": len(clients),
            "clients": clients[:SHOWN_CLIENTS],
        }

    present(View(ask, _draw), watch=None if once else watch, as_json=way.as_json)


def _is_busy(row: Content) -> bool:
    return row["state"] in {"waiting", "running", "transaction"}


def _draw(content: Content) -> RenderableType:
    digests, clients = content["digests"], content["clients"]
    parts: list[RenderableType] = []
    if digests:
        parts.append(Fitting(for_several(DIGESTS, digests), digests))
    else:
        parts.append(Text("No statement has been counted yet."))
    busy = number(content["busy"])
    parts += [Text(""), Text(f"{busy} clients at work, those first that began first:")]
    if clients:
        parts.append(Fitting(for_several(CLIENTS, clients), clients))
    return Group(*parts)
