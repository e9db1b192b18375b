"""What every process does for its proxies: begin, look after them, and end them in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from proxy import __version__
from proxy.config.model import Config
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.rsa import GeneratedRsaKey
from proxy.front.client import Client
from proxy.front.console import Console
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds
from proxy.net.clock import Timer, cancel
from proxy.observe.log import get_logger, settle
from proxy.observe.metrics import ProcessCounters, ProxyCollector
from proxy.service.assembly import AnyAssembly, Shared
from proxy.service.first_look import FirstLooks
from proxy.service.form import form
from proxy.service.logged import apply_log

SWEEP_SECONDS: Final = 1.0
"""How often pools look for what is too old or idle for too long."""

DRAIN_LOOK_SECONDS: Final = 0.05
"""How often a drain looks whether the last transaction has ended."""


class Serving(Service):
    """See the module; who its clients are and where they come from is for subclasses to say.

    Attributes:
        config: The configuration in force.
        reactor: What it all runs on.
        clients: Those of all proxies, by their numbers.
        assemblies: Each configured proxy, and what works for it.
        proxies: The proxies themselves.
        collector: Their metrics.
        first_looks: Who learns what the targets are.
    """

    def __init__(self, config: Config, reactor: Any, configured: Callable[[], float]) -> None:
        self.config = config
        self.reactor = reactor
        self._log = get_logger()
        self.collector = ProxyCollector(ProcessCounters(__version__, form(), configured))
        self._sweep: Timer | None = None
        self._sweep_due = 0.0
        self._deadlines = Deadlines(reactor)
        self.clients: dict[int, Client] = {}
        self._threads = AwsThreads(reactor)
        self.first_looks = FirstLooks(reactor)
        self._leaving: dict[AnyAssembly, None] = {}
        self.assemblies: list[Any] = []  # of the kind that the process has
        self.proxies: list[Any] = []  # likewise
        self._began = reactor.seconds()

    def _share(self, ids: ConnectionIds, console: Console | None) -> Shared:
        return Shared(
            self.reactor,
            self._threads,
            self._deadlines,
            GeneratedRsaKey(),
            ids,
            self.clients,
            console,
        )

    def _take_up(self, assemblies: Iterable[AnyAssembly]) -> None:
        """Have these proxies, which do nothing yet."""
        self.assemblies = [*assemblies]
        self.proxies = [one.proxy for one in self.assemblies]
        apply_log(self.config.log, self.proxies)
        for one in self.assemblies:
            self._watch(one)

    def _watch(self, assembly: AnyAssembly) -> None:
        """Have a proxy in the metrics."""
        proxy = assembly.proxy
        self.collector.watch(proxy.config.name, proxy.counters, assembly.now)

    @property
    def uptime(self) -> float:
        """Seconds since it was made."""
        return float(self.reactor.seconds() - self._began)

    def _begin(self) -> None:
        """Read passwords, watch the targets, and sweep from now on."""
        self._deadlines.start()
        self._threads.start()
        for assembly in self.assemblies:
            assembly.start()
        self._sweep_pools()
        self._see_targets()

    def _see_targets(self) -> None:
        for proxy in self.proxies:
            self.first_looks.begin(proxy)

    # Other proxies, while it runs

    def take(self, assemblies: Sequence[AnyAssembly], added: Sequence[AnyAssembly]) -> None:
        """Serve these proxies from now on, of which some are new; the others end."""
        leaving = [one for one in self.assemblies if one not in assemblies]
        self.assemblies[:] = assemblies
        self.proxies[:] = [one.proxy for one in assemblies]
        for one in leaving:
            self._leaving[one] = None
            Deferred.fromCoroutine(self._end(one))
        for one in added:
            one.start()
            self._watch(one)
        self._see_targets()

    async def _end(self, assembly: AnyAssembly) -> None:
        """Let the clients of a proxy go that is no more, between two transactions."""
        proxy: Any = assembly.proxy
        name = proxy.config.name
        self._log.info("a proxy ends", proxy=name, clients=proxy.count)
        proxy.draining = True
        self.first_looks.give_up(proxy)
        ends = self.reactor.seconds() + self.config.drain_timeout
        while _busy(proxy.own_clients) and self.reactor.seconds() < ends:
            await self._pause(DRAIN_LOOK_SECONDS)
        for client in proxy.own_clients():
            client.protocol.abort()
        if name not in [one.config.name for one in self.proxies]:
            self.collector.forget(name)
        if assembly in self._leaving:  # else the process has ended meanwhile
            del self._leaving[assembly]
            proxy.pools.close()
            proxy.pools.stop()
            assembly.stop()
            self._log.info("a proxy has ended", proxy=name)

    def _sweep_pools(self) -> None:
        now = self.reactor.seconds()
        if self._sweep is not None:
            self.collector.process.reactor_delay.add(now - self._sweep_due)
        self._sweep_due = now + SWEEP_SECONDS
        self._sweep = self.reactor.callLater(SWEEP_SECONDS, self._sweep_pools)
        for assembly in (*self.assemblies, *self._leaving):
            self._tend(assembly)
        self._look()
        settle()

    def _tend(self, assembly: AnyAssembly) -> None:
        """What is to be done for a proxy each second."""
        proxy: Any = assembly.proxy
        proxy.pools.sweep()
        proxy.end_long_pins()
        assembly.look()

    def _look(self) -> None:
        """What else is to be done each second."""

    async def _pause(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, waiting.callback, None)
        await waiting

    # The end

    async def _let_go(self, is_awaited: Callable[[], bool]) -> None:
        """Let clients finish what runs, up to a limit; then cut off who is left.

        Args:
            is_awaited: Whether somebody outside has still to say something about clients.
        """
        ends = self.reactor.seconds() + self.config.drain_timeout
        while (_busy(self.clients.values) or is_awaited()) and self.reactor.seconds() < ends:
            await self._pause(DRAIN_LOOK_SECONDS)
        left = [*self.clients.values()]
        if left:
            self._log.warning("clients are cut off in their transactions", clients=len(left))
        for client in left:
            client.protocol.abort()
        everything, self._leaving = [*self.assemblies, *self._leaving], {}
        for assembly in everything:
            assembly.proxy.pools.close()
            assembly.proxy.pools.stop()
        for assembly in everything:
            assembly.stop()

    def _finish(self) -> None:
        """Nothing is left to be done."""
        self._threads.stop()
        self._deadlines.stop()
        cancel(self._sweep)


def _busy(clients: Callable[[], Iterable[Client]]) -> bool:
    """Close those of these clients who are idle; whether somebody is not."""
    for client in [*clients()]:
        if client.is_idle:
            client.hang_up()
    return bool([*clients()])
