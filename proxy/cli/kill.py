"""`mysqlproxy kill`: what has to go at once."""

from __future__ import annotations

import click

from proxy.cli.asking import EPILOG, confirming, make_sure
from proxy.cli.completing import client_numbers, target_names
from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import tell_json


@click.group(short_help="Disconnect a client, or close a connection.")
def kill() -> None:
    """Disconnect a client, or close a connection to a target.

    Their numbers are in `mysqlproxy clients` and `mysqlproxy connections`.
    """


@kill.command(epilog=EPILOG)
@reaching
@click.argument("number", type=click.IntRange(0), shell_complete=client_numbers)
@confirming
def client(way: Way, number: int, *, yes: bool) -> None:
    """Disconnect the client NUMBER; what it has open is rolled back."""
    make_sure(way, f"Disconnect the client {number}?", yes=yes)
    done = way.do("proxies", way.name(), "clients", str(number), "kill")
    _tell(way, done, f"The client {number} is disconnected.")


@kill.command(epilog=EPILOG)
@reaching
@click.argument("target", shell_complete=target_names)
@click.argument("number", type=click.IntRange(0))
@confirming
def connection(way: Way, target: str, number: int, *, yes: bool) -> None:
    """Close the connection NUMBER to TARGET; the client that has it hears an error."""
    make_sure(way, f"Close the connection {number} to {target}?", yes=yes)
    segments = ("targets", target, "connections", str(number), "kill")
    done = way.do("proxies", way.name(), *segments)
    _tell(way, done, f"The connection {number} to {target} is closed.")


def _tell(way: Way, answer: object, sentence: str) -> None:
    if way.as_json:
        tell_json(answer)
    else:
        click.echo(sentence)
