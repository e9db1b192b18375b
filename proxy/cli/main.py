"""Commands and their options."""

from __future__ import annotations

from pathlib import Path

import click

from proxy import __version__
from proxy.cli.check import check_config
from proxy.cli.configuration import CONFIG_FILE, explained, load
from proxy.cli.control import drain, pause, promote, resume, switch, targets, undrain
from proxy.cli.pins import pins
from proxy.cli.token import token
from proxy.embedded import EmbeddedError, Flavor
from proxy.service.form import form

_config = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CONFIG_FILE,
    show_default=True,
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__} ({form()})", prog_name="mysqlproxy")
def main() -> None:
    """A pooling, multiplexing proxy for MySQL and MariaDB."""


_OF_THE_RUNNING_PROXY = (targets, drain, undrain, promote, pause, resume, switch)
for command in (check_config, pins, token, *_OF_THE_RUNNING_PROXY):
    main.add_command(command)


@main.command()
@_config
def run(path: Path) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from proxy.cli.serve import serve  # noqa: PLC0415 - installs the reactor

    config = load(path)
    with explained():
        raise SystemExit(serve(config))


@main.command("try")
@click.option(
    "--flavor",
    type=click.Choice([flavor.value for flavor in Flavor]),
    default=Flavor.MYSQL.value,
    show_default=True,
    help="Which server to start.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3306,
    show_default=True,
    help="Where the proxy listens; another port is taken where this one is in use.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="The most connections to the server.",
)
@click.option("--demo", is_flag=True, help="A short show that ends by itself.")
def try_(flavor: str, port: int, max_connections: int, *, demo: bool) -> None:
    """Start a real server with the proxy in front, and show what it does."""
    from proxy.cli.trial import run_trial  # noqa: PLC0415 - installs the reactor

    try:
        status = run_trial(
            Flavor(flavor), port=port, max_connections=max_connections, demo=demo
        )
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)
