"""The composition root: everything that one process needs to serve its proxies."""

from __future__ import annotations

import contextlib
import functools
import gc
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.endpoints import serverFromString
from twisted.python.failure import Failure

from proxy import __version__
from proxy.admin.site import AdminSite
from proxy.config.model import Config
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.rsa import GeneratedRsaKey
from proxy.errors import StatementRefusedError
from proxy.failover.operations import GroupOperations
from proxy.front.client import Client
from proxy.front.deadlines import Deadlines
from proxy.front.listener import ClientFactory
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.clock import Timer, cancel
from proxy.net.sockets import prepare_port
from proxy.observe.log import get_logger
from proxy.observe.metrics import ProxyCollector
from proxy.service.assembly import Shared, assemble
from proxy.service.form import form

COLLECTED_AFTER = (20_000, 20, 100)
"""Python looks for objects that hold each other after so many new ones, some megabytes at most,
and through all that live only now and then: with many clients it would else look through all of
theirs again and again."""

SWEEP_SECONDS = 1.0
"""How often pools look for what is too old or idle for too long."""

DRAIN_LOOK_SECONDS = 0.05
"""How often a drain looks whether the last transaction has ended."""

FIRST_LOOK_PAUSE_SECONDS = 5.0
"""Pause between attempts to see a target for the first time that it refused."""


def _first_error(failure: Failure) -> Failure:
    """The failure of an endpoint, without the wrapping of `gatherResults`."""
    failure.trap(FirstError)
    error: Any = failure.value
    inner: Failure = error.subFailure
    return inner


def _clients(proxy: Proxy) -> int:
    return proxy.count


class Worker(Service):
    """Serves the proxies of a configuration until it is stopped.

    Attributes:
        proxies: Each configured proxy at work.
        collector: Their metrics.
        listening: Fires when every endpoint listens; fails when one cannot.
    """

    def __init__(self, config: Config, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._ports: list[Any] = []  # IListeningPort, which mypy cannot read
        self._sweep: Timer | None = None
        self._log = get_logger()
        self._deadlines = Deadlines(reactor)
        self._clients: dict[int, Client] = {}
        self.collector = ProxyCollector()
        self._threads = AwsThreads(reactor)
        shared = Shared(
            reactor,
            self._threads,
            self._deadlines,
            GeneratedRsaKey(),
            ConnectionIds(),
            self._clients,
        )
        self._assemblies = [assemble(proxy, shared) for proxy in config.proxies]
        self.proxies = [one.proxy for one in self._assemblies]
        for one in self._assemblies:
            self.collector.watch(one.proxy.config.name, one.proxy.counters, one.gauges)
        self._admin = AdminSite(
            [
                GroupOperations(
                    one.proxy.config.name, one.steward, functools.partial(_clients, one.proxy)
                )
                for one in self._assemblies
            ],
            reactor,
        )
        self.listening: Deferred[Any] = Deferred()

    def startService(self) -> None:
        """Listen, and look at each target for the first time."""
        super().startService()
        gc.freeze()  # what is there by now stays for good
        gc.set_threshold(*COLLECTED_AFTER)
        self._log.info("starting", version=__version__, form=form())
        self._deadlines.start()
        self._threads.start()
        for assembly in self._assemblies:
            assembly.start()
        self._sweep_pools()
        for proxy in self.proxies:
            Deferred.fromCoroutine(self._first_look(proxy))
        listening = [
            Deferred.fromCoroutine(self._listen(proxy, endpoint.name, endpoint.listen))
            for proxy in self.proxies
            for endpoint in proxy.config.endpoints
        ]
        listening.append(Deferred.fromCoroutine(self._open_admin()))
        all_listen = gatherResults(listening, consumeErrors=True)
        all_listen.addErrback(_first_error).chainDeferred(self.listening)

    async def _listen(self, proxy: Proxy, name: str, listen: str) -> None:
        port = await serverFromString(self._reactor, listen).listen(ClientFactory(proxy, name))
        prepare_port(port)
        self._ports.append(port)
        self._log.info(
            "an endpoint listens",
            proxy=proxy.config.name,
            endpoint=name,
            address=str(port.getHost()),
        )

    async def _open_admin(self) -> None:
        if self._config.admin.listen is not None:
            await self._admin.listen(self._config.admin.listen)

    def addresses(self) -> list[Any]:
        """Where the endpoints listen, in the order of the configuration."""
        return [port.getHost() for port in self._ports]

    async def _first_look(self, proxy: Proxy) -> None:
        """Learn the target's version and limits before the first client needs them."""
        while self.running and proxy.pool.facts is None:
            # Nobody is known as a stranger before every source has been read once.
            await proxy.credentials.find("")
            for user in proxy.credentials.users()[:1]:
                with contextlib.suppress(StatementRefusedError):
                    await proxy.pool.look(user)
            if proxy.pool.facts is None:
                waiting: Deferred[None] = Deferred()
                self._reactor.callLater(FIRST_LOOK_PAUSE_SECONDS, waiting.callback, None)
                await waiting

    def _sweep_pools(self) -> None:
        self._sweep = self._reactor.callLater(SWEEP_SECONDS, self._sweep_pools)
        for proxy in self.proxies:
            proxy.pools.sweep()
            proxy.end_long_pins()
        for assembly in self._assemblies:
            assembly.look()

    def stopService(self) -> Deferred[None]:
        """Drain: no new clients, running transactions finish up to a limit, then stop."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        self._log.info("draining", clients=len(self._clients))
        for proxy in self.proxies:
            proxy.draining = True
        for port in self._ports:
            await port.stopListening()
        ends = self._reactor.seconds() + self._config.drain_timeout
        while self._busy_clients() and self._reactor.seconds() < ends:
            waiting: Deferred[None] = Deferred()
            self._reactor.callLater(DRAIN_LOOK_SECONDS, waiting.callback, None)
            await waiting
        left = [*self._clients.values()]
        if left:
            self._log.warning("clients are cut off in their transactions", clients=len(left))
        for client in left:
            client.protocol.abort()
        for proxy in self.proxies:
            proxy.pools.close()
            proxy.pools.stop()
        for assembly in self._assemblies:
            assembly.stop()
        await self._admin.stop()
        self._threads.stop()
        self._deadlines.stop()
        cancel(self._sweep)
        self._log.info("stopped")

    def _busy_clients(self) -> bool:
        """Close who is idle; whether somebody is not."""
        for client in [*self._clients.values()]:
            if client.is_idle:
                client.hang_up()
        return bool(self._clients)
