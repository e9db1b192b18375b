"""``python -m proxy.embedded``: start servers, say how to reach them, end with Ctrl-C."""

import signal
import sys

import click

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import EmbeddedError
from proxy.embedded.launch import MAX_CONNECTIONS, start_server
from proxy.embedded.replication import start_replicated
from proxy.embedded.server import Server

_LOOK_SECONDS = 1.0
_ENDINGS = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option(
    "--flavor",
    type=click.Choice([flavor.value for flavor in Flavor]),
    default=Flavor.MYSQL.value,
    show_default=True,
)
@click.option("--replicas", type=click.IntRange(0, 9), default=0, show_default=True)
@click.option(
    "--max-connections", type=click.IntRange(10), default=MAX_CONNECTIONS, show_default=True
)
def main(flavor: str, replicas: int, max_connections: int) -> None:
    """Start a server, or a primary with replicas, and wait for Ctrl-C."""
    try:
        if replicas:
            group = start_replicated(Flavor(flavor), replicas, max_connections=max_connections)
            with group:
                _serve(group.servers)
        else:
            with start_server(Flavor(flavor), max_connections=max_connections) as server:
                _serve((server,))
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(130)


def _serve(servers: tuple[Server, ...]) -> None:
    for number, server in enumerate(servers):
        role = f"replica {number}" if number else "primary"
        click.echo(f"{role}: {server.flavor.title} {server.version}")
        click.echo(
            f"  mysql -h {server.host} -P {server.port} -u {server.user} -p{server.password}"
        )
        click.echo(
            f"  pymysql.connect(host={server.host!r}, port={server.port}, "
            f"user={server.user!r}, password={server.password!r})"
        )
    # Before the line that invites the signal: it must not come between the two.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    click.echo("Ctrl-C ends all of it.")
    while signal.sigtimedwait(_ENDINGS, _LOOK_SECONDS) is None:
        for server in servers:
            if not server.is_running():
                raise click.ClickException(f"The server on port {server.port} ended.")


if __name__ == "__main__":
    main(prog_name="python -m proxy.embedded")
