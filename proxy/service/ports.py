"""The ports where endpoints listen: opened, handed on, and exchanged without a gap."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from proxy.net.sockets import BACKLOG, prepare_port
from proxy.service.handover.ports import adopt_port, remove, take_lock

_TWISTEDS_BACKLOG = 50
_TWISTEDS_MODE = 0o666
"""What a Twisted endpoint has of which nothing else was said."""

_UNIX = re.compile(r"unix:(?:address=)?(/[^:]+)")
_MODE = re.compile(r":mode=([0-7]+)")


class PortName(NamedTuple):
    """Whose port it is."""

    proxy: str
    endpoint: str


@attrs.frozen
class Wanted:
    """A port that shall be open.

    Attributes:
        name: Whose it is.
        listen: Where, as the configuration says it.
        factory: Makes the clients that come in there.
    """

    name: PortName
    listen: str
    factory: Factory


@attrs.frozen
class Given:
    """A socket that listens already, from the process before this one.

    Attributes:
        name: Whose it was there.
        listen: Where, as the configuration said it there.
        socket: The socket, which is ours now.
    """

    name: PortName
    listen: str
    socket: socket.socket


class PortsError(Exception):
    """Some endpoint cannot listen; a line for each that cannot."""


class Door(Factory):
    """Lets clients in to whoever the port belongs to by now.

    Attributes:
        leads_to: Makes the clients.
    """

    noisy = False

    def __init__(self, leads_to: Factory) -> None:
        self.leads_to = leads_to

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        return self.leads_to.buildProtocol(addr)


Reader = Callable[[Any, Door], Callable[[], None]]


@attrs.define(eq=False)
class OpenPort:
    """A port that listens.

    Attributes:
        name: Whose it is.
        listen: Where, as the configuration says it.
        port: Twisted's `IListeningPort`, which mypy cannot read.
        door: Where its clients go.
    """

    name: PortName
    listen: str
    port: Any
    door: Door

    @property
    def address(self) -> str:
        """Where it listens, for people: `127.0.0.1:3306`, `[::]:3306` or `unix:/path`."""
        host = self.port.getHost()
        if isinstance(host, IPv4Address | IPv6Address):
            place = f"[{host.host}]" if ":" in host.host else host.host
            return f"{place}:{host.port}"
        if isinstance(host, UNIXAddress):
            return f"unix:{(host.name or b'').decode(errors='replace')}"
        return str(host)


class _Beside:
    """A reactor that listens where an open port is, which is about to be closed.

    That port takes what comes until then, so that nobody is refused in between.
    """

    def __init__(self, reactor: Any, leaving: Iterable[OpenPort]) -> None:
        self._reactor = reactor
        self._leaving = [*leaving]

    def listenTCP(
        self, port: int, factory: Factory, backlog: int = _TWISTEDS_BACKLOG, interface: str = ""
    ) -> Any:
        """See `twisted.internet.interfaces.IReactorTCP`."""
        in_the_way = [
            one.port.socket
            for one in self._leaving
            if getattr(one.port.getHost(), "port", None) == port
        ]
        if not in_the_way or not port:
            return self._reactor.listenTCP(port, factory, backlog, interface)
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        backlog = BACKLOG if backlog == _TWISTEDS_BACKLOG else backlog
        fresh = socket.socket(family, socket.SOCK_STREAM)
        # Both have to say that they share the port, and both belong to us.
        sharing = [*in_the_way, fresh]
        try:
            for one in sharing:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            fresh.bind((interface, port))
            fresh.listen(backlog)
            fresh.setblocking(False)
            return self._reactor.adoptStreamPort(fresh.fileno(), family, factory)
        except OSError as error:
            raise CannotListenError(interface, port, error) from error
        finally:
            # Else any process of the same user could share it later on.
            for one in sharing:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
            fresh.close()  # what was adopted is a copy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@attrs.frozen
class Exchange:
    """Ports that are ready to take the place of others.

    Attributes:
        kept: Ports that stay, and what they become.
        fresh: Ports that were opened for it.
        leaving: Ports that nobody wants any more.
    """

    kept: tuple[tuple[OpenPort, Wanted], ...]
    fresh: tuple[OpenPort, ...]
    leaving: tuple[OpenPort, ...]


class Ports:
    """All ports of a process.

    Args:
        reactor: Listens.
        given: Sockets that listen already: an endpoint that wants the same place gets one
            instead of a new one.  Those that nobody wanted are closed by `close_given`.
        reader: Makes what reads a port of Twisted's with such a door, in the place of its own
            way to accept; None for that.
    """

    def __init__(
        self, reactor: Any, given: Iterable[Given] = (), reader: Reader | None = None
    ) -> None:
        self._reactor = reactor
        self._reader = reader
        self._given = [*given]
        self._open: dict[PortName, OpenPort] = {}

    def __repr__(self) -> str:
        """Where they are."""
        return f"<Ports {[*map(str, (one.address for one in self))]}>"

    def __iter__(self) -> Iterator[OpenPort]:
        return iter([*self._open.values()])

    def addresses(self, proxy: str) -> Mapping[str, str]:
        """Where the endpoints of a proxy listen, by their names."""
        return {
            name.endpoint: one.address
            for name, one in self._open.items()
            if name.proxy == proxy
        }

    async def open(self, wanted: Wanted) -> OpenPort:
        """Listen there from now on.

        Raises:
            CannotListenError: that is not possible.
            OSError: likewise.
            ValueError: `listen` makes no sense.
        """
        one = self._open[wanted.name] = await self._listen(wanted, self._reactor)
        return one

    async def _listen(self, wanted: Wanted, reactor: Any) -> OpenPort:
        door = Door(wanted.factory)
        given = _matching(self._given, wanted, lambda one: one.name)
        if given is None:
            port = await serverFromString(reactor, wanted.listen).listen(door)
        else:
            self._given.remove(given)
            port = self._adopt(given.socket, door)
        prepare_port(port)
        if self._reader is not None:
            port.doRead = self._reader(port, door)
        return OpenPort(wanted.name, wanted.listen, port, door)

    def _adopt(self, given: socket.socket, door: Door) -> Any:
        with given:  # what is adopted is a copy
            return adopt_port(self._reactor, given, door)

    def close_given(self) -> None:
        """Close sockets that were given and are not wanted."""
        while self._given:
            self._given.pop().socket.close()

    def take_over(self) -> None:
        """The process that the sockets are from has left them to this one."""
        for one in self._given:
            remove(one.socket)
        self.close_given()
        for port in self:
            _change_mode(port.listen)
            take_lock(port.port)

    # Exchanging

    async def prepare(self, wanted: Sequence[Wanted]) -> Exchange:
        """Open what is not open yet; nothing else changes before `carry_out`.

        A port that is wanted at the same place by somebody else goes over to them.

        Raises:
            PortsError: some cannot be opened, and none of the new ones is open.
        """
        left = [*self._open.values()]
        kept: list[tuple[OpenPort, Wanted]] = []
        missing: list[Wanted] = []
        # Those first that stay what they are, so that nobody else takes their place.
        for one in sorted(wanted, key=lambda one: not self._is_as_before(one)):
            match = _matching(left, one, lambda port: port.name)
            if match is None:
                missing.append(one)
            else:
                left.remove(match)
                kept.append((match, one))
        fresh: list[OpenPort] = []
        troubles: list[str] = []
        reactor = _Beside(self._reactor, left)
        for one in missing:
            try:
                opened = await self._listen(one, reactor)
                opened.port.stopReading()  # who comes waits until there is somebody to serve
                fresh.append(opened)
            except (CannotListenError, OSError, ValueError) as error:
                where = f"proxy {one.name.proxy}: endpoint {one.name.endpoint}"
                troubles.append(f"{where} cannot listen at {one.listen}: {_why(error)}")
        if troubles:
            await _stop(fresh)
            raise PortsError("\n".join(troubles))
        return Exchange(tuple(kept), tuple(fresh), tuple(left))

    def _is_as_before(self, wanted: Wanted) -> bool:
        known = self._open.get(wanted.name)
        return known is not None and known.listen == wanted.listen

    def carry_out(self, exchange: Exchange) -> None:
        """Let the clients of all ports go where they are wanted; what leaves is still open."""
        for port, wanted in exchange.kept:
            if port.listen != wanted.listen:
                _change_mode(wanted.listen)
            port.name, port.listen = wanted.name, wanted.listen
            port.door.leads_to = wanted.factory
        for port in exchange.fresh:
            port.port.startReading()
        everything = [*(port for port, _ in exchange.kept), *exchange.fresh]
        self._open = {one.name: one for one in everything}

    @staticmethod
    async def finish(exchange: Exchange) -> None:
        """Close what leaves; who has connected there by now is let in before."""
        for one in exchange.leaving:
            with contextlib.suppress(AttributeError):  # a port of another kind
                one.port.numberAccepts = BACKLOG  # all of them
                one.port.doRead()
        await _stop(exchange.leaving)

    @staticmethod
    async def give_up(exchange: Exchange) -> None:
        """Close what was opened for it: all is as it was."""
        await _stop(exchange.fresh)

    async def close(self) -> None:
        """Listen no more."""
        self.close_given()
        left, self._open = [*self._open.values()], {}
        await _stop(left)


def _matching(left: Iterable[Any], wanted: Wanted, name_of: Callable[[Any], PortName]) -> Any:
    """The one that fits: the same place and, if there are several, of the same name.

    A port of 0 stands for a place of its own each time: only its own name fits.
    """
    place = _place(wanted.listen)
    same = [one for one in left if _place(one.listen) == place]
    for one in same:
        if name_of(one) == wanted.name:
            return one
    return None if _is_any_port(wanted.listen) else next(iter(same), None)


def _place(listen: str) -> str:
    """What tells places apart: a unix socket is where it is, whatever its mode."""
    found = _UNIX.match(listen)
    return listen if found is None else f"unix:{found[1]}"


def _change_mode(listen: str) -> None:
    """Give a unix socket the mode that is wanted of it now."""
    found, mode = _UNIX.match(listen), _MODE.search(listen)
    if found is not None:
        with contextlib.suppress(OSError):  # somebody has taken it away
            Path(found[1]).chmod(int(mode[1], 8) if mode else _TWISTEDS_MODE)


def _is_any_port(listen: str) -> bool:
    kind, _, rest = listen.partition(":")
    return kind in ("tcp", "tcp6") and rest.partition(":")[0] in ("0", "port=0")


async def _stop(ports: Iterable[OpenPort]) -> None:
    for one in ports:
        closing = one.port.stopListening()
        if closing is not None:  # else it is closed already
            await closing


def _why(error: Exception) -> str:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return str(getattr(cause, "strerror", None) or cause)
