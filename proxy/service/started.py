"""The composition root: what the process that was started has, whoever serves the clients."""

from __future__ import annotations

import gc
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from proxy import __version__
from proxy.admin.console import AdminConsole
from proxy.admin.site import AdminSite
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.model import DEFAULT_TARGET_SET, Config, ProxyConfig
from proxy.credentials.admins import Admins, load_admins
from proxy.credentials.static import PasswordUnreadableError
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.certificates import TlsUnusableError
from proxy.observe.log import settle
from proxy.service.assembly import Assembly, DistantAssembly
from proxy.service.channel import Channel, ChannelBrokenError
from proxy.service.form import form
from proxy.service.handover.arriving import Take, arriving
from proxy.service.handover.departures import Departures
from proxy.service.handover.leaving import Leaving
from proxy.service.handover.restart import Going, HandedOver, HandOver
from proxy.service.notify import Notifier, for_successor, status_of
from proxy.service.ports import OpenPort, PortName, Ports, Reader, Wanted
from proxy.service.process import RunningProcess
from proxy.service.reload import TOO_EARLY, Reloader
from proxy.service.serving import DRAIN_LOOK_SECONDS, Serving
from proxy.service.sights import Sights
from proxy.service.tokens import UnusableError

COLLECTED_AFTER = (20_000, 20, 100)
"""Python looks for objects that hold each other after so many new ones, some megabytes at most,
and through all that live only now and then: with many clients it would else look through all of
theirs again and again."""

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


