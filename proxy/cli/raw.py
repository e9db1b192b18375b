"""`mysqlproxy api`: any call of the admin API."""

from __future__ import annotations

import json
from typing import Any

import click

from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import tell_json


@click.command(short_help="Call the admin API, and print its answer.")
@reaching
@click.argument("path")
@click.option("--post", is_flag=True, help="Do something rather than look.")
@click.option("-d", "--data", metavar="JSON", help="Parameters, as an object; with --post.")
def api(way: Way, path: str, data: str | None, *, post: bool) -> None:
    """Call PATH of the admin API, and print the answer.

    \b
    mysqlproxy api /v1/configuration
    mysqlproxy api /v1/proxies/shop/clients?limit=5
    mysqlproxy api --post /v1/log --data '{"level": "debug"}'

    The API describes itself at /openapi.json.
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    if data is not None and not post:
        raise click.UsageError("--data needs --post beside it")
    tell_json(way.call("POST" if post else "GET", path, _parameters(data)))


def _parameters(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter("it is no JSON object", param_hint="--data")
    return value
