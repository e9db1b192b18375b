"""Options of several benches: which form of this proxy runs, and in how many processes."""

from __future__ import annotations

from typing import Final

import click

from proxy.config.model import MAX_WORKERS

WORKERS: Final = click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Processes of this proxy that serve.",
)

PYTHON: Final = click.option(
    "--python", is_flag=True, help="Run this proxy from its sources, not compiled."
)
