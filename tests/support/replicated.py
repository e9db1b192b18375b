"""A scripted writer and its readers, which apply what it commits when a test says so."""

from __future__ import annotations

from proxy.observe.log import get_logger
from proxy.pool.own_writes import OwnWrites
from proxy.vocabulary import Role
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import lenenc_bytes
from proxy.wire.responses import Err
from tests.support.group import Group, address
from tests.support.host import UUID
from tests.support.scripted import AUTOCOMMIT, IN_TRANSACTION

WAITING = {
    False: b"SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET",
    True: b"SELECT CAST(MASTER_GTID_WAIT",
}
ASKING = {
    False: b"SELECT CAST(IF(@@GLOBAL.gtid_mode",
    True: b"SELECT CAST(IF(@@GLOBAL.log_bin",
}
MARIADB = "5.5.5-10.11.6-MariaDB"


class Replicated(Group):
    """A group whose clients find what they have written.

    Attributes:
        own_writes: Who sees to that.
        count: Transactions of the writer's, by the name of the host.
        asked: How often a writer was asked how far it is.
        rounds: How often a reader was asked to wait.
        reports: Whether writers tell what was committed.
        numbers: Whether transactions have numbers at all.
        prompt: A reader that has not got what it is to wait for says so at once.
    """

    def __init__(self, *names, mariadb=False, timeout=1.0, **more):
        super().__init__(*names, **more)
        self.mariadb = mariadb
        self.asked = self.rounds = 0
        self.numbers, self.prompt = True, False
        self.reports = not mariadb
        self.own_writes = OwnWrites(
            self.routes[Role.READ_WRITE], timeout, self.clock, get_logger()
        )
        for route in self.routes.values():
            route.own_writes = self.own_writes
        self.steward._own_writes = self.own_writes
        self.count = {}
        for name in self.hosts:
            self.prepare(name)

    def prepare(self, name):
        """Let a host number its transactions, and wait for those of others."""
        host = self.host(name)
        self.count[host.name] = 5
        host.position = self.text(5)
        host.answers |= {
            b"INSERT": lambda side: self._insert(host, side),
            b"COMMIT": lambda side: self._commit(host, side),
        }
        host.servers.routines |= {
            b"COMMIT": host._run,
            b"CALL": lambda side: self._insert(host, side),
            WAITING[self.mariadb]: lambda side: self._wait(host, side),
            ASKING[self.mariadb]: lambda side: self._tell(host, side),
        }
        if self.mariadb:
            host.servers.version = MARIADB

    def text(self, first, last=None):
        """The position of a server that has so many, or these alone."""
        if self.mariadb:
            return f"0-1-{last or first}"
        return f"{UUID}:1-{first}" if last is None else f"{UUID}:{first}-{last}"

    def apply(self, name, count=None):
        """Let a reader get what the writer has by now, or so many transactions."""
        host = self.host(name)
        self.count[host.name] = count or self.count[address(self.writer)]
        host.position = self.text(self.count[host.name])

    def commit(self, name, by=1):
        """A transaction of somebody else's."""
        self.count[address(name)] += by
        self.host(name).position = self.text(self.count[address(name)])

    def _done(self, host, side):
        self.commit(host.name)
        count = self.count[host.name]
        change = (int(SessionTrack.GTIDS), b"\x00" + lenenc_bytes(f"{UUID}:{count}".encode()))
        return [side.ok(changes=(change,) if self.reports else ())]

    def _insert(self, host, side):
        host.ran.append(host._text(side).decode())
        if host.read_only:
            message = b"The MySQL server is running with the --read-only option so it cannot"
            return [Err(1290, "HY000", message).encode()]
        if side.status == IN_TRANSACTION:
            side.dirty = True
            return [side.ok()]
        return self._done(host, side)

    def _commit(self, host, side):
        host.ran.append("COMMIT")
        side.status = AUTOCOMMIT
        dirty, side.dirty = getattr(side, "dirty", False), False
        return self._done(host, side) if dirty else [side.ok()]

    def _tell(self, host, side):
        self.asked += 1
        return side.rows([(host.position.encode() if self.numbers else b"",)])

    def _wait(self, host, side):
        self.rounds += 1
        wanted = host._text(side).decode().split("'")[1]
        number = int(wanted.replace(":", "-").rpartition("-")[2])
        if number <= self.count[host.name] or self.prompt:
            return side.rows([(b"0", host.position.encode())])
        backend = next(one for one in host.servers.backends if one.side is side)
        self.clock.callLater(0.1, self._waited, host, backend)
        return None

    @staticmethod
    def _waited(host, backend):
        if backend.asked:
            backend.answer(*backend.side.rows([(b"1", host.position.encode())]))

    def connections(self, name):
        """How many are open to a host."""
        return len(self.host(name).open_connections)