class Started(Serving):
    """Has the proxies of a configuration served until it is stopped; subclasses say by whom.

    Attributes:
        config_path: The file of the configuration; None where there is none.
        configured: When that was put in force.
        admin: Shows how all stands, and takes orders.
        admins: Who gets the console at an endpoint.
        ports: Where the endpoints listen.
        listening: Fires when every endpoint listens; fails when one cannot.
        hand_over: Replaces this process by a new one.
        reloader: Puts the configuration file in force anew.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        config_path: Path | None = None,
        *,
        reader: Reader | None = None,
        take: Take | None = None,
        sights: Sights | None = None,
    ) -> None:
        """Make all that the configuration points to; for the others see who gets them.

        Args:
            config: What is to be served.
            reactor: What it runs on.
            config_path: The file where that came from, if it did.
            reader: For `Ports`.
            take: For `Arriving.begin`.
            sights: For `RunningProcess`.

        Raises:
            UnusableError: it points to something that cannot be used.
        """
        super().__init__(config, reactor, self._configured_at)
        self._take = take
        self.config_path = config_path
        self.configured = datetime.now(UTC)
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
        self.ports = Ports(reactor, before.given if before else (), reader)
        self._ids = ConnectionIds(before.first_number if before else 1)
        try:
            self.admin = AdminSite(RunningProcess(self, sights), config.admin, reactor)
            self.admins = Admins(load_admins(config.admin.users, os.environ, self._log))
        except (PasswordUnreadableError, TlsUnusableError, TokenUnreadableError) as error:
            raise UnusableError(str(error)) from error
        self._shared = self._share(self._ids, AdminConsole(self.admin.desk, self.admins))
        self.reloader = Reloader(self)
        self.reloader.on_begin = self._notifier.reloading
        self.reloader.on_end = self._notifier.ready
        self._take_up(map(self.assemble, config.proxies))
        self.listening: Deferred[Any] = Deferred()

    def assemble(self, config: ProxyConfig) -> Assembly | DistantAssembly:
        """A proxy; blocks, as it reads files.

        Raises:
            UnusableError: the configuration points to something that cannot be used.
        """
        raise NotImplementedError

    def clients_of(self, proxy: Any, endpoint: str) -> Factory:
        """What makes the clients of an endpoint."""
        raise NotImplementedError

    async def _can_serve(self, proxy: Any) -> None:
        """Wait until the first client can be greeted as it should be.

        Raises:
            UnusableError: it never can; says why.
        """
        raise NotImplementedError

    async def prepare_others(self, text: str) -> None:
        """Have other processes get ready to go by a configuration.

        Raises:
            OperationRefusedError: one of them cannot; says why.
        """
        raise NotImplementedError

    def let_others_be(self) -> None:
        """They shall go on as they are, if they have got ready."""
        raise NotImplementedError

    def have_others_change(self, text: str) -> None:
        """They shall go by what they have got ready for."""
        raise NotImplementedError

    def _status(self) -> str:
        return status_of(self.assemblies)

    def _configured_at(self) -> float:
        return self.configured.timestamp()

    def startService(self) -> None:
        """Listen, and look at each target for the first time."""
        super().startService()
        if self.config_path is not None:
            self.reloader.obey(self.reactor.stop)
        gc.freeze()  # what is there by now stays for good
        gc.set_threshold(*COLLECTED_AFTER)
        self._log.info("starting", version=__version__, form=form())
        self._begin()
        self.admin.start()
        listening = [
            Deferred.fromCoroutine(self._listen_everywhere(proxy)) for proxy in self.proxies
        ]
        if self._arriving is None:
            listening.append(Deferred.fromCoroutine(self._open_admin()))
        else:
            self._arriving.begin(
                self.reactor, self.proxies, self._take_over, self._leave, self._take
            )
        all_listen = gatherResults(listening, consumeErrors=True)
        all_listen.addErrback(_first_error)
        all_listen.addCallbacks(self._listens, self._does_not_listen)
        all_listen.chainDeferred(self.listening)

    async def _listen_everywhere(self, proxy: Proxy) -> None:
        await self._can_serve(proxy)
        for endpoint in proxy.config.endpoints if self.running else ():
            whose = PortName(proxy.config.name, endpoint.name)
            factory = self.clients_of(proxy, endpoint.name)
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
        ends = self.reactor.seconds() + FIRST_LOOK_LIMIT_SECONDS
        while self.reactor.seconds() < ends and not all(map(self._is_seen, self.assemblies)):
            await self._pause(DRAIN_LOOK_SECONDS)
        self._arriving.ready()

    def _is_seen(self, assembly: Assembly) -> bool:
        """Whether it is known how the targets of a proxy are."""
        return assembly.proxy.pool.facts is not None and not assembly.steward.waits.hold

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
        self.reactor.stop()

    def _handed_over(self) -> HandedOver:
        early = () if self.listening.called else (TOO_EARLY,)
        reloads = ("a reload is under way",) if self.reloader.is_under_way else ()
        return HandedOver(
            ports=self.ports,
            ids=self._ids,
            close_admin=self.admin.stop_listening,
            leave=self._leave_to,
            objections=(*early, *reloads, *filter(None, map(_objection, self.assemblies))),
        )

    def _leave_to(self, channel: Channel) -> Going:
        return Leaving(
            Departures(channel, self.reactor, self._log),
            channel.close,
            self.clients,
            self.proxies,
            self.reactor,
            self.config.handover_timeout,
            self._has_no_predecessor,
            self.reactor.stop,
            self._log,
        )

    def _has_no_predecessor(self) -> bool:
        return self._arriving is None or not self._arriving.is_open

    async def _open_admin(self) -> None:
        await self.admin.listen_everywhere()

    def addresses(self) -> list[Any]:
        """Where the endpoints listen, in the order of the configuration."""
        return [one.port.getHost() for one in self.ports]

    def _look(self) -> None:
        self.admin.look()

    def stopService(self) -> Deferred[None]:
        """Drain: no new clients, running transactions finish up to a limit, then stop."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        clients = sum(proxy.count for proxy in self.proxies)
        self._log.info("draining", clients=clients)
        self._notifier.stopping(clients)
        self.hand_over.stop()
        if self._arriving is not None:
            self._arriving.stop()
        self.first_looks.stop()
        for proxy in self.proxies:
            proxy.draining = True
        await self.ports.close()
        await self._let_go(lambda: self.hand_over.is_awaited)
        await self.admin.stop()
        self._finish()
        self._notifier.stop()
        self._log.info("stopped")
        settle(at_once=True)
