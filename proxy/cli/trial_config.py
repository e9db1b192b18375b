"""The configuration of a trial: what whoever tries the proxy would write for these servers."""

from __future__ import annotations

import secrets
from pathlib import Path

import attrs

from proxy.cli.crowd import SCHEMA
from proxy.cli.shown_secret import ShownSecret
from proxy.cli.trial_servers import TrialServers, address_of
from proxy.config.admin import AdminConfig, AdminPort, AdminSocket, AdminToken
from proxy.config.admin_users import AdminRole
from proxy.config.auth import AuthEntry
from proxy.config.aws import AwsConfig
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.log import LogConfig, LogLevel
from proxy.config.model import (
    Config,
    EndpointConfig,
    ProxyConfig,
    Target,
    TargetGroup,
)
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.config.tls import Certificate, ClientTls
from proxy.embedded.certificates import CertificateFiles

NAME = "try"
USER, MONITOR = "app", "monitor"

_APP_GRANTS = ("ALL PRIVILEGES ON `%`.*",)
"""All that concerns databases.  What concerns the server would let it write to one that is
read-only, on MariaDB."""

_DRAIN_SECONDS = 3.0
"""Whoever ends a trial does not want to wait."""


@attrs.frozen
class Trial:
    """What a trial consists of.

    Attributes:
        servers: The database.
        folder: Holds the certificate and the admin socket.
        certificate: For clients that want TLS.
        port: Where the proxy listens.
        dashboard_port: Where its dashboard is; 0 for none.
        connections: How many it may have to a server.
        password: Of `USER`.
        monitor_password: Of `MONITOR`.
        token: Opens the dashboard.
        secret: Where the password of `USER` is; None where it stands in the configuration.
    """

    servers: TrialServers
    folder: Path
    certificate: CertificateFiles
    port: int
    connections: int
    password: str = attrs.field(repr=False, factory=lambda: secrets.token_hex(8))
    monitor_password: str = attrs.field(repr=False, factory=lambda: secrets.token_hex(8))
    token: str = attrs.field(repr=False, factory=lambda: secrets.token_hex(16))
    dashboard_port: int = 0
    secret: ShownSecret | None = None

    @property
    def admin(self) -> AdminSocket:
        """Where the running proxy is asked and told things."""
        return AdminSocket(str(self.folder / "admin.sock"), 0o600)

    @property
    def dashboard(self) -> str:
        """The URL of the dashboard; whoever has it may act there."""
        return f"http://127.0.0.1:{self.dashboard_port}/#token={self.token}"

    def make_users(self) -> None:
        """Make the schema, and those who log in."""
        first = self.servers.first
        first.execute(f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
        first.create_user(USER, self.password, grants=_APP_GRANTS)
        # It looks only; but `mysqlproxy promote` has it change the servers' roles.
        first.create_user(MONITOR, self.monitor_password)
        if self.servers.group is not None:
            self.servers.group.wait_until_caught_up()

    def config(self, log_level: LogLevel) -> Config:
        """The proxy's configuration."""
        return Config(
            proxies=(self._proxy(),),
            admin=self._admin(),
            log=LogConfig(level=log_level),
            drain_timeout=_DRAIN_SECONDS,
        )

    def _admin(self) -> AdminConfig:
        socket = f"{self.admin}:mode={self.admin.mode:o}"
        if not self.dashboard_port:
            return AdminConfig(listen=socket)
        token = AdminToken(name=NAME, role=AdminRole.OPERATOR, token=Secret(self.token))
        port = AdminPort(self.dashboard_port)
        return AdminConfig(listen=(socket, str(port)), tokens=(token,))

    def _proxy(self) -> ProxyConfig:
        secret = self.secret
        app = AuthEntry(username=USER, password=Secret(self.password))
        monitor = AuthEntry(
            username=MONITOR, password=Secret(self.monitor_password), for_monitor=True
        )
        shown = Certificate(
            certificate=str(self.certificate.certificate),
            private_key=str(self.certificate.key),
        )
        is_one = self.servers.group is None
        return ProxyConfig(
            name=NAME,
            auth=(secret.entry() if secret else app, monitor),
            aws=secret.reach() if secret else AwsConfig(),
            tls=ClientTls(certificates=(shown,)),
            target_group=TargetGroup(
                topology=Topology.STATIC if is_one else Topology.REPLICATION,
                targets=tuple(
                    Target(address=address_of(server)) for server in self.servers.all
                ),
                failover=FailoverConfig(monitor_username=MONITOR),
                connection_pool_config=ConnectionPoolConfig(max_connections=self.connections),
            ),
            endpoints=(
                EndpointConfig(name=NAME, listen=f"tcp:{self.port}:interface=127.0.0.1"),
            ),
        )
