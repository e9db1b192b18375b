"""Putting one configured proxy together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import attrs

from proxy.admin.access import Access
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.model import Config, ProxyConfig, Target
from proxy.credentials.admins import AdminsFirst
from proxy.credentials.aws_threads import AwsThreads
from proxy.failover.availability import Availability
from proxy.failover.course import Course
from proxy.failover.obeying import Obeying
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
from proxy.policy.guesses import Guesses
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.service.gauges import course_now, proxy_now
from proxy.service.materials import Living, Materials, Means
from proxy.service.seats.directed import Directed
from proxy.service.seats.pool_shares import PoolShares
from proxy.service.seats.remembered import Remembered
from proxy.service.supervising.directing import Directing
from proxy.service.supervising.distant_proxy import DistantProxy
from proxy.service.supervising.remembering import LoginMemory, Remembering
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
    ticket_key: bytes | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class Assembly:
    """A proxy, and what works for it beside the clients.

    Attributes:
        proxy: The proxy.
        steward: Who watches the targets.
        availability: How often there was a target for each role.
        workshop: Makes what new targets need, of what the configuration points to.
        routes: How clients of each role get to a target.
    """

    proxy: Proxy
    steward: Steward
    availability: Availability
    workshop: Workshop
    routes: Mapping[Role, Route]

    @property
    def sources(self) -> list[Living]:
        """What is started and stopped with it."""
        return self.workshop.materials.living

    @property
    def looks(self) -> list[Callable[[], None]]:
        """What is called every second or so, to see whether files have changed."""
        return [*_looks(self.workshop, self.proxy), self.availability.look]

    def start(self) -> None:
        """Begin to read passwords, and to watch the targets."""
        self.read()
        self.steward.start()

    def read(self) -> None:
        """Begin to read passwords."""
        self.workshop.start()

    def look(self) -> None:
        """See whether files have changed."""
        for look in self.looks:
            look()

    def now(self) -> ProxyNow:
        """How things stand, for the metrics."""
        return proxy_now(
            self.proxy, self.steward, self.availability, self.workshop.secret_ages()
        )

    def stop(self) -> None:
        """Read passwords no more."""
        self.steward.stop()
        self.workshop.stop()


@attrs.define(eq=False)
class DistantAssembly:
    """A proxy as its supervisor has it, and what decides there for all workers.

    Attributes:
        proxy: What there is to it here.
        steward: Who watches the targets.
        availability: How often there was a target for each role.
        workshop: Makes what looks at targets, of what the configuration points to.
        directing: Tells workers.
        memory: What is known of logins at all workers.
        remembering: Is asked for it by them.
    """

    proxy: DistantProxy
    steward: Steward
    availability: Availability
    workshop: Workshop
    directing: Directing
    memory: LoginMemory
    remembering: Remembering

    @property
    def sources(self) -> list[Living]:
        """What is started and stopped with it."""
        return self.workshop.materials.living

    def start(self) -> None:
        """Begin to read passwords, to watch the targets, and to tell workers."""
        self.workshop.start()
        self.steward.start()
        self.remembering.begin(self.memory)
        self.directing.begin(self.proxy.course)  # who has to wait is told with the rest

    def look(self) -> None:
        """Called every second or so."""
        self.workshop.look_at_files(post.target for post in self.steward.posts.values())
        self.availability.look()
        self.proxy.course.sweep()

    def now(self) -> ProxyNow:
        """What is decided here, for the metrics; the rest is with the workers."""
        return course_now(
            self.proxy, self.steward, self.availability, self.workshop.secret_ages()
        )

    def stop(self) -> None:
        """Decide nothing more."""
        self.steward.stop()
        self.directing.end(self.proxy.course)
        self.remembering.end(self.memory)
        self.workshop.stop()


@attrs.define(eq=False)
class ServedAssembly:
    """A proxy as one of several workers has it.

    Attributes:
        proxy: The proxy.
        obeying: Does what the supervisor has decided.
        workshop: Makes what new targets need, of what the configuration points to.
        directed: Hears it.
        shares: What its pools share with those of other workers.
    """

    proxy: Proxy
    obeying: Obeying
    workshop: Workshop
    directed: Directed
    shares: PoolShares

    @property
    def routes(self) -> Mapping[Role, Route]:
        """How clients of each role get to a target."""
        return self.obeying.routes

    @property
    def sources(self) -> list[Living]:
        """What is started and stopped with it."""
        return self.workshop.materials.living

    def start(self) -> None:
        """Begin to read passwords, to share, and to do what was said by now, and will be."""
        self.workshop.start()
        attach = partial(self.shares.attach, proxy=self.proxy.config.name)
        self.workshop.share(self.proxy.pools, attach)
        self.directed.begin(self.obeying)

    def look(self) -> None:
        """See whether files have changed, and report; called every second or so."""
        for look in _looks(self.workshop, self.proxy):
            look()
        self.obeying.report()

    def now(self) -> ProxyNow:
        """How its part stands, for the metrics."""
        return proxy_now(self.proxy, None, None, ())

    def stop(self) -> None:
        """Read passwords no more, and hear nothing more."""
        self.directed.end(self.obeying)
        self.obeying.stop()
        self.workshop.stop()


AnyAssembly: TypeAlias = Assembly | DistantAssembly | ServedAssembly


def _looks(workshop: Workshop, proxy: Proxy) -> list[Callable[[], None]]:
    materials = workshop.materials
    parts = (materials.client_tls, materials.verifier, proxy.pools)
    return [part.look for part in parts if part is not None]


def assemble(config: ProxyConfig, shared: Shared) -> Assembly:
    """A proxy that can serve; blocks, as it reads files.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    means, workshop = _begin(config, shared)
    pools = means.pools = Pools(workshop.pool)
    routes = _routes(config, pools, workshop)
    steward = Steward(
        config.target_group,
        pools,
        routes[Role.READ_WRITE],
        routes[Role.READ_ONLY],
        workshop.watching(),
        shared.reactor,
        means.counters,
        get_logger(proxy=config.name, **EVERY_LINE),
    )
    proxy = _proxy(config, shared, workshop, pools, routes)
    return Assembly(proxy, steward, Availability(steward), workshop, routes)


