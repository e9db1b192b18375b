"""Reading the configuration for a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from proxy.config.model import Config

CONFIG_FILE = "/etc/mysqlproxy/mysqlproxy.yaml"


def load(path: Path) -> Config:
    """The configuration.

    Raises:
        click.ClickException: it cannot be used; every problem is told.
    """
    # Most commands are told where the proxy is, and need no file.
    from proxy.config.load import load_config  # noqa: PLC0415 - see above
    from proxy.config.problem import ConfigError  # noqa: PLC0415 - see above

    try:
        return load_config(path)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """End the command with a sentence where the configuration points to something unusable."""
    from proxy.service.tokens import UnusableError  # noqa: PLC0415 - only who serves has it

    try:
        yield
    except UnusableError as error:
        raise click.ClickException(str(error)) from error
