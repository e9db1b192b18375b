"""`mysqlproxy check-config`: what is wrong with a configuration, and with what it points to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from proxy.cli.configuration import CONFIG_FILE, explained, load
from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.model import Config
from proxy.observe.log import configure
from proxy.service.assembly import try_out


@click.command("check-config", short_help="Say what is wrong with a file.")
@click.argument(
    "path",
    metavar="[FILE]",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CONFIG_FILE,
)
@click.option(
    "--connect",
    is_flag=True,
    help="Also read every secret, and log in to every target as every user.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    help="With --connect: log in as this user only, whom no entry need name; may be repeated.",
)
def check_config(path: Path, users: tuple[str, ...], *, connect: bool) -> None:
    """Read a configuration file and say what is wrong with it.

    Without FILE it is /etc/mysqlproxy/mysqlproxy.yaml.  The status is 1 when something is.
    """
    config = load(path)
    configure("console", "warning")
    with explained():
        try_out(config)
    for line in _summary(config):
        click.echo(line)
    if connect or users:
        from proxy.cli.connecting import try_logins  # noqa: PLC0415 - installs the reactor

        if not try_logins(config, users):
            raise click.ClickException(f"{path} does not work as it is.")
    click.echo(f"{path} is fine.")


def _summary(config: Config) -> Iterator[str]:
    for proxy in config.proxies:
        targets = ", ".join(target.address for target in proxy.target_group.targets)
        users = ", ".join(map(_origin, proxy.auth)) or "anybody with an IAM token"
        yield f"proxy {proxy.name}: {users}; target {targets}"
        for endpoint in proxy.endpoints:
            yield f"  endpoint {endpoint.name}: {endpoint.listen}"


def _origin(entry: AuthEntry) -> str:
    """Whom an entry stands for."""
    if entry.auth_scheme is AuthScheme.FILE:
        return f"users of {entry.users_file}"
    if entry.auth_scheme is AuthScheme.SECRETS:
        return f"secret {entry.secret_arn}"
    return f"user {entry.username}"
