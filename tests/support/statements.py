"""A proxy whose server numbers prepared statements, and clients that use them."""

from __future__ import annotations

from proxy.wire.framing import encode
from proxy.wire.responses import PrepareOk
from tests.support.memory import Stage

COLUMN = b"\x03def" + bytes(30)


def numbering() -> Stage:
    """A proxy with one backend, whose server numbers statements from 71 on."""
    stage = Stage(max_connections=1, max_prepared_statements_per_connection=2)
    ids = iter(range(71, 99))
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(next(ids), 0, 0).encode()]
    stage.servers.routines[b"\x19"] = lambda _: []
    return stage


def prepare(client, text=b"SELECT 1"):
    """Prepare a statement; the id that the client got, as four bytes."""
    client.send(encode(b"\x16" + text))
    payload, *_ = client.payloads()
    return payload[1:5]


def execute(number, flags=0):
    """Write an execute."""
    return encode(b"\x17" + number + bytes((flags,)) + b"\x01\x00\x00\x00")


def asked(stage):
    """Tell the command that a backend has to answer."""
    (command,) = stage.busy().asked
    return command
