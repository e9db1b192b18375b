"""What a worker process serves."""

from __future__ import annotations

import gc
import os
import socket
import time
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy import __version__
from proxy.admin.near_sight import NearSight
from proxy.config.load import load_config_text
from proxy.config.model import Config, ProxyConfig
from proxy.credentials.admins import Admins, load_admins
from proxy.front.proxy import SEATS, ConnectionIds, Proxy
from proxy.observe.log import events
from proxy.policy.standing import OperationRefusedError
from proxy.pool.board import Board
from proxy.service.assembly import AnyAssembly, ServedAssembly, assemble_served
from proxy.service.change import Change, begin_change
from proxy.service.channel import Message
from proxy.service.form import form
from proxy.service.link import Link
from proxy.service.seats.arrivals import Arrivals
from proxy.service.seats.directed import Directed
from proxy.service.seats.passing import Passing
from proxy.service.seats.pool_shares import PoolShares
from proxy.service.seats.remembered import Remembered
from proxy.service.seats.teller import Served, Teller
from proxy.service.serving import DRAIN_LOOK_SECONDS, Serving
from proxy.service.started import COLLECTED_AFTER
from proxy.service.supervising.distant_console import DistantConsole
from proxy.service.supervising.distant_events import EventsUp
from proxy.service.supervising.distant_kill import KillsElsewhere
from proxy.service.tokens import UnusableError


class Seated(Serving):
    """Serves the proxies of a configuration, with clients that the supervisor has accepted.

    Raises:
        UnusableError: what the configuration points to cannot be used; so for the others.
        PasswordUnreadableError: that of an admin user.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        link: Link,
        door: socket.socket,
        board: Board,
        begin: Message,
    ) -> None:
        began = time.time()
        super().__init__(config, reactor, lambda: began)
        self._link = link
        self._path: str = begin["path"]
        self._number: int = begin["number"]
        self._admins = Admins(load_admins(config.admin.users, os.environ, self._log))
        ids = ConnectionIds(begin["first_number"], SEATS)
        shared = self._share(ids, DistantConsole(link, self._admins, reactor))
        self._shared = attrs.evolve(shared, ticket_key=bytes.fromhex(begin["ticket_key"]))
        self._directed = Directed(link, begin["number"], board)
        self._pool_shares = PoolShares(link, reactor)
        self._remembered = Remembered(link)
        self._kills = KillsElsewhere(link, self.clients)
        self._take_up(map(self._assemble, config.proxies))
        self._teller = Teller(
            link,
            reactor,
            self._served,
            lambda: self.uptime,
            self.collector.process.reactor_delay,
        )
        self._events = EventsUp(link, events, reactor)
        self._change: Change | None = None
        self._prepared = 0  # how often something was, or was given up
        self.arrivals = Arrivals(door, self._by_name, self._count, reactor, self._log)
        self._passing = Passing(
            link,
            self.clients,
            self._by_name,
            reactor,
            reactor.stop,
            self.arrivals.note,
            self._log,
        )
        link.on("prepare", lambda message, _sockets: self._prepare(message["text"]))
        link.on("abandon", lambda _message, _sockets: self._abandon())
        link.on("commit", lambda _message, _sockets: self._commit())

    def _assemble(self, config: ProxyConfig) -> ServedAssembly:
        assembly = assemble_served(
            config, self._shared, self._directed, self._pool_shares, self._remembered
        )
        assembly.proxy.elsewhere = self._kills
        return assembly

    def _served(self) -> list[Served]:
        return [Served(NearSight(one.proxy, self._number), one.now) for one in self.assemblies]

    def _look(self) -> None:
        self._teller.tell()

    def _by_name(self) -> dict[str, Proxy]:
        return {proxy.config.name: proxy for proxy in self.proxies}

    def _count(self, clients: Any, received: Any) -> None:
        self._link.tell("clients", clients=clients, received=received)

    def startService(self) -> None:
        """Serve, as soon as the targets have been seen, or have not answered for a while."""
        super().startService()
        gc.freeze()  # what is there by now stays for good
        gc.set_threshold(*COLLECTED_AFTER)
        self._log.debug("a worker begins", version=__version__, form=form())
        self._begin()
        Deferred.fromCoroutine(self._get_ready()).addErrback(self._mistaken)

    async def _get_ready(self) -> None:
        for proxy in self.proxies:
            await self.first_looks.first_attempt(proxy)
        if self.running:
            self.arrivals.start()
            self._link.tell("ready")

    def _mistaken(self, failure: Failure) -> None:
        self._log.error("a worker cannot begin", exception=failure.getTraceback())
        self._link.tell("failed", why=str(failure.value))

    # Another configuration

    async def _prepare(self, text: str) -> None:
        """Make all that a configuration needs.

        Raises:
            OperationRefusedError: something cannot be used; says why.
        """
        self._abandon()
        serial = self._prepared
        read = partial(load_config_text, text, self._path)
        change = await begin_change(self, self._admins, read, self._assemble)
        try:
            change.examine()
            if serial != self._prepared:
                raise UnusableError("it was given up meanwhile")  # noqa: TRY301 - one way out
        except UnusableError as error:
            change.abandon()
            raise OperationRefusedError(str(error)) from error
        self._change = change

    def _abandon(self) -> None:
        self._prepared += 1
        change, self._change = self._change, None
        if change is not None:
            change.abandon()

    def _commit(self) -> None:
        """Go by what is prepared; a worker that cannot has to be replaced by one that does."""
        change, self._change = self._change, None
        try:
            if change is None:
                raise UnusableError("it was not ready for another configuration")  # noqa: TRY301 - one way out
            change.put_in_force()
        except Exception as error:
            self._link.tell("failed", why=f"it does not go by the configuration: {error}")
            raise

    async def _end(self, assembly: AnyAssembly) -> None:
        """See `Serving`; who is on the way to another worker may come back before."""
        while self._passing.is_awaited:
            await self._pause(DRAIN_LOOK_SECONDS)
        await super()._end(assembly)

    # The end

    def stopService(self) -> Deferred[None]:
        """Drain: running transactions finish up to a limit, then all is closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        self.first_looks.stop()
        self.arrivals.stop()
        self._link.tell("ends")
        self._link.flush()
        self._passing.stop()
        for proxy in self.proxies:
            proxy.draining = True
        await self._let_go(lambda: self._passing.is_awaited)
        self.arrivals.end()
        self._finish()
        self._events.stop()
        self._link.close()
