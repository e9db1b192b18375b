"""Asking back before something that clients notice."""

from __future__ import annotations

import sys

import click

from proxy.cli.reaching import Way

EPILOG = (
    "On a terminal it asks back, unless --yes or --json is given.  The status is 0 when it is "
    "done, 1 when it was refused or is not done yet, 2 when the command makes no sense, and 3 "
    "when no proxy was reached."
)

confirming = click.option("-y", "--yes", is_flag=True, help="Do not ask back.")


def make_sure(way: Way, question: str, *, yes: bool) -> None:
    """Ask a person whether it is meant; scripts are not asked.

    Raises:
        click.Abort: it is not.
    """
    if yes or way.as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    click.confirm(question, abort=True)
