"""Words that a shell can complete because the running proxy knows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from proxy.cli.configuration import CONFIG_FILE
from proxy.cli.places import Wanted
from proxy.cli.reaching import Way, way_to

PATIENCE_SECONDS = 0.5
"""Whoever presses TAB does not want to wait; a proxy that is well answers in some ms."""


def proxy_names(context: click.Context, begun: str) -> list[str]:
    """Names of proxies that begin so; none where nobody answers."""
    return _asked(context, begun, lambda way: [one["name"] for one in way.proxies()])


def target_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Addresses of targets that begin so; none where nobody answers."""

    def ask(way: Way) -> list[str]:
        names = [one["name"] for one in way.proxies()]
        return [
            target["address"]
            for name in names
            for target in way.see("proxies", name, "targets")["targets"]
        ]

    return _asked(context, begun, ask)


def client_numbers(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Numbers of clients that begin so; none where nobody answers."""
    limit = 200  # more nobody reads
    return _asked(
        context,
        begun,
        lambda way: [str(one["number"]) for one in way.rows("clients", limit)["clients"]],
    )


def _asked(context: click.Context, begun: str, ask: Callable[[Way], list[str]]) -> list[str]:
    given: dict[str, Any] = context.params
    wanted = Wanted(
        where=given.get("where") or os.environ.get("MYSQLPROXY_ADMIN"),
        config=Path(given.get("config") or CONFIG_FILE),
        token_file=given.get("token_file"),
        ca=given.get("ca"),
        certificate=given.get("certificate"),
        key=given.get("key"),
    )
    try:
        names = ask(way_to(wanted, given.get("proxy"), answer_seconds=PATIENCE_SECONDS))
    except (click.ClickException, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(begun)]
