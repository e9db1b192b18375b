"""Reading the configuration for a command."""

from __future__ import annotations

from pathlib import Path

import click

from proxy.config.load import load_config
from proxy.config.model import Config
from proxy.config.problem import ConfigError
from proxy.service.assembly import UnusableError, try_out

CONFIG_FILE = "/etc/mysqlproxy/mysqlproxy.yaml"


def load(path: Path) -> Config:
    """The configuration, once all that it points to on this machine has been read.

    Raises:
        click.ClickException: it cannot be used; every problem is told.
    """
    try:
        config = load_config(path)
        try_out(config, path.parent)
    except (ConfigError, UnusableError) as error:
        raise click.ClickException(str(error)) from error
    return config
