"""TLS over a transport that knows nothing of it: bytes in, bytes out (OpenSSL's memory BIOs).

Twisted's own TLS would wrap the protocol and take the shell's short ways to the socket with it;
so each shell keeps its plain transport and passes what it reads and writes through a `Stream`.
It also makes no difference then where in a segment the handshake begins.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Final

_CHUNK: Final = 1 << 14
"""Bytes that OpenSSL gets at once: the text of a record has no more (RFC 8446, 5.1).  A memory
BIO keeps the memory of the most that was ever in it, as long as the connection lives."""

_NO_TLS: Final = ("wrong version number", "data length too long", "packet length too long")
"""How OpenSSL calls bytes that are no record at all."""

_PROBLEMS: Final = {
    2: "the certificate of its issuer is not there",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is signed by itself",
    19: "the certificate is signed by an authority that is not trusted",
    20: "the certificate is signed by an authority that is not trusted",
    21: "the certificate is signed by an authority that is not trusted",
    23: "the certificate was revoked",
    26: "the certificate is made for another purpose",
}
"""Errors of verification (OpenSSL, x509_vfy.h), for those who run the servers."""


class TlsFailedError(Exception):
    """The handshake or a record was wrong; the text says why."""


class Stream:
    """One side of a TLS connection.

    Attributes:
        established: The handshake is over, and the peer's certificate is checked as demanded.
        ended: The peer said that it sends no more.
        waits: What there is to send behind the handshake may go out with the first text: the
            peer needs it for its next connection only.

    Args:
        context: What it is made of.
        serving: Whether the peer begins.
        name: The name that the peer is asked for.
        session: Of an earlier connection with this context, to be resumed.
        keeps: What has to live as long as it does.

    Raises:
        ValueError: The peer cannot be asked for such a name.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        serving: bool,
        name: str | None = None,
        session: ssl.SSLSession | None = None,
        keeps: object = None,
    ) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = context.wrap_bio(incoming, outgoing, serving, name, session)
        self._connection = connection
        self._keeps = keeps
        self._serving = serving
        self._incoming, self._to_send = incoming, outgoing.read
        self._read, self._write = connection.read, connection.write
        self._pending = connection.pending
        self.established = False
        self.ended = False
        self.waits = False

    def __repr__(self) -> str:
        """How far it is, and what was agreed on."""
        if not self.established:
            return "<Stream in its handshake>"
        cipher = self._connection.cipher()
        return f"<Stream {self.version} {cipher[0] if cipher else ''}>"

    @property
    def version(self) -> str:
        """Such as TLSv1.3."""
        return self._connection.version() or ""

    @property
    def context(self) -> ssl.SSLContext:
        """What it was made of, or changed to for the name that the peer asked for."""
        return self._connection.context

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection to the same peer can resume."""
        return self._connection.session

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the peer's; gives the text in them.

        There may be something to send afterwards, even when this fails: an alert.

        Raises:
            TlsFailedError: they are not what should come now.
        """
        size = len(data)
        if size > _CHUNK:
            return b"".join([self.receive(chunk) for chunk in _chunks(data)])
        self._incoming.write(data)
        if not self.established:
            self.shake_hands()
            if not self.established:
                return b""
        pieces = []
        try:
            # To ask for what is not there would raise an error, which costs more than to look.
            while not self.ended and (self._incoming.pending or self._pending()):
                # A record has less text than bytes, and a buffer costs what it is made for.
                piece = self._read(size)
                if piece:
                    pieces.append(piece)
                else:
                    self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except OSError as error:
            raise TlsFailedError(_said(error)) from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def shake_hands(self) -> None:
        """Go on with the handshake, as far as the bytes that came allow.

        Raises:
            TlsFailedError: it failed.
        """
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            raise TlsFailedError("the peer ended the handshake") from None
        except OSError as error:
            raise TlsFailedError(_said(error)) from None
        self.established = True
        # Tickets only: in TLS 1.3 it is the client who ends the handshake.
        self.waits = self._serving and self.version == "TLSv1.3"

    def encrypt(self, data: bytes) -> bytes:
        """What to send for this text.

        Raises:
            TlsFailedError: there can be none, as the peer broke the connection.
        """
        if len(data) > _CHUNK:
            return b"".join([self.encrypt(chunk) for chunk in _chunks(data)])
        try:
            while data:
                data = data[self._write(data) :]
        except OSError as error:
            raise TlsFailedError(_said(error)) from None
        return self._to_send()

    def bytes_to_send(self) -> bytes:
        """What OpenSSL has to say."""
        return self._to_send()

    def end(self) -> bytes:
        """What tells the peer that nothing more comes."""
        if not self.established:
            return b""
        with contextlib.suppress(OSError):  # the peer has not ended yet, or all is over anyway
            self._connection.unwrap()
        return self._to_send()


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]


def _said(error: OSError) -> str:
    """OpenSSL's reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        return _PROBLEMS.get(code, f"the certificate is not taken: OpenSSL says {code}")
    reason = getattr(error, "reason", None)
    if reason is None:
        return "the TLS connection is broken"
    said = str(reason).replace("_", " ").lower()
    return f"what came is no TLS ({said})" if said in _NO_TLS else said
