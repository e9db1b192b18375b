"""`mysqlproxy workers`: the processes that serve clients."""

from __future__ import annotations

import click
from rich.console import RenderableType

from proxy.cli.columns import WORKERS
from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import Content, View, present, watching
from proxy.cli.tables import Fitting


@click.command(short_help="The processes that serve clients.")
@reaching
@watching
def workers(way: Way, watch: float | None) -> None:
    """Show the processes that serve clients: how many these have, and how busy they are.

    CPU is how much of one processor a worker used in the last second, DELAY for how long
    somebody there had to wait for a turn in the last minute at most, and RESTARTS how often
    another process has taken its place.  There is one where `workers` is 1, or where there is
    one core.
    """
    present(View(lambda: way.see("workers"), _drawn), watch=watch, as_json=way.as_json)


def _drawn(content: Content) -> RenderableType:
    return Fitting(WORKERS, content["workers"])
