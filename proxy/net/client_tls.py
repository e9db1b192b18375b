"""TLS as clients see it: which certificate they are shown, and what is asked of them."""

from __future__ import annotations

from OpenSSL import SSL
from structlog.typing import FilteringBoundLogger

from proxy.config.tls import ClientCertificates, ClientTls
from proxy.net import certificates
from proxy.net.certificates import TlsUnusableError
from proxy.net.files import Watched
from proxy.net.tls import Stream
from proxy.observe.log import get_logger

_MODES = {
    ClientCertificates.OPTIONAL: SSL.VERIFY_PEER,
    ClientCertificates.REQUIRED: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}

_SESSIONS = b"mysqlproxy"
"""Names what sessions belong to: OpenSSL resumes none without it where it asks for
certificates."""


class ClientTlsStreams:
    """Makes the streams of clients.

    Certificates that are renewed on disk are used for the next clients; those who are there
    keep theirs.  Files that cannot be used leave the old ones in their place.
    """

    def __init__(self, settings: ClientTls, log: FilteringBoundLogger | None = None) -> None:
        """Read the files; the log says which proxy's they are."""
        self._settings = settings
        self._log = log or get_logger()
        paths = [settings.client_ca]
        for one in settings.certificates:
            paths += [one.certificate, one.private_key, one.private_key_password_file]
        self._files = Watched(paths)
        self._contexts = self._load()

    def __repr__(self) -> str:
        """How many certificates there are."""
        return f"<ClientTlsStreams with {len(self._settings.certificates)} certificates>"

    def stream(self) -> Stream:
        """The stream of one client, which begins to speak."""
        # OpenSSL may ask the first context for a name again after another one was chosen.
        return Stream(self.connection(), self._contexts)

    def connection(self) -> SSL.Connection:
        """The same for who brings its own way to feed it, such as Twisted."""
        connection = SSL.Connection(self._contexts[0], None)
        connection.set_accept_state()
        return connection

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
            self._log.info("renewed certificates are in use")

    def _load(self) -> list[SSL.Context]:
        """A context for each certificate; the first finds the others by name (SNI)."""
        settings, contexts = self._settings, []
        by_name: dict[str, SSL.Context] = {}
        for one in settings.certificates:
            context = certificates.make_context(settings)
            context.set_session_id(_SESSIONS)
            certificates.use_certificate(
                context, one.certificate, one.private_key, one.private_key_password_file
            )
            if settings.client_certificates is not ClientCertificates.NONE:
                certificates.trust(context, settings.client_ca)
                context.load_client_ca((settings.client_ca or "").encode())
                certificates.verify(context, _MODES[settings.client_certificates])
            contexts.append(context)
            for name in certificates.names_of(certificates.load_certificate(one.certificate)):
                by_name.setdefault(name, context)
            trouble = certificates.trouble_now(one.certificate)
            if trouble:
                self._log.warning("a certificate " + trouble, file=one.certificate)
            certificates.warn_of_secrets(
                self._log, one.private_key, one.private_key_password_file
            )

        def choose(connection: SSL.Connection) -> None:
            name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
            context = by_name.get(name) or by_name.get("*." + name.partition(".")[2])
            if context is not None:
                connection.set_context(context)

        if len(contexts) > 1:
            contexts[0].set_tlsext_servername_callback(choose)
        return contexts