def assemble_distant(
    config: ProxyConfig, shared: Shared, directing: Directing, remembering: Remembering
) -> DistantAssembly:
    """A proxy as a supervisor has it; blocks, as it reads files.

    Nobody is told anything of it before it is started.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    means, workshop = _begin(config, shared, share_secrets=directing.share)
    course = Course(config.name, _first(config), shared.reactor)
    if config.target_group.failover.read_your_writes:
        course.readers.own_writes = course.own_writes()
    steward = Steward(
        config.target_group,
        course.pools,
        course.writers,
        course.readers,
        workshop.watching(),
        shared.reactor,
        means.counters,
        get_logger(proxy=config.name, **EVERY_LINE),
    )
    course.on_trouble = steward.trouble
    proxy = DistantProxy(config, workshop.directory, means.counters, course)
    guesses = Guesses(config.failed_login_threshold, config.max_failed_login_delay)
    memory = LoginMemory(config.name, workshop, guesses)
    return DistantAssembly(
        proxy, steward, Availability(steward), workshop, directing, memory, remembering
    )


def assemble_served(
    config: ProxyConfig,
    shared: Shared,
    directed: Directed,
    shares: PoolShares,
    remembered: Remembered,
) -> ServedAssembly:
    """A proxy as one of several workers has it; blocks, as it reads files.

    Nobody is told anything of it before it is started, and it lends nothing before it has
    heard who takes the writes.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    means, workshop = _begin(
        config,
        shared,
        told_secrets=directed.secrets,
        used_tokens=remembered.tokens(config.name),
    )
    pools = means.pools = Pools(workshop.pool)
    means.elsewhere = partial(directed.elsewhere, config.name, shared.reactor)
    routes = _routes(config, pools, workshop)
    obeying = Obeying(config.name, pools, routes, shared.reactor, directed.tell)
    proxy = _proxy(config, shared, workshop, pools, routes)
    proxy.admission.guesses = remembered.guesses(config)
    return ServedAssembly(proxy, obeying, workshop, directed, shares)


def _begin(config: ProxyConfig, shared: Shared, **distant: Any) -> tuple[Means, Workshop]:
    means = Means(
        shared.reactor,
        shared.threads,
        AwsThreads(shared.reactor),
        Counters(),
        get_logger(proxy=config.name),
        ticket_key=shared.ticket_key,
        **distant,
    )
    return means, Workshop(Materials(config, means), means)


def _proxy(
    config: ProxyConfig,
    shared: Shared,
    workshop: Workshop,
    pools: Pools,
    routes: Mapping[Role, Route],
) -> Proxy:
    console, materials = shared.console, workshop.materials
    proxy = Proxy(
        config,
        pools,
        routes,
        workshop.directory
        if console is None
        else AdminsFirst(console.admins, workshop.directory),
        workshop.means.counters,
        shared.deadlines,
        shared.rsa_key,
        shared.ids,
        shared.clients,
        Admission(config, materials.client_tls, materials.verifier),
    )
    proxy.console = console
    return proxy


def _first(config: ProxyConfig) -> Target:
    """Where clients go until somebody has looked at the targets."""
    targets = config.target_group.targets
    return next((one for one in targets if one.role is Role.READ_WRITE), targets[0])


def _routes(config: ProxyConfig, pools: Pools, workshop: Workshop) -> dict[Role, Route]:
    routes = {role: Route(pools.get(_first(config))) for role in Role}
    writers, readers = routes[Role.READ_WRITE], routes[Role.READ_ONLY]
    readers.takes_writes = False
    writers.own_writes = readers.own_writes = workshop.own_writes(writers)
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
