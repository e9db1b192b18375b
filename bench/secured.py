"""A client's TLS that costs little: pyOpenSSL straight on the descriptor of a socket.

In memory a whole handshake whose session is kept costs the client 290 microseconds, and a
resumed one 215, where Python's `ssl` with OpenSSL 3.0 takes 520 and 470.  That copies sessions
with their certificates whenever one is kept or given, for some 130 microseconds each time, and
cryptography brings a newer OpenSSL.
"""

from __future__ import annotations

import errno
import functools
import socket
from typing import Final

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_GROUPS: Final = b"X25519:P-256:X448:P-521:P-384"
"""What OpenSSL up to 3.4 offers, and clients of MySQL with it; later ones begin with
X25519MLKEM768, which servers with an older library do not know."""

_UNEXPECTED_END: Final = -1
"""What pyOpenSSL has in the place of a number of an error where there is none."""

_CLOSED: Final = SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN


@functools.cache
def _context() -> SSL.Context:
    """TLS as MySQL's own clients speak it by default: nobody's certificate is checked."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    # Whoever serves MySQL ends in silence, as its clients do.
    context.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)
    chosen = Binding.lib.SSL_CTX_set1_curves_list(context._context, _GROUPS)  # noqa: SLF001 - pyOpenSSL can choose a single one only
    assert chosen == 1
    return context


class Secured:
    """TLS on a connected socket.

    Where the socket does not block, or the kernel has a limit of time for it, `BlockingIOError`
    says that nothing has come.  All other trouble is an `OSError` too.
    """

    __slots__ = ("_connection",)

    def __init__(self, plain: socket.socket, session: SSL.Session | None = None) -> None:
        """Begin, with a session that is to be resumed.

        Args:
            plain: stays the caller's, who closes it; with a timeout of Python's it would not
                block.
            session: of an earlier connection; None makes a whole handshake.
        """
        self._connection = SSL.Connection(_context(), plain)
        self._connection.set_connect_state()
        if session is not None:
            self._connection.set_session(session)

    def shake_hands(self) -> None:
        """Go on with the handshake, until it is done.

        Raises:
            BlockingIOError: it goes on when more has come.
            OSError: it failed.
        """
        try:
            self._connection.do_handshake()
        except SSL.Error as error:
            raise _as_os_error(error) from None

    def recv(self, size: int, /) -> bytes:
        """What has come, at most so many bytes; nothing at the end.

        Raises:
            BlockingIOError: nothing has.
            OSError: the connection failed.
        """
        try:
            return self._connection.recv(size)
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise _as_os_error(error) from None

    def send(self, data: bytes, /) -> int:
        """Send something small; how much of it was.

        Raises:
            OSError: the connection failed.
        """
        try:
            return self._connection.send(data)
        except SSL.Error as error:
            raise _as_os_error(error) from None

    @property
    def resumed(self) -> bool:
        """Whether the session that was given has been resumed."""
        return bool(Binding.lib.SSL_session_reused(self._connection._ssl))  # noqa: SLF001 - pyOpenSSL does not tell

    def leave(self) -> SSL.Session | None:
        """The session for the next time; nothing is said to the other side.

        MySQL's own clients end in silence, too.  OpenSSL forgets sessions of connections that
        were freed before they had ended.
        """
        session = self._connection.get_session()
        self._connection.set_shutdown(_CLOSED)
        return session


def _as_os_error(error: SSL.Error) -> OSError:
    if isinstance(error, SSL.WantReadError | SSL.WantWriteError):
        return BlockingIOError(errno.EAGAIN, "nothing has come in time")
    if isinstance(error, SSL.SysCallError) and error.args[0] != _UNEXPECTED_END:
        return OSError(*error.args)
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else ()
    said = "; ".join(reason[-1] for reason in reasons)
    return ConnectionError(f"TLS failed: {said or 'the connection was closed'}")
