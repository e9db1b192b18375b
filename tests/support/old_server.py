"""A server of the time before session trackers: a real one behind a relay that hides them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import attrs

from proxy.embedded import Server
from proxy.wire.constants import HEADER, Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import Greeting, parse_greeting

HIDDEN = ~int(Capability.SESSION_TRACK | Capability.DEPRECATE_EOF)


@attrs.frozen
class OldServer:
    """Where it listens."""

    host: str
    port: int


@contextlib.contextmanager
def old_server(server: Server) -> Iterator[OldServer]:
    """Hide what an old server lacks, for the length of a block."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, server))
        accepting.start()
        try:
            yield OldServer(*listener.getsockname())
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(10)


def _accept(listener: socket.socket, server: Server) -> None:
    pumps: list[threading.Thread] = []
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the block is over
            break
        target = socket.create_connection((server.host, server.port), timeout=30)
        client.sendall(_greeting(target))
        target.settimeout(None)
        for pair in ((client, target), (target, client)):
            pumps.append(threading.Thread(target=_pump, args=pair))
            pumps[-1].start()
    for pump in pumps:
        pump.join(10)


def _greeting(target: socket.socket) -> bytes:
    data = b""
    while len(data) < HEADER or len(data) < HEADER + int.from_bytes(data[:3], "little"):
        data += target.recv(4096)
    greeting = parse_greeting(data[HEADER:])
    assert isinstance(greeting, Greeting)
    return encode(attrs.evolve(greeting, capabilities=greeting.capabilities & HIDDEN).encode())


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    sink.close()
