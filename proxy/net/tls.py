"""TLS over a transport that knows nothing of it: bytes in, bytes out (OpenSSL's memory BIOs).

Twisted's own TLS would wrap the protocol and take the shell's short ways to the socket with it;
so each shell keeps its plain transport and passes what it reads and writes through a `Stream`.
It also makes no difference then where in a segment the handshake begins.
"""

from __future__ import annotations

from typing import Final

from OpenSSL import SSL

_CHUNK: Final = 1 << 14
"""Bytes that OpenSSL gets at once: the text of a record has no more (RFC 8446, 5.1).  A memory
BIO keeps the memory of the most that was ever in it, as long as the connection lives."""

_HEADER: Final = 5
"""Content type, version, and the length of what follows (RFC 8446, section 5.1)."""

_RECORD: Final = _HEADER + _CHUNK + 2048
"""Bytes of the longest record (RFC 5246, section 6.2.3)."""

_NO_TLS: Final = ("wrong version number", "data length too long", "packet length too long")
"""How OpenSSL calls bytes that are no record at all."""


class TlsFailedError(Exception):
    """The handshake or a record was wrong; the text says why."""


class Stream:
    """One side of a TLS connection.

    Attributes:
        established: The handshake is over, and the peer's certificate is checked as demanded.
        ended: The peer said that it sends no more.
        refusal: Why the peer's certificate is not taken, where that is what went wrong.

    Args:
        connection: OpenSSL's, without a socket.
        keeps: What has to live as long as it does.
    """

    def __init__(self, connection: SSL.Connection, keeps: object = None) -> None:
        self._connection = connection
        self._keeps = keeps
        connection.set_app_data(self)
        self.refusal = ""
        self._skip = 0  # bytes that are missing of the last record
        self._cut = b""  # the header of a record that came in part
        self.established = False
        self.ended = False

    def __repr__(self) -> str:
        """How far it is, and what was agreed on."""
        if not self.established:
            return "<Stream in its handshake>"
        return f"<Stream {self.version} {self._connection.get_cipher_name()}>"

    @property
    def version(self) -> str:
        """Such as TLSv1.3."""
        return str(self._connection.get_protocol_version_name())

    @property
    def context(self) -> SSL.Context:
        """What it was made of."""
        return self._connection.get_context()

    @property
    def session(self) -> SSL.Session | None:
        """What a later connection to the same peer can resume."""
        return self._connection.get_session()

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the peer's; gives the text in them.

        There may be something to send afterwards, even when this fails: an alert.

        Raises:
            TlsFailedError: they are not what should come now.
        """
        if len(data) > _CHUNK:
            return b"".join([self.receive(chunk) for chunk in _chunks(data)])
        connection = self._connection
        whole = self._is_one_record(data)
        connection.bio_write(data)
        if not self.established:
            self.shake_hands()
            if not self.established:
                return b""
        pieces = []
        try:
            while True:
                pieces.append(connection.recv(_CHUNK))
                if whole:  # it has been read now, and asking on would cost as much again
                    return pieces[0]
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        except SSL.Error as error:
            raise TlsFailedError(_said(error)) from None
        return b"".join(pieces)

    def _is_one_record(self, data: bytes) -> bool:
        """Whether the bytes are exactly one record, the last one having been whole too."""
        start, size = self._skip - len(self._cut), len(data)
        if not start and size > _HEADER and data[3] << 8 | data[4] == size - _HEADER:
            return True
        if self._cut:
            data, self._cut = self._cut + data, b""
            start, size = 0, len(data)
        while start + _HEADER <= size:
            start += _HEADER + (data[start + 3] << 8 | data[start + 4])
        if start < size:
            self._cut = data[start:]
        self._skip = max(start - size, 0)
        return False

    def shake_hands(self) -> None:
        """Go on with the handshake, as far as the bytes that came allow.

        Raises:
            TlsFailedError: it failed.
        """
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            raise TlsFailedError("the peer ended the handshake") from None
        except SSL.Error as error:
            raise TlsFailedError(self.refusal or _said(error)) from None
        self._connection.set_app_data(None)  # what refers to itself lives on for a while
        self.established = True

    def encrypt(self, data: bytes) -> bytes:
        """What to send for this text.

        Raises:
            TlsFailedError: there can be none, as the peer broke the connection.
        """
        if len(data) > _CHUNK:
            return b"".join([self.encrypt(chunk) for chunk in _chunks(data)])
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            raise TlsFailedError(_said(error)) from None
        return self.bytes_to_send()

    def bytes_to_send(self) -> bytes:
        """What OpenSSL has to say."""
        pieces = []
        try:
            while True:
                piece = self._connection.bio_read(_RECORD)
                pieces.append(piece)
                if len(piece) < _RECORD:
                    break
        except SSL.WantReadError:
            pass
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> bytes:
        """What tells the peer that nothing more comes."""
        if not self.established:
            return b""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return b""
        return self.bytes_to_send()


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]


def _said(error: SSL.Error) -> str:
    """OpenSSL's reason: the deepest one in the part that knows TLS."""
    errors = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(reason) for library, _, reason in errors if library == "SSL routines"]
    if not reasons:
        return "the TLS connection is broken"
    if reasons[0] in _NO_TLS:
        return f"what came is no TLS ({reasons[0]})"
    return reasons[0]
