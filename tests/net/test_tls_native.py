"""Tests of `proxy.net.tls_native`."""

import ctypes
import ssl
import threading

import pytest

from proxy.net import tls_native
from proxy.net.tls_native import TICKET_KEY_BYTES

KEY = bytes(range(TICKET_KEY_BYTES))
GET_TICKET_KEYS = 58
"""SSL_CTRL_GET_TLSEXT_TICKET_KEYS (ssl.h)."""

both_sides = pytest.mark.parametrize(
    "protocol", [ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT]
)


def keys_of(native):
    """Ask OpenSSL for the key of a context's tickets."""
    held = ctypes.create_string_buffer(TICKET_KEY_BYTES)
    assert native._library.SSL_CTX_ctrl(
        native._address, GET_TICKET_KEYS, TICKET_KEY_BYTES, held
    )
    return held.raw


@both_sides
def test_a_context_is_found_below_pythons(protocol):
    """What is done to the one holds for the other."""
    context, native = tls_native.make(protocol)
    assert tls_native.is_there()
    assert native.set_ciphersuites("TLS_AES_256_GCM_SHA384")
    suites = [one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.3"]
    assert suites == ["TLS_AES_256_GCM_SHA384"]


def test_unknown_suites_are_refused():
    """Those that were in force stay."""
    context, native = tls_native.make(ssl.PROTOCOL_TLS_SERVER)
    before = context.get_ciphers()
    assert not native.set_ciphersuites("nonsense")
    assert context.get_ciphers() == before


def test_a_ticket_key_is_taken():
    """As it is, and by this context only."""
    native, other = (tls_native.make(ssl.PROTOCOL_TLS_SERVER)[1] for _ in range(2))
    assert native.set_ticket_key(KEY)
    assert keys_of(native) == KEY != keys_of(other)


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_file_without_authorities_names_none(tmp_path, content):
    """Clients are told nothing then."""
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    _, native = tls_native.make(ssl.PROTOCOL_TLS_SERVER)
    assert not native.name_authorities(str(path))


def test_contexts_of_others_are_not_mistaken():
    """Threads make theirs meanwhile, and Python makes some that nobody asks about."""
    found, others = {}, []

    def make():
        found[threading.get_ident()] = [
            tls_native.make(ssl.PROTOCOL_TLS_SERVER)[1]._address for _ in range(1)
        ]
        others.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(addresses) == 1 for addresses in found.values())
    assert not hasattr(tls_native._made, "addresses")


@pytest.mark.parametrize("trouble", [AttributeError, OSError])
def test_a_library_that_cannot_be_reached_is_done_without(monkeypatch, trouble):
    """Contexts are made all the same."""

    def fail(_):
        raise trouble

    tls_native._library.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", fail)
    try:
        context, native = tls_native.make(ssl.PROTOCOL_TLS_SERVER)
        assert isinstance(context, ssl.SSLContext)
        assert native is None
        assert not tls_native.is_there()
    finally:
        tls_native._library.cache_clear()
