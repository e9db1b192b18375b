"""Reading the configuration for a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from proxy.config.load import load_config
from proxy.config.model import Config
from proxy.config.problem import ConfigError
from proxy.service.tokens import UnusableError

CONFIG_FILE = "/etc/mysqlproxy/mysqlproxy.yaml"


def load(path: Path) -> Config:
    """The configuration.

    Raises:
        click.ClickException: it cannot be used; every problem is told.
    """
    try:
        return load_config(path)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """End the command with a sentence where the configuration points to something unusable."""
    try:
        yield
    except UnusableError as error:
        raise click.ClickException(str(error)) from error
