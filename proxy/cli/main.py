"""Commands and their options."""

from __future__ import annotations

from pathlib import Path

import click

from proxy import __version__
from proxy.cli.pins import pins
from proxy.config.load import load_config
from proxy.config.model import Config
from proxy.config.problem import ConfigError
from proxy.embedded import EmbeddedError, Flavor
from proxy.service.assembly import UnusableError, try_out
from proxy.service.form import form

DEFAULT_CONFIG = "/etc/mysqlproxy/mysqlproxy.yaml"

_config = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__} ({form()})", prog_name="mysqlproxy")
def main() -> None:
    """A pooling, multiplexing proxy for MySQL and MariaDB."""


main.add_command(pins)


def _load(path: Path) -> Config:
    """The configuration, once all that it points to is read; errors end the command."""
    try:
        config = load_config(path)
        try_out(config, path.parent)
    except (ConfigError, UnusableError) as error:
        raise click.ClickException(str(error)) from error
    return config


@main.command()
@_config
def run(path: Path) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from proxy.cli.serve import serve  # noqa: PLC0415 - installs the reactor

    config = _load(path)
    raise SystemExit(serve(config, path.parent))


@main.command("check-config")
@click.argument(
    "path",
    metavar="[FILE]",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
)
def check_config(path: Path) -> None:
    """Read a configuration file and say what is wrong with it.

    Without FILE it is /etc/mysqlproxy/mysqlproxy.yaml.
    """
    config = _load(path)
    for proxy in config.proxies:
        targets = ", ".join(target.address for target in proxy.target_group.targets)
        click.echo(f"proxy {proxy.name}: {len(proxy.auth)} user(s), target {targets}")
        for endpoint in proxy.endpoints:
            click.echo(f"  endpoint {endpoint.name}: {endpoint.listen}")
    click.echo(f"{path} is fine.")


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
