"""The composition root: everything that one process needs to serve its proxies."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from proxy import __version__
from proxy.admin.console import AdminConsole
from proxy.admin.site import AdminSite
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.model import DEFAULT_TARGET_SET, Config
from proxy.credentials.admins import Admins, load_admins
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.rsa import GeneratedRsaKey
from proxy.credentials.static import PasswordUnreadableError
from proxy.front.client import Client
from proxy.front.deadlines import Deadlines
from proxy.front.listener import ClientFactory
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.certificates import TlsUnusableError
from proxy.net.clock import Timer, cancel
from proxy.observe.log import get_logger, settle
from proxy.observe.metrics import ProcessCounters, ProxyCollector
from proxy.service.assembly import Assembly, Shared, assemble
from proxy.service.first_look import FirstLooks
from proxy.service.form import form
from proxy.service.handover import HandedOver, HandOver
from proxy.service.handover_arriving import arriving
from proxy.service.handover_channel import ChannelBrokenError
from proxy.service.logged import apply_log
from proxy.service.notify import Notifier, for_successor, status_of
from proxy.service.ports import OpenPort, PortName, Ports, Wanted
from proxy.service.process import RunningProcess
from proxy.service.reload import Reloader
from proxy.service.tokens import UnusableError

COLLECTED_AFTER = (20_000, 20, 100)
"""Python looks for objects that hold each other after so many new ones, some megabytes at most,
and through all that live only now and then: with many clients it would else look through all of
theirs again and again."""

SWEEP_SECONDS = 1.0
"""How often pools look for what is too old or idle for too long."""

DRAIN_LOOK_SECONDS = 0.05
"""How often a drain looks whether the last transaction has ended."""

FIRST_LOOK_LIMIT_SECONDS = 5.0
"""How long a process waits for the first look before it takes over from another one: clients
that come then are greeted as they were before, if the targets answer at all."""


def _objection(assembly: Assembly) -> str:
    """Why a new process would do otherwise than an operator has told this one; else empty."""
    name, steward = assembly.proxy.config.name, assembly.steward
    if steward.waits.paused:
        return f"proxy {name} is paused, which a new process would not be: resume it first"
    if steward.waits.order:
        return f"proxy {name} has an order to carry out first: {steward.waits.order}"
    if steward.target_set != DEFAULT_TARGET_SET:
        return (
            f"proxy {name} uses the target set {steward.target_set}, and a new process would "
            "begin with the targets of the group: make those its targets in the configuration"
        )
    return ""


def _first_error(failure: Failure) -> Failure:
    """The failure of an endpoint, without the wrapping of `gatherResults`."""
    failure.trap(FirstError)
    error: Any = failure.value
    inner: Failure = error.subFailure
    return inner


class Worker(Service):
    """Serves the proxies of a configuration until it is stopped.

    Attributes:
        config: The configuration in force.
        config_path: Its file; None where there is none.
        configured: When it was put in force.
        assemblies: Each configured proxy, and what works for it.
        proxies: The proxies themselves.
        admin: Shows how all stands, and takes orders.
        admins: Who gets the console at an endpoint.
        collector: Their metrics.
        ports: Where their endpoints listen.
        listening: Fires when every endpoint listens; fails when one cannot.
        hand_over: Replaces this process by a new one.
        reloader: Puts the configuration file in force anew.
    """

    def __init__(self, config: Config, reactor: Any, config_path: Path | None = None) -> None:
        self.config = config
        self.config_path = config_path
        self.configured = datetime.now(UTC)
        self._reactor = reactor
        self._log = get_logger()
        try:
            self._arriving = arriving(os.environ, self._log)
        except ChannelBrokenError as error:
            raise UnusableError(str(error)) from error
        before = self._arriving
        environ = for_successor(os.environ)
        self.hand_over = HandOver(reactor, environ, self._handed_over, self._log)
        self.hand_over.waits = before is not None
        self._notifier = Notifier(os.environ, reactor, self._status, self._log)
        self.hand_over.on_successor = self._notifier.hand_over
        self.ports = Ports(reactor, before.given if before else ())
        self._sweep: Timer | None = None
        self._sweep_due = 0.0
        self._deadlines = Deadlines(reactor)
        self._clients: dict[int, Client] = {}
        self.collector = ProxyCollector(
            ProcessCounters(__version__, form(), self._configured_at)
        )
        self._threads = AwsThreads(reactor)
        self._ids = ConnectionIds(before.first_number if before else 1)
        try:
            self.admin = AdminSite(RunningProcess(self), config.admin, reactor)
            self.admins = Admins(load_admins(config.admin.users, os.environ, self._log))
        except (PasswordUnreadableError, TlsUnusableError, TokenUnreadableError) as error:
            raise UnusableError(str(error)) from error
        shared = Shared(
            reactor,
            self._threads,
            self._deadlines,
            GeneratedRsaKey(),
            self._ids,
            self._clients,
            AdminConsole(self.admin.desk, self.admins),
        )
        self.reloader = Reloader(self, shared)
        self.reloader.on_begin = self._notifier.reloading
        self.reloader.on_end = self._notifier.ready
        self._leaving: dict[Assembly, None] = {}
        self._first_looks = FirstLooks(reactor)
        self.assemblies = [assemble(proxy, shared) for proxy in config.proxies]
        self.proxies = [one.proxy for one in self.assemblies]
        apply_log(config.log, self.proxies)
        for one in self.assemblies:
            self.collector.watch(one.proxy.config.name, one.proxy.counters, one.now)
        self._began = reactor.seconds()
        self.listening: Deferred[Any] = Deferred()

    def _status(self) -> str:
        return status_of(self.assemblies)

    def _configured_at(self) -> float:
        return self.configured.timestamp()

    def startService(self) -> None:
        """Listen, and look at each target for the first time."""
        super().startService()
        if self.config_path is not None:
            self.reloader.obey(self._reactor.stop)
        gc.freeze()  # what is there by now stays for good
        gc.set_threshold(*COLLECTED_AFTER)
        self._log.info("starting", version=__version__, form=form())
        self._deadlines.start()
        self._threads.start()
        for assembly in self.assemblies:
            assembly.start()
        self._sweep_pools()
        self.admin.start()
        for proxy in self.proxies:
            self._first_looks.begin(proxy)
        listening = [
            Deferred.fromCoroutine(self._listen_everywhere(proxy)) for proxy in self.proxies
        ]
        if self._arriving is None:
            listening.append(Deferred.fromCoroutine(self._open_admin()))
        else:
            self._arriving.begin(self._reactor, self.proxies, self._take_over, self._leave)
        all_listen = gatherResults(listening, consumeErrors=True)
        all_listen.addErrback(_first_error)
        all_listen.addCallbacks(self._listens, self._does_not_listen)
        all_listen.chainDeferred(self.listening)

    async def _listen_everywhere(self, proxy: Proxy) -> None:
        await self._first_looks.first_attempt(proxy)
        for endpoint in proxy.config.endpoints if self.running else ():
            whose = PortName(proxy.config.name, endpoint.name)
            factory = ClientFactory(proxy, endpoint.name)
            self.tell_of(await self.ports.open(Wanted(whose, endpoint.listen, factory)))

    def tell_of(self, port: OpenPort) -> None:
        """Say in the log where an endpoint listens from now on."""
        proxy, endpoint = port.name
        self._log.info(
            "an endpoint listens", proxy=proxy, endpoint=endpoint, address=port.address
        )

    # Taking over from the process before, and handing over to the next one

    def _listens(self, listening: Any) -> Any:
        if self._arriving is None:
            self._notifier.ready()
        else:
            Deferred.fromCoroutine(self._get_ready())
        return listening

    def _does_not_listen(self, failure: Failure) -> Any:
        if self._arriving is None:
            return failure
        told = self._arriving.failed(str(failure.value))
        return told.addCallback(lambda _: failure)

    async def _get_ready(self) -> None:
        assert self._arriving is not None
        ends = self._reactor.seconds() + FIRST_LOOK_LIMIT_SECONDS
        while self._reactor.seconds() < ends and any(
            one.proxy.pool.facts is None or one.steward.waits.hold for one in self.assemblies
        ):
            await self._pause(DRAIN_LOOK_SECONDS)
        self._arriving.ready()

    def _take_over(self) -> None:
        """This process is the service now."""
        self.hand_over.waits = False
        self.ports.take_over()
        self._log.info("this process has taken over")
        self._notifier.ready()
        opening = Deferred.fromCoroutine(self._open_admin())
        opening.addErrback(lambda failure: self._log.error(str(failure.value)))

    def _leave(self) -> None:
        """The process before goes on, without this one."""
        self._log.warning("the process before goes on serving; this one ends")
        self._reactor.stop()

    def _handed_over(self) -> HandedOver:
        reloads = ("a reload is under way",) if self.reloader.is_under_way else ()
        return HandedOver(
            ports=self.ports,
            ids=self._ids,
            clients=self._clients,
            proxies=self.proxies,
            timeout=self.config.handover_timeout,
            close_admin=self.admin.stop_listening,
            may_end=self._has_no_predecessor,
            end=self._reactor.stop,
            objections=(*reloads, *filter(None, map(_objection, self.assemblies))),
        )

    def _has_no_predecessor(self) -> bool:
        return self._arriving is None or not self._arriving.is_open

    async def _pause(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, waiting.callback, None)
        await waiting

    @property
    def uptime(self) -> float:
        """Seconds since it was made."""
        return float(self._reactor.seconds() - self._began)

    async def _open_admin(self) -> None:
        await self.admin.listen_everywhere()

    def addresses(self) -> list[Any]:
        """Where the endpoints listen, in the order of the configuration."""
        return [one.port.getHost() for one in self.ports]

    # Other proxies, while it runs

    def take(self, assemblies: list[Assembly], added: list[Assembly]) -> None:
        """Serve these proxies from now on, of which some are new; the others end."""
        for one in self.assemblies:
            if one not in assemblies:
                self._leaving[one] = None
                Deferred.fromCoroutine(self._end(one))
        self.assemblies[:] = assemblies
        self.proxies[:] = [one.proxy for one in assemblies]
        for one in added:
            one.start()
            self.collector.watch(one.proxy.config.name, one.proxy.counters, one.now)
        for proxy in self.proxies:
            self._first_looks.begin(proxy)

    async def _end(self, assembly: Assembly) -> None:
        """Let the clients of a proxy go that is no more, between two transactions."""
        proxy, name = assembly.proxy, assembly.proxy.config.name
        self._log.info("a proxy ends", proxy=name, clients=proxy.count)
        proxy.draining = True
        self._first_looks.give_up(proxy)
        ends = self._reactor.seconds() + self.config.drain_timeout
        while self._busy(proxy.own_clients) and self._reactor.seconds() < ends:
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
        now = self._reactor.seconds()
        if self._sweep is not None:
            self.collector.process.reactor_delay.add(now - self._sweep_due)
        self._sweep_due = now + SWEEP_SECONDS
        self._sweep = self._reactor.callLater(SWEEP_SECONDS, self._sweep_pools)
        for assembly in (*self.assemblies, *self._leaving):
            assembly.proxy.pools.sweep()
            assembly.proxy.end_long_pins()
            assembly.look()
        self.admin.look()
        settle()

    def stopService(self) -> Deferred[None]:
        """Drain: no new clients, running transactions finish up to a limit, then stop."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        self._log.info("draining", clients=len(self._clients))
        self._notifier.stopping(len(self._clients))
        self.hand_over.stop()
        if self._arriving is not None:
            self._arriving.stop()
        self._first_looks.stop()
        for proxy in self.proxies:
            proxy.draining = True
        await self.ports.close()
        ends = self._reactor.seconds() + self.config.drain_timeout
        while (
            self._busy(self._clients.values) or self.hand_over.is_awaited
        ) and self._reactor.seconds() < ends:
            await self._pause(DRAIN_LOOK_SECONDS)
        left = [*self._clients.values()]
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
        await self.admin.stop()
        self._threads.stop()
        self._deadlines.stop()
        cancel(self._sweep)
        self._notifier.stop()
        self._log.info("stopped")
        settle(at_once=True)

    @staticmethod
    def _busy(clients: Callable[[], Iterable[Client]]) -> bool:
        """Close those of these clients who are idle; whether somebody is not."""
        for client in [*clients()]:
            if client.is_idle:
                client.hang_up()
        return bool([*clients()])
