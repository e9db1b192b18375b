"""`mysqlproxy load`: clients that run statements, to see the proxy at work."""

from __future__ import annotations

import math
import sys
import time

import click

from proxy.cli.load import Load, LoadError, Reach
from proxy.cli.spelling import number

LINE_SECONDS = 1.0
"""Between two lines: they are read while it runs."""


@click.command(short_help="Some clients that run statements, to try things.")
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Of the proxy.")
@click.option(
    "-P",
    "--port",
    type=click.IntRange(1, 65535),
    default=3306,
    show_default=True,
    help="Of the proxy.",
)
@click.option("-u", "--user", required=True, help="As whom the clients log in.")
@click.option(
    "-p",
    "--password",
    envvar="MYSQL_PWD",
    show_envvar=True,
    prompt=True,
    hide_input=True,
    help="With what; asked for where it is not given.",
)
@click.option("-D", "--database", required=True, help="Where they have a table of their own.")
@click.option(
    "--clients", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many."
)
@click.option(
    "--pause",
    type=click.FloatRange(0, 60),
    default=0.05,
    show_default=True,
    metavar="SECONDS",
    help="How long each thinks between two transactions.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    help="How long; until Ctrl-C unless it is given.",
)
def load(
    host: str,
    port: int,
    user: str,
    password: str,
    database: str,
    clients: int,
    pause: float,
    seconds: float | None,
) -> None:
    """Let some clients run statements through the proxy, as an application does.

    Each reads a row and changes one, in turns, and connects anew when its connection is lost.
    They use the table mysqlproxy_load, which is made for it and dropped in the end.  A line
    each second has the statements of that second, and the errors so far.
    """
    running = Load(Reach(host, port, user, password, database), clients, pause)
    try:
        running.start()
    except LoadError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{clients} clients are at work. Ctrl-C ends it.")
    end = math.inf if seconds is None else time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            before = running.statements
            time.sleep(min(LINE_SECONDS, left))
            _tell(running, running.statements - before)
    except KeyboardInterrupt:
        click.echo()
    running.stop()
    click.echo(f"{running.statements:,} statements, {running.errors:,} errors.")


def _tell(running: Load, statements: int) -> None:
    last = f" | last error: {running.last_error}" if running.last_error else ""
    click.echo(f"{number(statements)} statements/s | {running.errors:,} errors{last}")
    sys.stdout.flush()
