"""TLS as clients see it: which certificate they are shown, and what is asked of them."""

from __future__ import annotations

import ssl

from OpenSSL import SSL
from structlog.typing import FilteringBoundLogger

from proxy.config.tls import ClientCertificates, ClientTls
from proxy.net import certificates, tls_native, tls_tickets, tls_twisted
from proxy.net.certificates import TlsUnusableError
from proxy.net.files import Watched
from proxy.net.tls import Stream
from proxy.observe.log import get_logger

_MODES = {
    ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
    ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
}


class ClientTlsStreams:
    """Makes the streams of clients.

    Certificates that are renewed on disk are used for the next clients; those who are there
    keep theirs.  Files that cannot be used leave the old ones in their place.

    A client that comes back resumes its session by a ticket, which nobody but us can read.
    Processes that share a ticket key, and have the same settings and files, take each other's.
    """

    def __init__(
        self,
        settings: ClientTls,
        log: FilteringBoundLogger | None = None,
        ticket_key: bytes | None = None,
    ) -> None:
        """Read the files.

        Args:
            settings: Which files, and what is asked of clients.
            log: Says which proxy's they are.
            ticket_key: At least `tls_tickets.SECRET_BYTES` bytes by chance; None makes tickets
                that nobody else takes.

        Raises:
            TlsUnusableError: something in the files cannot be used.
        """
        self._settings = settings
        self._log = log or get_logger()
        self._ticket_key = ticket_key
        paths = [settings.client_ca]
        for one in settings.certificates:
            paths += [one.certificate, one.private_key, one.private_key_password_file]
        self._files = Watched(paths)
        self._contexts = self._load()
        self._for_twisted: SSL.Context | None = None
        if ticket_key is not None and not tls_native.is_there():
            self._log.warning("a session is resumed only by the process that began it")

    def __repr__(self) -> str:
        """How many certificates there are."""
        return f"<ClientTlsStreams with {len(self._settings.certificates)} certificates>"

    def stream(self) -> Stream:
        """The stream of one client, which begins to speak."""
        # OpenSSL may ask the first context for a name again after another one was chosen.
        return Stream(self._contexts[0], serving=True, keeps=self._contexts)

    def connection(self) -> SSL.Connection:
        """The same for Twisted's own TLS; shows the first certificate.

        Raises:
            TlsUnusableError: its files have become unusable before anybody asked.
        """
        if self._for_twisted is None:
            self._for_twisted = tls_twisted.make_context(self._settings)
        connection = SSL.Connection(self._for_twisted, None)
        connection.set_accept_state()
        return connection

    def renew_ticket_key(self, ticket_key: bytes) -> None:
        """Use another key for the tickets of the next clients.

        Tickets by the key before are taken no more: who brings one makes a whole handshake,
        once, and gets a new one.  Files that cannot be used just now leave everything as it is.

        Raises:
            TlsUnusableError: something in the files cannot be used.
        """
        before, self._ticket_key = self._ticket_key, ticket_key
        try:
            self._contexts = self._load()
        except TlsUnusableError:
            self._ticket_key = before
            raise

    def look(self) -> None:
        """Take up files that have changed; called now and then."""
        if not self._files.changed():
            return
        try:
            self._contexts = self._load()
        except TlsUnusableError as error:
            self._log.error(
                "renewed certificates cannot be used, the old ones stay", why=str(error)
            )
        else:
            self._for_twisted = None
            self._log.info("renewed certificates are in use")

    def _load(self) -> list[ssl.SSLContext]:
        """A context for each certificate; the first finds the others by name (SNI)."""
        settings, contexts = self._settings, []
        by_name: dict[str, ssl.SSLContext] = {}
        for one in settings.certificates:
            context = self._make_context()
            certificates.use_certificate(
                context, one.certificate, one.private_key, one.private_key_password_file
            )
            contexts.append(context)
            for name in certificates.names_of(certificates.load_certificate(one.certificate)):
                by_name.setdefault(name, context)
            trouble = certificates.trouble_now(one.certificate)
            if trouble:
                self._log.warning("a certificate " + trouble, file=one.certificate)
            certificates.warn_of_secrets(
                self._log, one.private_key, one.private_key_password_file
            )

        def choose(connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
            name = (asked or "").lower()
            context = by_name.get(name) or by_name.get("*." + name.partition(".")[2])
            if context is not None:
                connection.context = context

        if len(contexts) > 1:
            contexts[0].sni_callback = choose
        return contexts

    def _make_context(self) -> ssl.SSLContext:
        """A context that asks what is to be asked, and does not show anything yet."""
        settings = self._settings
        context, native = certificates.make_contexts(settings, serving=True)
        # One for each connection, which a resumed one gets anyhow: OpenSSL's two cost more.
        context.num_tickets = 1
        if settings.client_certificates is not ClientCertificates.NONE:
            certificates.trust(context, settings.client_ca)
            context.verify_mode = _MODES[settings.client_certificates]
            if native is not None and settings.client_ca is not None:
                native.name_authorities(settings.client_ca)
        if self._ticket_key is not None:
            key = tls_tickets.key_for(self._ticket_key, settings)
            if native is not None:
                native.set_ticket_key(key)
        return context
