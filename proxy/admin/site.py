"""The admin API of a process: where it comes in, and all that stands behind it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import CannotListenError

from proxy.admin.access import Access, Entrance
from proxy.admin.actions import Actions
from proxy.admin.api import Api
from proxy.admin.connections import AdminFactory
from proxy.admin.desk import Desk
from proxy.admin.files import Files
from proxy.admin.gate import Gate
from proxy.admin.history import History
from proxy.admin.overview import Overviews
from proxy.admin.process import Process
from proxy.admin.sight import Sight
from proxy.config.admin import AdminConfig, AdminPlace, AdminSocket, parse_admin_listen
from proxy.observe.log import get_logger


class AdminListenError(Exception):
    """The admin API cannot listen where it should; says where and why."""


class AdminSite:
    """See the module.

    Args:
        process: What it shows and tells what to do.
        config: Who may come in.
        reactor: Where it listens, and the clock that the pools have.
        log: Where it tells what was done.

    Attributes:
        access: The tokens and certificates in force.
        desk: What calls are answered with.

    Raises:
        TokenUnreadableError: a token cannot be had.
        TlsUnusableError: a certificate, a key or an authority cannot.
    """

    def __init__(
        self,
        process: Process,
        config: AdminConfig,
        reactor: Any,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._reactor = reactor
        self._log = get_logger() if log is None else log
        self.access = Access(config, self._log)
        self._process = process
        history = History(self._sights, reactor, also=self._sample)
        self.desk = Desk(
            process,
            reactor,
            self._log,
            Actions(reactor, self._log),
            history,
            Overviews(process, history, reactor),
            Files(),
        )
        self._factory = AdminFactory(self._api(), reactor)
        self._ports: dict[str, Any] = {}  # IListeningPort, which mypy cannot read

    def _sights(self) -> list[Sight]:
        return [one.sight for one in self._process.served()]

    def _sample(self) -> None:
        self._process.sample()

    def _api(self) -> Api:
        config = self.access.config
        gate = Gate(config, self.access.tokens, self._reactor)
        return Api(self.desk, gate, config.allowed_hosts, self._log)

    def change(self, config: AdminConfig) -> None:
        """Let in whom another configuration lets in; where it listens stays as it is.

        Raises:
            TokenUnreadableError: as when it is made; nothing was changed then.
            TlsUnusableError: likewise.
        """
        self.access = Access(config, self._log)
        self._factory.api = self._api()

    async def reconfigure(self, config: AdminConfig) -> None:
        """Go by another configuration, also where it listens; connections stay.

        Raises:
            AdminListenError: one of its places cannot be opened; nothing was changed.
            TokenUnreadableError: see `change`.
            TlsUnusableError: likewise.
        """
        access, api = self.access, self._factory.api
        before = {str(place): place for place in access.config.places if self._ports}
        self.change(config)
        wanted = {str(place): place for place in config.places}
        opened = [place for name, place in wanted.items() if name not in self._ports]
        try:
            for place in opened:
                await self._listen(place)
        except AdminListenError:
            self.access, self._factory.api = access, api
            for place in opened:
                if str(place) in self._ports:
                    await self._ports.pop(str(place)).stopListening()
            raise
        for name, place in wanted.items():
            if isinstance(place, AdminSocket) and place != before.get(name, place):
                _change_mode(place)
        for name in [name for name in self._ports if name not in wanted]:
            await self._ports.pop(name).stopListening()
            self._log.info("the admin API listens no more", address=name)
        self._warn_of_clear_text()

    def look(self) -> None:
        """Take up files that have changed; called now and then."""
        self.access.look()

    def start(self) -> None:
        """Note from now on what happens each second."""
        self.desk.history.start()

    async def listen_everywhere(self) -> None:
        """Listen at all places of the configuration.

        Raises:
            AdminListenError: that is not possible at one of them; says why.
        """
        for place in self.access.config.places:
            await self._listen(place)
        self._warn_of_clear_text()

    def _warn_of_clear_text(self) -> None:
        config = self.access.config
        if config.reached and not config.has_tls:
            self._log.warning(
                "whoever sees the packets of the admin API on their way reads its tokens, and "
                "may act with them: admin.allow_clear_text is on",
                addresses=[str(place) for place in config.reached],
            )

    async def listen(self, text: str) -> None:
        """Listen at one place, written as in `admin.listen`.

        Raises:
            AdminListenError: that is not possible; says why.
        """
        await self._listen(parse_admin_listen(text))

    async def _listen(self, place: AdminPlace) -> None:
        endpoint: Any
        factory: Any = self._factory
        if isinstance(place, AdminSocket):
            endpoint = UNIXServerEndpoint(
                self._reactor, place.path, mode=place.mode, wantPID=True
            )
        else:
            endpoint = TCP4ServerEndpoint(self._reactor, place.port, interface=place.host)
            factory = Entrance(self, factory, self._reactor)
        try:
            port = await endpoint.listen(factory)
        except (CannotListenError, OSError) as error:
            raise AdminListenError(_why_not(place, error)) from error
        self._ports[str(place)] = port
        self._log.info("the admin API listens", address=str(place))

    async def stop_listening(self) -> None:
        """Listen no more; the connections that there are stay."""
        while self._ports:
            _, port = self._ports.popitem()
            await port.stopListening()

    async def stop(self) -> None:
        """Listen no more, and close all connections; actions that are under way go on."""
        self.desk.history.stop()
        await self.stop_listening()
        for channel in [*self._factory.channels]:
            channel.forceAbortClient()


def _change_mode(place: AdminSocket) -> None:
    with contextlib.suppress(OSError):  # somebody has taken it away
        Path(place.path).chmod(place.mode)


def _why_not(place: AdminPlace, error: Exception) -> str:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    why = str(getattr(cause, "strerror", None) or cause)
    if isinstance(place, AdminSocket) and isinstance(cause, FileNotFoundError):
        why = "the folder is not there"
    elif isinstance(error, CannotListenError) and not isinstance(cause, OSError):
        why = "another process listens there"  # it holds Twisted's lock beside the socket
    return f"the admin API cannot listen at {place}: {why}"
