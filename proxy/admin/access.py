"""What opens the admin API over TCP: tokens and certificates, renewed when their files are."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from structlog.typing import FilteringBoundLogger
from twisted.internet.interfaces import IAddress, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from proxy.admin.tokens import Tokens
from proxy.config.admin import AdminConfig
from proxy.config.tls import Certificate, ClientCertificates, ClientTls
from proxy.net.client_tls import ClientTlsStreams


class Access:
    """The tokens of a configuration, and its certificates.

    Attributes:
        config: The configuration.
        tokens: See `proxy.admin.tokens`.
        tls: Makes connections with TLS; None without.
    """

    def __init__(self, config: AdminConfig, log: FilteringBoundLogger) -> None:
        """Read the files.

        Raises:
            TokenUnreadableError: a token cannot be had.
            TlsUnusableError: a certificate, a key or an authority cannot.
        """
        self.config = config
        self.tokens = Tokens(config.tokens, log)
        settings = _settings(config)
        self.tls = ClientTlsStreams(settings, log) if settings is not None else None

    def __repr__(self) -> str:
        """What there is."""
        return f"<Access by {self.tokens!r} and {self.tls!r}>"

    def look(self) -> None:
        """Take up files that have changed."""
        self.tokens.look()
        if self.tls is not None:
            self.tls.look()


def _settings(config: AdminConfig) -> ClientTls | None:
    tls = config.tls
    if tls.certificate is None or tls.private_key is None:
        return None
    # Asked for, not demanded: a balancer that asks for /health has none, and the gate looks.
    asks = ClientCertificates.NONE if tls.client_ca is None else ClientCertificates.OPTIONAL
    return ClientTls(
        certificates=(Certificate(certificate=tls.certificate, private_key=tls.private_key),),
        client_certificates=asks,
        client_ca=tls.client_ca,
    )


@implementer(IOpenSSLServerConnectionCreator)
class _Creator:
    """Gives each connection the certificate of that moment."""

    def __init__(self, holder: Any) -> None:
        self._holder = holder

    def serverConnectionForTLS(self, _protocol: Any) -> SSL.Connection:
        """See `twisted.internet.interfaces.IOpenSSLServerConnectionCreator`."""
        tls: ClientTlsStreams = self._holder.access.tls
        return tls.connection()


class Entrance(Factory):
    """Lets connections in, with TLS where that is in force when they come.

    Args:
        holder: Has the `access` in force.
        factory: Makes what speaks inside.
        reactor: Brings small writes together.
    """

    noisy = False

    def __init__(self, holder: Any, factory: Any, reactor: Any) -> None:
        creator: Any = _Creator(holder)
        self._holder = holder
        self._plain = factory
        self._secure = TLSMemoryBIOFactory(creator, False, factory, reactor)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        factory = self._plain if self._holder.access.tls is None else self._secure
        return factory.buildProtocol(addr)
