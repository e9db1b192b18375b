"""`mysqlproxy run` and `mysqlproxy try`: a proxy that this process is."""

from __future__ import annotations

from pathlib import Path

import click

from proxy.cli.configuration import CONFIG_FILE, explained, load
from proxy.embedded import EmbeddedError, Flavor


@click.command(short_help="Serve until SIGTERM or Ctrl-C.")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CONFIG_FILE,
    show_default=True,
    help="The configuration file.",
)
def run(path: Path) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from proxy.service.handover.spawn import failure_told  # noqa: PLC0415 - only who serves

    with failure_told():
        config = load(path)
        from proxy.cli.serve import serve  # noqa: PLC0415 - installs the reactor

        with explained():
            status = serve(config, path=path)
    raise SystemExit(status)


@click.command("try", short_help="Servers, the proxy and a dashboard to try.")
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
    """Start real servers with the proxy in front, and print how to try it.

    What is printed has the address of the dashboard, and lines to copy that start a load and
    kill the primary.  On a terminal single keys do the same.
    """
    from proxy.cli.trial import run_trial  # noqa: PLC0415 - installs the reactor

    try:
        status = run_trial(
            Flavor(flavor), port=port, max_connections=max_connections, demo=demo
        )
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)
