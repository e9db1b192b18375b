"""Putting one configured proxy together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from proxy.admin.access import Access
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.model import Config, ProxyConfig
from proxy.credentials.admins import AdminsFirst
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.secrets_source import SecretsSource
from proxy.credentials.users_file import UsersFile
from proxy.failover.availability import Availability
from proxy.failover.steward import Steward
from proxy.front.admission import Admission
from proxy.front.client import Client
from proxy.front.console import Console
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.certificates import TlsUnusableError
from proxy.observe.counters import Counters
from proxy.observe.log import EVERY_LINE, get_logger
from proxy.observe.metrics_now import ProxyNow
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.service.gauges import proxy_now
from proxy.service.materials import Materials, Means
from proxy.service.tokens import UnusableError
from proxy.service.workshop import Workshop
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
    console: Console | None = None


@attrs.define(eq=False)
class Assembly:
    """A proxy, and what works for it beside the clients.

    Attributes:
        proxy: The proxy.
        steward: Who watches the targets.
        availability: How often there was a target for each role.
        workshop: Makes what new targets need, of what the configuration points to.
    """

    proxy: Proxy
    steward: Steward
    availability: Availability
    workshop: Workshop

    @property
    def sources(self) -> list[SecretsSource | UsersFile]:
        """What is started and stopped with it."""
        return self.workshop.materials.living

    @property
    def looks(self) -> list[Callable[[], None]]:
        """What is called every second or so, to see whether files have changed."""
        materials = self.workshop.materials
        parts = (materials.client_tls, materials.verifier, self.proxy.pools, self.availability)
        return [part.look for part in parts if part is not None]

    def start(self) -> None:
        """Begin to read passwords, and to watch the targets."""
        self.read()
        self.steward.start()

    def read(self) -> None:
        """Begin to read passwords."""
        self.workshop.means.files.start()
        for source in self.sources:
            source.start()

    def look(self) -> None:
        """See whether files have changed."""
        for look in self.looks:
            look()

    def now(self) -> ProxyNow:
        """How things stand, for the metrics."""
        ages = [
            source.oldest_success_age
            for source in self.sources
            if isinstance(source, SecretsSource)
        ]
        return proxy_now(self.proxy, self.steward, self.availability, ages)

    def stop(self) -> None:
        """Read passwords no more."""
        self.steward.stop()
        for source in self.sources:
            source.stop()
        self.workshop.means.files.stop()


def assemble(config: ProxyConfig, shared: Shared) -> Assembly:
    """A proxy that can serve; blocks, as it reads files.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    counters, log, console = Counters(), get_logger(proxy=config.name), shared.console
    means = Means(shared.reactor, shared.threads, AwsThreads(shared.reactor), counters, log)
    workshop = Workshop(Materials(config, means), means)
    materials = workshop.materials
    pools = means.pools = Pools(workshop.pool)
    routes = _routes(config, pools)
    writers, readers = routes[Role.READ_WRITE], routes[Role.READ_ONLY]
    writers.own_writes = readers.own_writes = workshop.own_writes(writers)
    steward = Steward(
        config.target_group,
        pools,
        writers,
        readers,
        workshop.watching(),
        shared.reactor,
        counters,
        get_logger(proxy=config.name, **EVERY_LINE),
    )
    proxy = Proxy(
        config,
        pools,
        routes,
        workshop.directory
        if console is None
        else AdminsFirst(console.admins, workshop.directory),
        counters,
        shared.deadlines,
        shared.rsa_key,
        shared.ids,
        shared.clients,
        Admission(config, materials.client_tls, materials.verifier),
    )
    proxy.console = console
    return Assembly(proxy, steward, Availability(steward), workshop)


def _routes(config: ProxyConfig, pools: Pools) -> dict[Role, Route]:
    """Where clients go until somebody has looked at the targets."""
    targets = config.target_group.targets
    first = next((one for one in targets if one.role is Role.READ_WRITE), targets[0])
    routes = {role: Route(pools.get(first)) for role in Role}
    routes[Role.READ_ONLY].takes_writes = False
    return routes


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
    try:
        Access(config.admin, get_logger())
    except (TlsUnusableError, TokenUnreadableError) as error:
        troubles.append(str(error))
    for proxy in config.proxies:
        try:
            assemble(proxy, shared)
        except UnusableError as error:
            troubles.append(str(error))
    if troubles:
        raise UnusableError("\n".join(troubles))
