"""Clients whose backends are lost or turn them away, and somebody who is told of it."""

from __future__ import annotations

from proxy.wire.framing import encode
from proxy.wire.responses import PrepareOk


class Watcher:
    """Notes what it is told, and answers what a test wants; `act` is what it does before."""

    def __init__(self, stage, *, awaited=True):
        self.told = []
        self.awaited = awaited
        self.act = lambda: None
        stage.pool.watcher = self

    def trouble(self, pool, failure, why):
        """See `proxy.pool.watcher.Watcher`."""
        self.told.append((pool, failure, why))
        self.act()
        return self.awaited

    @property
    def failures(self):
        """The kinds of trouble."""
        return [failure for _, failure, _ in self.told]


def settled(stage):
    """A client whose first statement has brought a backend into its state."""
    client = stage.client()
    client.query(b"SELECT 0")
    stage.serve(*stage.busy().side.rows([(b"0",)]))
    client.payloads()
    return client


def die(stage):
    """Let the busy backend die; the first time that is tried again follows at once."""
    stage.busy().die()
    stage.run()


def prepare(stage, client, text=b"SELECT 1"):
    """Let a client prepare a statement, which the servers number from 71 on; its id."""
    ids = iter(range(71, 99))
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(next(ids), 0, 0).encode()]
    client.send(encode(b"\x16" + text))
    payload, *_ = client.payloads()
    return payload[1:5]
