"""`mysqlproxy targets`, `drain`, `promote`, `pause` and their like: the running proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from proxy.admin.api import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
from proxy.cli.reaching import Way, reaching
from proxy.cli.target_table import shown

_EPILOG = (
    "The status is 0 when it is done, 1 when it was refused or is not done yet, and 2 when the "
    "command makes no sense or the proxy cannot be reached."
)


_wait = click.option(
    "--timeout",
    type=click.FloatRange(0, MAX_TIMEOUT_SECONDS),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it is done; it goes on after that.",
)
_target = click.argument("target")


@click.command(epilog=_EPILOG)
@reaching
def targets(way: Way) -> None:
    """Show the targets: role, state and why, lag, connections."""
    proxies = way.proxies()
    for proxy in proxies:
        proxy["targets"] = way.see("proxies", proxy["name"], "targets")["targets"]
    if way.as_json:
        _tell_json({"proxies": proxies})
        return
    click.echo("\n\n".join("\n".join(shown(proxy)) for proxy in proxies))


@click.command(epilog=_EPILOG)
@reaching
@_target
@_wait
def drain(way: Way, target: str, timeout: float) -> None:
    """Let TARGET finish what runs and take nothing new."""
    done = way.do("proxies", way.name(), "targets", target, "drain", timeout=timeout)
    _tell(way, done, "{target} is drained: nothing of it is lent.")


@click.command(epilog=_EPILOG)
@reaching
@_target
def undrain(way: Way, target: str) -> None:
    """Use TARGET again."""
    done = way.do("proxies", way.name(), "targets", target, "undrain")
    _tell(way, done, "{target} is used again.")


@click.command(epilog=_EPILOG)
@reaching
@_target
@_wait
def promote(way: Way, target: str, timeout: float) -> None:
    """Make TARGET the writer."""
    done = way.do("proxies", way.name(), "targets", target, "promote", timeout=timeout)
    _tell(way, done, "{target} takes the writes.")


@click.command(epilog=_EPILOG)
@reaching
@_wait
def pause(way: Way, timeout: float) -> None:
    """Hold all clients between transactions, until `mysqlproxy resume`."""
    done = way.do("proxies", way.name(), "pause", timeout=timeout)
    _tell(way, done, "The proxy {proxy} is paused: its clients wait. End it with resume.")


@click.command(epilog=_EPILOG)
@reaching
def resume(way: Way) -> None:
    """Let the clients go on whom `mysqlproxy pause` holds."""
    done = way.do("proxies", way.name(), "resume")
    _tell(way, done, "The clients of the proxy {proxy} go on.")


@click.command(epilog=_EPILOG)
@reaching
@click.argument("target_set", metavar="SET")
@_wait
def switch(way: Way, target_set: str, timeout: float) -> None:
    """Use the targets of SET, one of the target_sets, in place of those in use."""
    done = way.do("proxies", way.name(), "switch", timeout=timeout, target_set=target_set)
    _tell(way, done, "The proxy {proxy} uses the targets of {target_set}.")


def _tell(way: Way, content: Mapping[str, Any], sentence: str) -> None:
    """Say what came of an action; the status is 1 where it is not done yet."""
    if way.as_json:
        _tell_json(content)
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


def _tell_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
