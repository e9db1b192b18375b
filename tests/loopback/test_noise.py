"""Thousands of connections full of noise leave nothing behind in a running proxy."""

import contextlib
import random
from pathlib import Path

import pytest

from proxy.wire.framing import encode
from tests.support.loopback import Talker, resident_kib, wait_until

pytestmark = pytest.mark.loopback

CONNECTIONS = 1500


def files(proxy):
    """Count the descriptors that the proxy has open."""
    return len([*Path(f"/proc/{proxy.process.pid}/fd").iterdir()])


def noise(chance):
    """Make some bytes, in a packet or bare, at times with a header that lies."""
    data = chance.randbytes(chance.randrange(200))
    kind = chance.randrange(4)
    if kind == 0:
        return data
    if kind == 1:
        return chance.randbytes(3) + bytes((chance.randrange(3),)) + data
    return encode(data, chance.randrange(3))


@pytest.mark.parametrize("logged_in", [False, True])
def test_noise_leaks_nothing(proxy, logged_in):
    """Sockets, backends and memory are as before, and the next client is served."""
    chance = random.Random(20)  # the same noise in every run
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        client.ask(b"SELECT 1")
    before, memory = files(proxy), resident_kib(proxy.process.pid)
    for _ in range(CONNECTIONS):
        with Talker(proxy.port) as client:
            verdict = client.log_in() if logged_in else client.payload()
            assert verdict[0] != 0xFF
            with contextlib.suppress(OSError):
                for _ in range(chance.randrange(4)):
                    client.sock.sendall(noise(chance))
    wait_until(lambda: files(proxy) <= before)
    assert resident_kib(proxy.process.pid) - memory < 40 * 1024
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        assert client.ask(b"SELECT 1")[0] == 0
