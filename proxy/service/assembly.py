"""Putting one configured proxy together."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.config.address import TcpAddress
from proxy.config.auth import AuthScheme
from proxy.config.model import Config, DefaultAuthScheme, ProxyConfig, Target
from proxy.config.tls import TlsMode
from proxy.credentials.aws import AwsSettings
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.cached import Freshness
from proxy.credentials.directory import Directory
from proxy.credentials.iam.document import PolicyUnusableError
from proxy.credentials.iam.keys import AccessKeysUnusableError
from proxy.credentials.secrets_manager import SecretsManager
from proxy.credentials.secrets_source import OnChange, SecretEntry, SecretsSource
from proxy.credentials.source import CredentialSource, credential_maker
from proxy.credentials.static import PasswordUnreadableError, load_static
from proxy.credentials.users_file import UsersFile
from proxy.failover.steward import Steward
from proxy.failover.watching import Watching
from proxy.front.admission import Admission
from proxy.front.client import Client
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.backend_tls import BackendTlsStreams
from proxy.net.certificates import TlsUnusableError
from proxy.net.client_tls import ClientTlsStreams
from proxy.observe.log import get_logger
from proxy.observe.metrics import Counters, Gauges
from proxy.pool.accounts import Accounts
from proxy.pool.connect import Connector
from proxy.pool.dial import Dialer
from proxy.pool.own_writes import OwnWrites
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.service.tokens import Tokens, UnusableError
from proxy.vocabulary import Role
from proxy.wire.auth.steps import RsaKey


@attrs.frozen
class Shared:
    """What all proxies of a process have in common."""

    reactor: Any
    threads: AwsThreads
    deadlines: Deadlines
    rsa_key: RsaKey | None
    ids: ConnectionIds
    clients: dict[int, Client]


@attrs.define
class Assembly:
    """A proxy, and what works for it beside the clients.

    Attributes:
        proxy: The proxy.
        steward: Who watches the targets.
        files: Threads that read files: neither do these wait for AWS, nor AWS for a file
            system that is away.
        sources: What is started and stopped with it.
        looks: What is called every second or so, to see whether files have changed.
    """

    proxy: Proxy
    steward: Steward
    files: AwsThreads
    sources: list[SecretsSource | UsersFile] = attrs.field(factory=list)
    looks: list[Callable[[], None]] = attrs.field(factory=list)

    def start(self) -> None:
        """Begin to read passwords, and to watch the targets."""
        self.read()
        self.steward.start()

    def read(self) -> None:
        """Begin to read passwords."""
        self.files.start()
        for source in self.sources:
            source.start()

    def look(self) -> None:
        """See whether files have changed."""
        for look in self.looks:
            look()

    def gauges(self) -> Gauges:
        """How things stand, for the metrics."""
        ages = [
            source.oldest_success_age
            for source in self.sources
            if isinstance(source, SecretsSource)
        ]
        return attrs.evolve(self.proxy.gauges(), secret_age_seconds=max(ages, default=0.0))

    def stop(self) -> None:
        """Read passwords no more."""
        self.steward.stop()
        for source in self.sources:
            source.stop()
        self.files.stop()


def assemble(config: ProxyConfig, shared: Shared) -> Assembly:
    """A proxy that can serve.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    try:
        return _Assembler(config, shared).assemble()
    except (
        AccessKeysUnusableError,
        PasswordUnreadableError,
        PolicyUnusableError,
        TlsUnusableError,
    ) as error:
        raise UnusableError(f"proxy {config.name}: {error}") from error


