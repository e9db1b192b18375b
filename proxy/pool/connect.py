"""Connecting to a target: TCP or unix socket, TLS, login, all within one deadline."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from proxy.config.address import TcpAddress, UnixAddress
from proxy.config.tls import TlsMode
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.net.backend_tls import BackendTlsStreams

T = TypeVar("T")

NEXT_ADDRESS_SECONDS = 0.1
"""After how long the next address of a name is tried beside the one before, and how long a
refusal of the last one takes to be seen."""


class _OneBackend(Factory):
    """Gives out one protocol."""

    noisy = False

    def __init__(self, backend: BackendProtocol) -> None:
        self._backend = backend

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: ARG002 - the only one
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        return self._backend


class Connector:
    """Logs in to one target.

    Attributes:
        place: Where it is.
        tls: Makes the TLS streams; None where there shall be none.
    """

    def __init__(
        self,
        reactor: Any,
        place: TcpAddress | UnixAddress,
        timeout_seconds: float,
        tls: BackendTlsStreams | None = None,
        *,
        announces: bool = False,
    ) -> None:
        self._reactor = reactor
        self.place = place
        self.reconfigure(timeout_seconds, tls, announces=announces)

    def reconfigure(
        self, timeout_seconds: float, tls: BackendTlsStreams | None, *, announces: bool
    ) -> None:
        """Connect in this way from now on."""
        self.timeout_seconds = timeout_seconds
        unneeded = isinstance(self.place, UnixAddress) and tls and tls.mode is TlsMode.PREFERRED
        self.tls = None if unneeded else tls
        self._announces = announces

    def connect(self, account: Account) -> Deferred[BackendProtocol]:
        """Connect and log in.

        Fails with `BackendLostError` or its kind `BackendRefusedError`.
        """
        return self.limit(Deferred.fromCoroutine(self.log_in(account)))

    def limit(self, asked: Deferred[T]) -> Deferred[T]:
        """Let something of ours take no longer than a login may; it is lost otherwise."""
        return asked.addTimeout(self.timeout_seconds, self._reactor, self._timed_out)

    def _timed_out(self, _: object, timeout: float) -> Any:
        raise BackendLostError(f"no answer from {self.place} within {timeout:g} s")

    async def log_in(self, account: Account) -> BackendProtocol:
        """The same without a deadline, for a caller that has its own."""
        backend = BackendProtocol(
            account,
            secure=isinstance(self.place, UnixAddress),
            tls=self.tls,
            announces=self._announces,
        )
        try:
            await self._endpoint().connect(_OneBackend(backend))
        except (ConnectError, OSError) as error:
            raise BackendLostError(f"cannot connect to {self.place}: {error}") from error
        # What comes in has no need to pass the endpoint's wrapper any more.
        cast("Any", backend.transport).protocol = backend
        await backend.logged_in
        return backend

    def _endpoint(self) -> Any:
        if isinstance(self.place, UnixAddress):
            return cast("Any", UNIXClientEndpoint)(
                self._reactor, self.place.path, self.timeout_seconds
            )
        host, port, seconds = self.place.host, self.place.port, self.timeout_seconds
        if self.place.is_name:
            return HostnameEndpoint(
                self._reactor, host, port, seconds, attemptDelay=NEXT_ADDRESS_SECONDS
            )
        endpoint = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        return cast("Any", endpoint)(self._reactor, host, port, seconds)
