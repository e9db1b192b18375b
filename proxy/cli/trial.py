"""`mysqlproxy try`: a real server, the proxy in front of it, and a line that lives."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from twisted.internet.task import LoopingCall

from proxy.cli import demo as demonstration
from proxy.cli.serve import reactor, serve
from proxy.cli.shown_secret import ShownSecret
from proxy.config.auth import AuthEntry
from proxy.config.aws import AwsConfig
from proxy.config.model import (
    Config,
    EndpointConfig,
    LogConfig,
    ProxyConfig,
    Target,
    TargetGroup,
)
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.config.tls import Certificate, ClientTls
from proxy.embedded import EmbeddedError, Flavor, Server, start_server
from proxy.embedded.aws import start_aws
from proxy.embedded.certificates import CertificateFiles, self_signed
from proxy.service.worker import Worker

USER = "app"
SCHEMA = "shop"
LINE_SECONDS = 1.0
DEMO_CONNECTIONS = 5


def run_trial(flavor: Flavor, *, port: int, max_connections: int, demo: bool) -> int:
    """Start everything, run until Ctrl-C or the end of the show; the exit status."""
    connections = DEMO_CONNECTIONS if demo else max_connections
    password = secrets.token_hex(8)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(start_server(flavor))
        server.execute(f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
        server.create_user(USER, password)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = self_signed().write(folder)
        secret = _put_away(stack, server, password) if demo else None
        port = _free_port(port)
        config = _config(server, password, port, connections, certificate, secret)
        trial = _Trial(server, port, password, certificate, secret, demo=demo)
        status = serve(config, trial.started)
    return status or trial.status


def _put_away(stack: contextlib.ExitStack, server: Server, password: str) -> ShownSecret | None:
    """The password in a secret, where there can be one."""
    try:
        aws = stack.enter_context(start_aws())
    except EmbeddedError as error:
        click.echo(f"The show goes on without a secret: {error}", err=True)
        return None
    return ShownSecret(aws, server, USER, password)


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


def _config(
    server: Server,
    password: str,
    port: int,
    connections: int,
    certificate: CertificateFiles,
    secret: ShownSecret | None,
) -> Config:
    shown = Certificate(
        certificate=str(certificate.certificate), private_key=str(certificate.key)
    )
    proxy = ProxyConfig(
        name="try",
        auth=(
            secret.entry() if secret else AuthEntry(username=USER, password=Secret(password)),
        ),
        aws=secret.reach() if secret else AwsConfig(),
        tls=ClientTls(certificates=(shown,)),
        target_group=TargetGroup(
            targets=(Target(address=f"{server.host}:{server.port}"),),
            connection_pool_config=ConnectionPoolConfig(max_connections=connections),
        ),
        endpoints=(EndpointConfig(name="try", listen=f"tcp:{port}:interface=127.0.0.1"),),
    )
    return Config(proxies=(proxy,), log=LogConfig(level="warning"), drain_timeout=3.0)


class _Trial:
    """What is said while it runs."""

    def __init__(
        self,
        server: Server,
        port: int,
        password: str,
        certificate: CertificateFiles,
        secret: ShownSecret | None,
        *,
        demo: bool,
    ) -> None:
        self._server = server
        self._port = port
        self._password = password
        self._certificate = certificate
        self._secret = secret
        self._demo = demo
        self._statements = 0
        self.status = 0

    def started(self, worker: Worker) -> None:
        server = self._server
        click.echo(
            f"{server.flavor.title} {server.version} runs on {server.host}:{server.port}, "
            f"and the proxy in front of it on 127.0.0.1:{self._port}."
        )
        if self._demo:
            rotate = self._secret.rotate if self._secret else None
            show = demonstration.Show(self._port, USER, self._password, SCHEMA, server, rotate)
            show.run(reactor).addCallbacks(self._shown, self._not_shown)
        else:
            self._say_how()
        live = LoopingCall(self._say_line, worker)
        live.start(LINE_SECONDS, now=False)

    def _say_how(self) -> None:
        """Lines that work as they stand."""
        reach = f"-h 127.0.0.1 -P {self._port} -u {USER} -p{self._password} {SCHEMA}"
        python = (
            f"import pymysql; c = pymysql.connect(host='127.0.0.1', port={self._port}, "
            f"user='{USER}', password='{self._password}', database='{SCHEMA}').cursor(); "
            "c.execute('SELECT @@version'); print(c.fetchone())"
        )
        click.echo("Connect to it:")
        click.echo(f"  mysql {reach} -e 'SELECT @@version'")
        click.echo(f'  {sys.executable} -c "{python}"')
        click.echo(f"TLS is there too, by a certificate for this run: {self._certificate.ca}")
        click.echo("Ctrl-C ends both.")

    def _say_line(self, worker: Worker) -> None:
        (proxy,) = worker.proxies
        statements = proxy.counters.query_requests
        rate = (statements - self._statements) / LINE_SECONDS
        self._statements = statements
        ledger = proxy.pool.ledger
        line = (
            f"{proxy.count} clients | {ledger.total} of {ledger.limits.connections} backend "
            f"connections, {len(ledger.lent)} lent | {len(ledger.waiting)} waiting | "
            f"{rate:.0f} statements/s"
        )
        live = sys.stdout.isatty()
        click.echo(f"\r\x1b[K{line}" if live else line, nl=not live)

    def _shown(self, report: str) -> None:
        click.echo(f"\n{report}")
        reactor.stop()

    def _not_shown(self, failure: Any) -> None:
        click.echo(f"\nThe show failed: {failure.value}", err=True)
        self.status = 1
        reactor.stop()