class _Assembler:
    """Makes the parts of one proxy."""

    def __init__(self, config: ProxyConfig, shared: Shared) -> None:
        self._config = config
        self._shared = shared
        self._log: FilteringBoundLogger = get_logger(proxy=config.name)
        self._files = AwsThreads(shared.reactor)
        self._aws = AwsSettings(
            region=config.aws.region or os.environ.get("AWS_REGION"),
            profile=config.aws.profile,
            role_arn=config.role_arn,
            external_id=config.aws.external_id,
            secretsmanager_endpoint_url=config.aws.secretsmanager_endpoint_url,
            sts_endpoint_url=config.aws.sts_endpoint_url,
        )

    def assemble(self) -> Assembly:
        config, shared = self._config, self._shared
        for host in self._aws.open_endpoints():
            self._log.warning(
                "secrets or tokens go to an endpoint without TLS; give it an https URL",
                host=host,
            )
        counters = Counters()
        tokens = Tokens(config, self._aws, shared.threads, self._files, self._log)
        pool_config = config.target_group.connection_pool_config
        looks: list[Callable[[], None]] = []

        def changed(users: tuple[str, ...]) -> None:
            for user in users:
                pools.password_changed(user)

        sources = self._sources(changed, counters)
        takes_all = config.default_auth_scheme is DefaultAuthScheme.IAM_AUTH
        directory = Directory(sources, takes_all=takes_all)

        def make_accounts(target: Target) -> Accounts:
            return Accounts(directory, tokens.maker(target) if takes_all else None)

        def make_pool(target: Target) -> TargetPool:
            return TargetPool(
                shared.reactor,
                Dialer(
                    self._connector(target),
                    pool_config.init_query,
                    reports_commits=config.target_group.failover.read_your_writes,
                ),
                pool_config,
                make_accounts(target),
                counters,
                self._log,
            )

        pools = Pools(make_pool)
        tls = ClientTlsStreams(config.tls, self._log) if config.tls.certificates else None
        verifier = tokens.verifier()
        looks += [part.look for part in (tls, verifier, pools) if part is not None]
        routes = self._routes(pools)
        group = config.target_group
        watching = Watching(
            group, directory, shared.reactor, self._connector, make_accounts, self._log
        )
        steward = Steward(
            group,
            pools,
            routes[Role.READ_WRITE],
            routes[Role.READ_ONLY],
            watching,
            shared.reactor,
            counters,
            self._log,
        )
        proxy = Proxy(
            config,
            pools,
            routes,
            directory,
            counters,
            shared.deadlines,
            shared.rsa_key,
            shared.ids,
            shared.clients,
            Admission(config, tls, verifier),
        )
        living = [one for one in sources if isinstance(one, SecretsSource | UsersFile)]
        return Assembly(proxy, steward, self._files, living, looks)

    # Passwords

    def _sources(self, changed: OnChange, counters: Counters) -> list[CredentialSource]:
        """What the entries ask for: passwords of our own first, then files, then secrets."""
        by_scheme = {
            scheme: tuple(one for one in self._config.auth if one.auth_scheme is scheme)
            for scheme in AuthScheme
        }
        reactor = self._shared.reactor
        sources: list[CredentialSource] = []
        if by_scheme[AuthScheme.STATIC]:
            static = by_scheme[AuthScheme.STATIC]
            sources.append(load_static(static, os.environ, self._log))
        sources += [
            UsersFile(
                Path(entry.users_file or ""),
                credential_maker(entry),
                clock=reactor,
                run=self._files.run,
                on_change=changed,
                log=self._log,
            )
            for entry in by_scheme[AuthScheme.FILE]
        ]
        if by_scheme[AuthScheme.SECRETS]:
            sources.append(self._secrets(by_scheme[AuthScheme.SECRETS], changed, counters))
        return sources

    def _secrets(
        self, entries: tuple[Any, ...], changed: OnChange, counters: Counters
    ) -> SecretsSource:
        aws, threads = self._config.aws, self._shared.threads
        manager = SecretsManager(self._aws)
        return SecretsSource(
            [
                SecretEntry(entry.secret_arn, credential_maker(entry), entry.username)
                for entry in entries
            ],
            lambda secret_id, stage: threads.run(partial(manager.fetch, secret_id, stage)),
            Freshness(
                refresh_interval_seconds=aws.secret_refresh_interval,
                stale_limit_seconds=aws.secret_stale_limit,
                password_overlap_seconds=aws.password_overlap,
            ),
            clock=self._shared.reactor,
            now=time.time,
            random=random.random,
            counters=counters,
            on_change=changed,
            log=self._log,
        )

    # The targets

    def _routes(self, pools: Pools) -> dict[Role, Route]:
        """Where clients go until somebody has looked at the targets."""
        targets = self._config.target_group.targets
        first = next((one for one in targets if one.role is Role.READ_WRITE), targets[0])
        routes = {role: Route(pools.get(first)) for role in Role}
        writers, readers = routes[Role.READ_WRITE], routes[Role.READ_ONLY]
        readers.takes_writes = False
        failover = self._config.target_group.failover
        if failover.read_your_writes:
            clock, timeout = self._shared.reactor, failover.read_your_writes_timeout
            own_writes = OwnWrites(writers, timeout, clock, self._log)
            writers.own_writes = readers.own_writes = own_writes
        return routes

    def _connector(self, target: Target, timeout: float | None = None) -> Connector:
        group, reactor = self._config.target_group, self._shared.reactor
        place, tls = target.place, None
        if group.tls.mode is not TlsMode.DISABLED:
            host = place.host if isinstance(place, TcpAddress) else "localhost"
            tls = BackendTlsStreams(group.tls, target.tls_server_name or host, self._log)
        if timeout is None:
            timeout = group.connection_pool_config.connect_timeout
        return Connector(reactor, place, timeout, tls, announces=target.proxy_protocol)


def try_out(config: Config) -> None:
    """Look whether all that the configuration points to can be used; nothing is started.

    Raises:
        UnusableError: something cannot; what it is of each proxy stands on a line.
    """
    from twisted.internet.task import Clock  # noqa: PLC0415 - only here: no reactor is needed

    clock: Any = Clock()
    threads = AwsThreads(clock)
    shared = Shared(clock, threads, Deadlines(clock), None, ConnectionIds(), {})
    troubles = []
    for proxy in config.proxies:
        try:
            assemble(proxy, shared)
        except UnusableError as error:
            troubles.append(str(error))
    if troubles:
        raise UnusableError("\n".join(troubles))
