"""More clients that ask for TLS at once than may begin at once."""

from __future__ import annotations

import pytest

from proxy.embedded.certificates import self_signed
from proxy.front.entrance import AT_ONCE
from tests.support.loopback import SSL_REQUEST, Talker, wait_until

pytestmark = pytest.mark.loopback

MORE = 5


@pytest.fixture
def proxy(serve, tmp_path):
    """A proxy that offers TLS, for clients that are slow to log in."""
    files = self_signed().write(tmp_path / "tls")
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    return serve(max_connections=2, tls={"certificates": [shown]}, login_timeout=60)


def test_who_does_nothing_keeps_nobody_from_logging_in(proxy):
    """All places are taken by clients that never begin; those behind them are served."""
    idle = [Talker(proxy.port) for _ in range(AT_ONCE)]
    try:
        for one in idle:
            one.ask_for_tls()
        for _ in range(MORE):
            with Talker(proxy.port) as client:
                client.start_tls()
                assert client.log_in()[0] == 0
                assert client.ask(b"SELECT 1")[0] == 0
    finally:
        for one in idle:
            one.sock.close()


def test_who_has_gone_when_its_turn_comes_is_let_go(proxy):
    """It had asked for TLS; its connection is closed, and whoever is there is served."""
    idle = [Talker(proxy.port) for _ in range(AT_ONCE)]
    gone = [Talker(proxy.port) for _ in range(MORE)]
    try:
        for one in idle:
            one.ask_for_tls()
        for one in gone:
            one.payload()
            one.sock.sendall(SSL_REQUEST + b"no TLS at all")
            one.sock.close()
        with Talker(proxy.port) as client:
            client.start_tls()
            assert client.log_in()[0] == 0
            assert client.ask(b"SELECT 1")[0] == 0
        failed = "TLS with a client failed"
        wait_until(proxy.log)
        assert not [line for line in proxy.log() if failed in str(line.get("message"))]
    finally:
        for one in idle:
            one.sock.close()
