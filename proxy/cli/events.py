"""`mysqlproxy events`: what has happened lately, and what happens now."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import click

from proxy.cli.eventlines import LEVELS, event_line, is_at_least
from proxy.cli.following import Following
from proxy.cli.places import NotReachedError
from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import DEFAULT_SECONDS, LEAST_SECONDS, make_console, tell_json, write
from proxy.observe.events import KEPT

DEFAULT_LIMIT = 20
"""A screen of them."""

Fields = Mapping[str, Any]


@click.command(short_help="What has happened lately.")
@reaching
@click.option(
    "-w",
    "-f",
    "--watch",
    "watch",
    is_flag=False,
    flag_value=DEFAULT_SECONDS,
    type=click.FloatRange(LEAST_SECONDS, 3600),
    metavar="[SECONDS]",
    help="Go on with what happens, until Ctrl-C.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default=LEVELS[0],
    show_default=True,
    help="Only events of this level and above.",
)
@click.option(
    "--limit",
    type=click.IntRange(0, KEPT),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="How many of the last ones.",
)
def events(way: Way, watch: float | None, level: str, limit: int) -> None:
    """Show what has happened lately: failovers, reloads, errors, deeds of operators.

    Times are in UTC.  The proxy keeps the last lines of its log for this; with --proxy only
    those of one proxy are shown.  With --watch new events follow as they come, also past a
    restart of the proxy.  With --json there is an object, and with --watch an event on each
    line.
    """
    following = Following(way)
    takes_all = level == LEVELS[0] and way.proxy is None
    found = _wanted(way, following.new(limit if takes_all else KEPT), level)
    found = found[len(found) - min(limit, len(found)) :]
    if watch is None:
        if way.as_json:
            tell_json({"events": found, "last": following.last})
        else:
            _tell(found)
        return
    _out(way, found)
    try:
        _follow(way, following, watch, level)
    except KeyboardInterrupt:
        return


def _follow(way: Way, following: Following, seconds: float, level: str) -> None:
    """Tell what comes; who is away is waited for."""
    away = False
    while True:
        time.sleep(seconds)
        try:
            found = following.new()
        except NotReachedError as error:
            if not away:
                click.echo(f"{error.message.splitlines()[0]}; still trying", err=True)
            away = True
            continue
        away = False
        _out(way, _wanted(way, found, level))


def _wanted(way: Way, found: Iterable[Fields], level: str) -> list[Fields]:
    """Those of the level, and of the proxy if one is named; what is of none is of all."""
    return [
        event
        for event in found
        if is_at_least(event, level)
        and way.proxy in (None, event["fields"].get("proxy", way.proxy))
    ]


def _tell(found: list[Fields]) -> None:
    if not found:
        click.echo("No events.")
    for event in found:
        write(event_line(event))


def _out(way: Way, found: list[Fields]) -> None:
    console = make_console()
    for event in found:
        if way.as_json:
            tell_json(event, indent=None)
        else:
            console.print(event_line(event))
    sys.stdout.flush()
