"""`mysqlproxy drain`, `promote`, `pause` and their like: what is done to a running proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from proxy.admin.api import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
from proxy.cli.asking import EPILOG, confirming, make_sure
from proxy.cli.completing import target_names
from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import tell_json

_wait = click.option(
    "--timeout",
    type=click.FloatRange(0, MAX_TIMEOUT_SECONDS),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it is done; it goes on after that.",
)
_target = click.argument("target", shell_complete=target_names)


@click.command(epilog=EPILOG, short_help="Let TARGET finish what runs, and rest.")
@reaching
@_target
@_wait
@confirming
def drain(way: Way, target: str, timeout: float, *, yes: bool) -> None:
    """Let TARGET finish what runs and take nothing new."""
    make_sure(way, f"Let {target} take nothing new?", yes=yes)
    done = way.do("proxies", way.name(), "targets", target, "drain", timeout=timeout)
    _tell(way, done, "{target} is drained: nothing of it is lent.")


@click.command(epilog=EPILOG, short_help="Use TARGET again.")
@reaching
@_target
def undrain(way: Way, target: str) -> None:
    """Use TARGET again."""
    done = way.do("proxies", way.name(), "targets", target, "undrain")
    _tell(way, done, "{target} is used again.")


@click.command(epilog=EPILOG, short_help="Make TARGET the writer.")
@reaching
@_target
@_wait
@confirming
def promote(way: Way, target: str, timeout: float, *, yes: bool) -> None:
    """Make TARGET the writer."""
    make_sure(way, f"Make {target} the writer?", yes=yes)
    done = way.do("proxies", way.name(), "targets", target, "promote", timeout=timeout)
    _tell(way, done, "{target} takes the writes.")


@click.command(epilog=EPILOG, short_help="Hold all clients between transactions.")
@reaching
@_wait
@confirming
def pause(way: Way, timeout: float, *, yes: bool) -> None:
    """Hold all clients between transactions, until `mysqlproxy resume`."""
    make_sure(way, "Hold all clients, until mysqlproxy resume?", yes=yes)
    done = way.do("proxies", way.name(), "pause", timeout=timeout)
    _tell(way, done, "The proxy {proxy} is paused: its clients wait. End it with resume.")


@click.command(epilog=EPILOG, short_help="Let held clients go on.")
@reaching
def resume(way: Way) -> None:
    """Let the clients go on whom `mysqlproxy pause` holds."""
    done = way.do("proxies", way.name(), "resume")
    _tell(way, done, "The clients of the proxy {proxy} go on.")


@click.command(epilog=EPILOG, short_help="Use another set of targets.")
@reaching
@click.argument("target_set", metavar="SET")
@_wait
@confirming
def switch(way: Way, target_set: str, timeout: float, *, yes: bool) -> None:
    """Use the targets of SET, one of the target_sets, in place of those in use."""
    make_sure(way, f"Use the targets of {target_set} in place of those in use?", yes=yes)
    done = way.do("proxies", way.name(), "switch", timeout=timeout, target_set=target_set)
    _tell(way, done, "The proxy {proxy} uses the targets of {target_set}.")


def _tell(way: Way, content: Mapping[str, Any], sentence: str) -> None:
    """Say what came of an action; the status is 1 where it is not done yet."""
    if way.as_json:
        tell_json(content)
    elif content["done"]:
        click.echo(sentence.format_map(content))
    else:
        click.echo(
            f"{content['action']} is not done yet, and goes on. Once more waits on; "
            "mysqlproxy targets shows how it stands.",
            err=True,
        )
    if not content["done"]:
        raise click.exceptions.Exit(1)
