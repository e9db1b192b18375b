"""A server of which each turn of a login is known."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import attrs
import pytest

from proxy.embedded.certificates import self_signed
from proxy.wire.constants import Capability
from proxy.wire.greeting import Greeting

HOST = "127.0.0.1"
WITH_TLS = Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH
WITH_TLS |= Capability.SSL
OK = b"\x00\x00\x00\x02\x00\x00\x00"
FULL = b"\x01\x04"
FAST = b"\x01\x03"
ANSWER = (b"\x01", b"column", b"\xfe\x00\x00\x02\x00", b"\x011", b"\xfe\x00\x00\x02\x00")


@attrs.define
class Served:
    """A server for a test: how it greets, logs in, and what it was told."""

    context: ssl.SSLContext
    capabilities: int = WITH_TLS
    verdict: tuple[bytes, ...] = (FAST, OK)
    port: int = 0
    received: list = attrs.field(factory=list)

    def serve(self, listener):
        """Serve one client after the other, until the listener is shut down."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError), client:
                    self._one(client)

    def _one(self, client):
        """A client with TLS comes, asks once, and goes; without, it gets the greeting only."""
        plugin = "caching_sha2_password"
        greeting = Greeting("9.7.0", 1, bytes(range(1, 21)), self.capabilities, 45, 2, plugin)
        send(client, greeting.encode())
        receive(client)
        with self.context.wrap_socket(client, server_side=True) as secure:
            receive(secure)
            for said in self.verdict:
                send(secure, said)
                if said == FULL:
                    self.received.append(receive(secure))
            self.received.append(receive(secure))
            for packet in ANSWER:
                send(secure, packet)
            self.received.append(receive(secure))


def send(connected, payload):
    connected.sendall(len(payload).to_bytes(3, "little") + b"\x01" + payload)


def receive(connected):
    # Unbuffered: what comes behind the request for TLS is no packet.
    header = exactly(connected, 4)
    return exactly(connected, int.from_bytes(header[:3], "little"))


def exactly(connected, size):
    data = b""
    while len(data) < size:
        more = connected.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


@pytest.fixture
def served(tmp_path):
    files = self_signed().write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server = Served(context)
    with socket.create_server((HOST, 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=(listener,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
