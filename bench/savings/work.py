"""The work of a fleet, and what it costs the server by one way or the other."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from bench import peers
from bench.clients_sysbench import LoadFailedError
from bench.encryption import Certificates
from bench.many.client import Door
from bench.many.crowd import Served
from bench.many.processes import Crowds
from bench.peers import Running
from bench.programs import PEERS
from bench.report import DIRECT, OURS
from bench.savings.looking import Look, Onlooker, look
from bench.site import PASSWORD, SCHEMA, USER, Site
from proxy.embedded import Flavor, Server, start_local_server
from proxy.embedded.certificates import KeyKind

WAYS: Final = (DIRECT, OURS)
STEADY: Final = "steady"
BUSY: Final = "busy"
MODES: Final = (STEADY, BUSY)
TABLE: Final = "things"
ROWS: Final = 10_000
STATEMENTS: Final = 1_009
"""Different ones; a prime, so that each client goes through all of them."""

RANGE_EVERY: Final = 10
"""Every tenth sorts: threads that have sorted once keep memory for it."""

SETTLE_SECONDS: Final = 1.0
ONLOOK_SECONDS: Final = 1.5
"""How long the server is asked for its threads: beside what is measured, for it sums up the
counters of all its connections each time."""

_SPARE_CONNECTIONS: Final = 50


@attrs.frozen
class Extent:
    """How much is measured.

    Attributes:
        clients: how many there are.
        backends: that they share behind the proxy.
        rate: statements a second of all of them, while they are mostly idle.
        seconds: of each measurement.
    """

    clients: int
    backends: int
    rate: float
    seconds: float


def statements() -> list[str]:
    """What clients ask: a row by its key, and every tenth time a hundred sorted."""
    found = []
    for number in range(STATEMENTS):
        key = number * 7919 % (ROWS - 100) + 1
        text = f"SELECT c FROM {TABLE} WHERE id = {key}"
        if number % RANGE_EVERY == 0:
            text = (
                f"SELECT DISTINCT c FROM {TABLE} WHERE id BETWEEN {key} AND {key + 99} "
                "ORDER BY c LIMIT 1"
            )
        found.append(text)
    return found


def prepare(server: Server) -> None:
    """Make the table."""
    digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION "
    digits += "SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    server.execute(
        f"CREATE TABLE {SCHEMA}.{TABLE} (id INT NOT NULL PRIMARY KEY, c CHAR(120) NOT NULL)",
        f"INSERT INTO {SCHEMA}.{TABLE} SELECT id, SHA2(id, 256) FROM (SELECT "
        f"a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 1 AS id FROM {digits} a, {digits} b, "
        f"{digits} c, {digits} d) counted",
    )


def room_for(clients: int) -> int:
    """The max_connections that the server needs for them."""
    return clients + _SPARE_CONNECTIONS


@contextmanager
def fresh(flavor: Flavor, clients: int) -> Iterator[Site]:
    """A new server for the time of the block: what others left in memory is not in it.

    Raises:
        EmbeddedError: there is no server to start.
    """
    with tempfile.TemporaryDirectory(prefix="mysqlproxy-savings-") as name:
        folder = Path(name)
        certificates = Certificates.make(folder / "certificates", KeyKind.EC)
        with start_local_server(flavor, max_connections=room_for(clients)) as server:
            server.execute(f"CREATE DATABASE {SCHEMA}")
            server.create_user(USER, PASSWORD)
            prepare(server)
            yield Site(server, certificates, folder)


@contextmanager
def reached(way: str, here: Site, extent: Extent) -> Iterator[Running]:
    """The server itself, or a proxy in front of it, for the time of the block."""
    if way == DIRECT:
        running = peers.direct(here)
    else:
        program = PEERS[way].find()
        running = peers.start(
            PEERS[way], program, here, extent.backends, room_for(extent.clients)
        )
    try:
        # Behind it the server knows the password, and so do clients that are let in quickly.
        peers.connect(running).close()
        yield running
    finally:
        running.close()


Figures = dict[str, float | None]


def measure(way: str, here: Site, flavor: Flavor, extent: Extent) -> dict[str, Figures]:
    """One way, on a fresh server: mostly idle, then as fast as can be.

    Returns:
        By the name of the mode, the figures by name.

    Raises:
        LoadFailedError: a statement went wrong, or a client could not log in.
    """
    server = here.server
    pid = server.pid
    assert pid is not None
    empty = look(pid)
    schema = "performance_schema" if flavor is Flavor.MYSQL else "information_schema"
    with (
        reached(way, here, extent) as running,
        Crowds(Door(running.host, running.port), statements()) as crowds,
        server.connect() as watching,
    ):
        crowds.enter(extent.clients)
        found = {}
        for mode in MODES:
            time.sleep(SETTLE_SECONDS)
            before = look(pid), look(running.pid) if running.pid else None
            began = time.monotonic()
            _load(crowds, mode, extent, extent.seconds)
            took = time.monotonic() - began
            after = look(pid), look(running.pid) if running.pid else None
            served = crowds.told()
            with Onlooker(watching, schema) as onlooker:
                _load(crowds, mode, extent, ONLOOK_SECONDS)
            found[mode] = (
                _figures(served, took, Difference(empty, before[0], after[0]))
                | _of_proxy(before[1], after[1], len(served))
                | {
                    "Threads_connected": statistics.median(onlooker.connected),
                    "Threads_running, mean": statistics.mean(onlooker.running),
                    "Threads_running, most": max(onlooker.running),
                }
            )
    return found


def _load(crowds: Crowds, mode: str, extent: Extent, seconds: float) -> None:
    if mode == STEADY:
        crowds.pace(extent.rate, seconds)
    else:
        crowds.rush(extent.clients, seconds)


@attrs.frozen
class Difference:
    """Three looks at the server.

    Attributes:
        empty: before anybody came.
        before: before the load.
        after: after it.
    """

    empty: Look
    before: Look
    after: Look


def _figures(served: Sequence[Served], seconds: float, looks: Difference) -> Figures:
    troubles = {one.trouble for one in served if one.trouble}
    if troubles or not served:
        raise LoadFailedError(f"statements end with {sorted(troubles) or 'nothing at all'}")
    count = len(served)
    switched = looks.after.switches - looks.before.switches
    used = looks.after.cpu_seconds - looks.before.cpu_seconds
    last = max(one.answered for one in served)
    latencies = sorted(one.answered - one.due for one in served)
    return {
        "memory, MiB": looks.after.memory_bytes / 2**20,
        "memory above that without clients, MiB": (
            (looks.after.memory_bytes - looks.empty.memory_bytes) / 2**20
        ),
        "threads": looks.after.threads,
        "context switches per second": switched / seconds,
        "context switches per statement": switched / count,
        "processor time of the server per statement, µs": used / count * 1e6,
        "processor time of the server, % of a core": used / seconds * 100,
        "statements per second": count / (last - min(one.asked for one in served)),
        "latency, median, ms": latencies[count // 2] * 1e3,
        "latency, p99, ms": latencies[count * 99 // 100] * 1e3,
    }


def _of_proxy(before: Look | None, after: Look | None, count: int) -> Figures:
    if before is None or after is None:
        return {}
    return {
        "memory of the proxy, MiB": after.memory_bytes / 2**20,
        "context switches of the proxy per statement": (
            (after.switches - before.switches) / count
        ),
        "processor time of the proxy per statement, µs": (
            (after.cpu_seconds - before.cpu_seconds) / count * 1e6
        ),
    }
