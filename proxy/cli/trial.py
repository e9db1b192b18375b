"""`mysqlproxy try`: real servers, the proxy in front of them, and a line that lives."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from pathlib import Path

import attrs
import click

from proxy.cli.presenters import DemoPresenter, Presenter, TryPresenter
from proxy.cli.serve import reactor, serve
from proxy.cli.shown_secret import ShownSecret
from proxy.cli.trial_config import USER, Trial
from proxy.cli.trial_servers import start_trial_servers
from proxy.embedded import EmbeddedError, Flavor, LocalServer
from proxy.embedded.aws import start_aws
from proxy.embedded.certificates import self_signed

DEMO_CONNECTIONS = 5

DASHBOARD_PORT = 8033
"""Unless somebody has it: the address stays the same from one trial to the next."""


def run_trial(flavor: Flavor, *, port: int, max_connections: int, demo: bool) -> int:
    """Start everything, run until Ctrl-C or the end of the show; the exit status."""
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(start_trial_servers(flavor))
        first = servers.first
        # Where a server has its socket there is room for the path of ours.
        top = first.folder.parent if isinstance(first, LocalServer) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=top)))
        trial = Trial(
            servers,
            folder,
            self_signed().write(folder),
            _free_port(port),
            DEMO_CONNECTIONS if demo else max_connections,
            dashboard_port=0 if demo else _free_port(DASHBOARD_PORT),
        )
        trial.make_users()
        if demo:
            trial = attrs.evolve(trial, secret=_put_away(stack, trial))
        present = DemoPresenter if demo else TryPresenter
        presenter: Presenter = present(trial, reactor)
        stack.callback(presenter.end)
        # A show has a line that tells what happens, where the log would be in the way.
        status = serve(trial.config("error" if demo else "warning"), presenter.begin)
    return status or presenter.status


def _put_away(stack: contextlib.ExitStack, trial: Trial) -> ShownSecret | None:
    """The password in a secret, where there can be one."""
    try:
        aws = stack.enter_context(start_aws())
    except EmbeddedError as error:
        click.echo(f"The show goes on without a secret: {error}", err=True)
        return None
    return ShownSecret(aws, trial.servers.first, USER, trial.password)


def _free_port(wanted: int) -> int:
    """The wanted port when nobody has it, else a free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback interface")
