"""TLS as we ask targets for it: whom we trust, and what we check."""

from __future__ import annotations

import ipaddress
import ssl

from cryptography import x509
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from structlog.typing import FilteringBoundLogger

from proxy.config.tls import BackendTls, TlsMode
from proxy.net import certificates
from proxy.net.certificates import TlsUnusableError
from proxy.net.files import Watched
from proxy.net.tls import Stream, TlsFailedError
from proxy.observe.log import get_logger

_CHECKED = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)


class BackendStream(Stream):
    """The stream of one connection to a target; checks its certificate."""

    def __init__(
        self,
        context: ssl.SSLContext,
        name: str,
        mode: TlsMode,
        session: ssl.SSLSession | None = None,
        *,
        has_own_authorities: bool = False,
    ) -> None:
        try:
            super().__init__(context, serving=False, name=_asked_for(name), session=session)
        except ValueError:  # what can be no name is not asked for
            super().__init__(context, serving=False, session=session)
        self._name = name
        self._mode = mode
        self._has_own_authorities = has_own_authorities

    @property
    def is_verified(self) -> bool:
        """Whether it is the target who is there: only then it may get a password in clear.

        The authorities of the system sign for everybody, so that their word is worth something
        for a name only.
        """
        if self._mode is TlsMode.VERIFY_CA:
            return self._has_own_authorities
        return self._mode is TlsMode.VERIFY_IDENTITY

    def shake_hands(self) -> None:
        """See `Stream`."""
        super().shake_hands()
        if self.established and self._mode is TlsMode.VERIFY_IDENTITY:
            self._check_name()

    def _check_name(self) -> None:
        """Compare the names in the certificate (RFC 6125, by service-identity)."""
        shown = self._connection.getpeercert(binary_form=True) or b""
        try:
            certificate = x509.load_der_x509_certificate(shown)
            if _is_address(self._name):
                verify_certificate_ip_address(certificate, self._name)
            else:
                verify_certificate_hostname(certificate, self._name)
        except (VerificationError, CertificateError, ValueError):  # the last: no name at all
            self.established = False
            raise TlsFailedError(
                f"the certificate is not made for the name {self._name!r}"
            ) from None


class BackendTlsStreams:
    """Makes the streams of connections to one target.

    A session is remembered, so that the next connection need not begin with all of the
    handshake.
    """

    def __init__(
        self, settings: BackendTls, name: str, log: FilteringBoundLogger | None = None
    ) -> None:
        """Read the files.

        Args:
            settings: Whom we trust, and what we show.
            name: That the target's certificate is made for.
            log: Says which proxy this is for.
        """
        self._settings = settings
        self._name = name.rstrip(".")  # neither SNI (RFC 6066) nor certificates have the root
        self._log = log or get_logger()
        self._session: ssl.SSLSession | None = None
        self._files = Watched(
            (
                settings.ca,
                settings.certificate,
                settings.private_key,
                settings.private_key_password_file,
            )
        )
        self._context = self._load()

    def __repr__(self) -> str:
        """For whom, and how strict."""
        return f"<BackendTlsStreams for {self._name!r} {self._settings.mode.value}>"

    @property
    def mode(self) -> TlsMode:
        """How strict."""
        return self._settings.mode

    def stream(self) -> BackendStream:
        """The stream of one connection; its handshake begins with what it has to send."""
        stream = BackendStream(
            self._context,
            self._name,
            self._settings.mode,
            self._session,
            has_own_authorities=self._settings.ca is not None,
        )
        stream.shake_hands()
        return stream

    def remember(self, stream: Stream) -> None:
        """Resume this session the next time, unless it was begun before files changed."""
        if stream.context is self._context:
            self._session = stream.session

    def look(self) -> None:
        """Take up files that have changed; called now and then."""
        if not self._files.changed():
            return
        try:
            self._context = self._load()
        except TlsUnusableError as error:
            self._log.error(
                "renewed certificates cannot be used, the old ones stay", why=str(error)
            )
        else:
            self._session = None  # who is trusted may have changed
            self._log.info("renewed certificates are in use", target=self._name)

    def _load(self) -> ssl.SSLContext:
        settings = self._settings
        context = certificates.make_context(settings, serving=False)
        if settings.certificate is not None and settings.private_key is not None:
            certificates.use_certificate(
                context,
                settings.certificate,
                settings.private_key,
                settings.private_key_password_file,
            )
            trouble = certificates.trouble_now(settings.certificate)
            if trouble:
                self._log.warning("a certificate " + trouble, file=settings.certificate)
            certificates.warn_of_secrets(
                self._log, settings.private_key, settings.private_key_password_file
            )
        if settings.mode in _CHECKED:
            certificates.trust(context, settings.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _asked_for(name: str) -> str | None:
    """The name that a target is asked for: addresses are none (RFC 6066)."""
    return None if _is_address(name) else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
