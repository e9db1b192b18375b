"""What OpenSSL can do with a context and Python's `ssl` has no words for.

The library is the one that `ssl` itself is linked with.  A context's address in it is told by
OpenSSL: it calls whoever has registered extra data, with each context that it makes (manual
page CRYPTO_get_ex_new_index).  Where `ssl` is linked so that its library cannot be reached,
there is no `Native`, and everybody has to do without.
"""

from __future__ import annotations

import ctypes
import functools
import ssl
import threading
from typing import Any, Final

TICKET_KEY_BYTES: Final = 80
"""A name of 16 bytes, and keys of 32 for HMAC and for AES (OpenSSL 1.1.1 and later)."""

_CONTEXTS: Final = 1
"""CRYPTO_EX_INDEX_SSL_CTX (crypto.h)."""

_SET_SESSION_CACHE_MODE: Final = 44
"""SSL_CTRL_SET_SESS_CACHE_MODE (ssl.h)."""

_SESSION_CACHE_OFF: Final = 0
"""SSL_SESS_CACHE_OFF (ssl.h)."""

_SET_TICKET_KEYS: Final = 59
"""SSL_CTRL_SET_TLSEXT_TICKET_KEYS (ssl.h)."""

_Told = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    *(ctypes.c_int, ctypes.c_long, ctypes.c_void_p),
)
"""CRYPTO_EX_new: the new object stands first."""


class Native:
    """A context in OpenSSL's own hands."""

    def __init__(self, library: ctypes.CDLL, context: ssl.SSLContext, address: int) -> None:
        self._library = library
        self._context = context  # without it there would be nothing at the address
        self._address = address

    def keep_no_sessions(self) -> None:
        """Who resumes brings a ticket: OpenSSL would keep 20480 sessions, some 8 KiB each."""
        self._library.SSL_CTX_ctrl(
            self._address, _SET_SESSION_CACHE_MODE, _SESSION_CACHE_OFF, None
        )

    def set_ciphersuites(self, suites: str) -> bool:
        """Choose the cipher suites of TLS 1.3; False where there are none such."""
        return bool(self._library.SSL_CTX_set_ciphersuites(self._address, suites.encode()))

    def name_authorities(self, path: str) -> bool:
        """Tell clients whose certificates are taken: those in this file."""
        names = self._library.SSL_load_client_CA_file(path.encode())
        if names:  # which belongs to the context from here on
            self._library.SSL_CTX_set_client_CA_list(self._address, names)
        return bool(names)

    def set_ticket_key(self, key: bytes) -> bool:
        """Protect tickets by this key, instead of one by chance.

        Args:
            key: `TICKET_KEY_BYTES` of them.
        """
        assert len(key) == TICKET_KEY_BYTES
        held = ctypes.create_string_buffer(key, TICKET_KEY_BYTES)
        done = self._library.SSL_CTX_ctrl(
            self._address, _SET_TICKET_KEYS, TICKET_KEY_BYTES, held
        )
        ctypes.memset(held, 0, TICKET_KEY_BYTES)
        return bool(done == 1)


def is_there() -> bool:
    """Whether contexts have a `Native`."""
    return _library() is not None


def make(protocol: int) -> tuple[ssl.SSLContext, Native | None]:
    """A context of one of `ssl`'s protocols, and the same in OpenSSL's hands."""
    library = _library()
    if library is None:
        return ssl.SSLContext(protocol), None
    _made.addresses = []
    try:
        context = ssl.SSLContext(protocol)
        addresses = _made.addresses
    finally:
        del _made.addresses
    return context, Native(library, context, addresses[0]) if len(addresses) == 1 else None


_made: Final = threading.local()
"""The addresses of contexts that this thread makes, while it wants to know."""


def _note(address: int, *_: object) -> None:
    addresses = getattr(_made, "addresses", None)
    if addresses is not None:
        addresses.append(address)


_told: Final = _Told(_note)
"""OpenSSL calls it as long as the process lives."""


@functools.cache
def _library() -> ctypes.CDLL | None:
    """OpenSSL as `ssl` has it, once it tells of new contexts; None where it cannot be had."""
    try:
        # What a library needs is searched too: this is where OpenSSL is found, whichever it is.
        module = ssl._ssl  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
        library = ctypes.CDLL(getattr(module, "__file__", None))
        pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        _declare(
            library.CRYPTO_get_ex_new_index,
            number,
            *(number, ctypes.c_long, pointer, _Told, pointer, pointer),
        )
        _declare(library.SSL_CTX_ctrl, ctypes.c_long, pointer, number, ctypes.c_long, pointer)
        _declare(library.SSL_CTX_set_ciphersuites, number, pointer, text)
        _declare(library.SSL_load_client_CA_file, pointer, text)
        _declare(library.SSL_CTX_set_client_CA_list, None, pointer, pointer)
        registered = library.CRYPTO_get_ex_new_index(_CONTEXTS, 0, None, _told, None, None)
    except (AttributeError, OSError):
        return None
    return library if registered >= 0 else None


def _declare(function: Any, result: Any, *arguments: Any) -> None:
    function.restype, function.argtypes = result, arguments
