"""The endpoint for reads while one of two readers lags, and while one is dead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import attrs
import click

from bench.failover import proxying
from bench.failover.clusters import Pair
from bench.failover.crowd import Loop
from bench.failover.outages import WELL_LIMIT_SECONDS, Extent
from bench.failover.proxying import Proxy
from bench.failover.samples import Measure
from bench.failover.wire import Connection, LostError, RefusedError, connect
from bench.report import OURS
from bench.site import SCHEMA
from proxy.config.failover import FailoverConfig
from proxy.embedded import LocalServer
from proxy.embedded.following import delay

CLIENTS: Final = 20
DELAY_SECONDS: Final = 30

LIMIT_SECONDS: Final = FailoverConfig().max_replica_lag
"""The default setting."""

NOTICED_SECONDS: Final = LIMIT_SECONDS + 2.0
"""A lag is told in whole seconds, and looked at every second."""

_CALM_SECONDS: Final = 12.0
"""A reader gets its full share within slow_start."""

_LAGGING_SECONDS: Final = LIMIT_SECONDS + 8.0
_DEAD_SECONDS: Final = 5.0
_BEAT_SECONDS: Final = 0.05
_THINK_SECONDS: Final = 0.05
_BACK_LIMIT_SECONDS: Final = 60.0

_ASK: Final = "SELECT @@port, TIMESTAMPDIFF(MICROSECOND, at, NOW(6)) FROM beat WHERE id = 1"


@attrs.frozen
class Reading:
    """One read.

    Attributes:
        began: when, by the monotonic clock, in seconds.
        ended: when it was over.
        port: of the server that answered; 0 where none did.
        age: of what it showed, in seconds.
        said: the error.
    """

    began: float
    ended: float
    port: int = 0
    age: float = 0.0
    said: str = ""


class Beat:
    """Writes the time on the primary, again and again."""

    def __init__(self, primary: LocalServer) -> None:
        self._primary = primary
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._primary.execute(f"REPLACE INTO {SCHEMA}.beat VALUES (1, NOW(6))")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with self._primary.connect(database=SCHEMA) as connection:
            while not self._ended.wait(_BEAT_SECONDS):
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE beat SET at = NOW(6) WHERE id = 1")


class Readers:
    """Clients of the endpoint for reads.

    Attributes:
        readings: of all of them.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = Loop()
        self._threads = ThreadPoolExecutor(CLIENTS, "login")
        self.readings: list[Reading] = []

    def __enter__(self) -> Self:
        """Begin."""
        self._loop.start([self._read() for _ in range(CLIENTS)])
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._loop.stop()
        self._threads.shutdown(cancel_futures=True)

    def since(self, moment: float) -> list[Reading]:
        """Those that began since then."""
        return [one for one in [*self.readings] if one.began >= moment]

    async def _read(self) -> None:
        while True:
            began = time.monotonic()
            try:
                connection = await connect("127.0.0.1", self._port, self._threads)
                try:
                    await self._ask_on(connection)
                finally:
                    connection.close()
            except (RefusedError, LostError) as error:
                self.readings.append(Reading(began, time.monotonic(), said=str(error)))
                await asyncio.sleep(_THINK_SECONDS)

    async def _ask_on(self, connection: Connection) -> None:
        while True:
            began = time.monotonic()
            try:
                [[port, age]] = await connection.run(_ASK)
            except (RefusedError, LostError) as error:
                self.readings.append(Reading(began, time.monotonic(), said=str(error)))
                if connection.is_lost:
                    return
            else:
                assert port is not None
                assert age is not None
                reading = Reading(began, time.monotonic(), int(port), int(age) / 1e6)
                self.readings.append(reading)
            await asyncio.sleep(_THINK_SECONDS)


def measure(taken: Measure, pair: Pair, extent: Extent) -> None:
    """All runs."""
    with (
        proxying.proxy(extent.form, pair.topology, pair.places) as proxy,
        Beat(pair.group.primary),
    ):
        for number in range(extent.runs):
            first, second = pair.group.replicas
            with Readers(proxy.readers_port) as readers:
                time.sleep(_CALM_SECONDS)
                _lag(taken, readers, first)
                _die(taken, readers, second, proxy)
            click.echo(f"{taken.title}: run {number + 1} of {extent.runs}", err=True)


def _lag(taken: Measure, readers: Readers, lagging: LocalServer) -> None:
    """One of the readers falls behind, and catches up again."""
    at = time.monotonic()
    calm = readers.readings[-CLIENTS * 20 :]
    _share(taken, "lag: % of reads by that reader, before", calm, lagging)
    delay(lagging, DELAY_SECONDS)
    time.sleep(_LAGGING_SECONDS)
    taken_in = readers.since(at)
    stale = [one for one in taken_in if one.age > NOTICED_SECONDS]
    taken.add("lag: ms of the oldest read", OURS, max(one.age for one in taken_in) * 1e3)
    taken.add(f"lag: reads older than {NOTICED_SECONDS:g} s", OURS, len(stale))
    for one in stale:
        taken.note("a read from a reader that lags", str(one))
    _errors(taken, "lag", taken_in)
    healed = time.monotonic()
    delay(lagging, 0)
    _back(taken, "lag: ms until it serves again", readers, healed, lagging)


def _die(taken: Measure, readers: Readers, dying: LocalServer, proxy: Proxy) -> None:
    """One of the readers is killed, and comes back."""
    time.sleep(_CALM_SECONDS)
    at = time.monotonic()
    dying.kill()
    time.sleep(_DEAD_SECONDS)
    taken_in = readers.since(at)
    longest = max(one.ended - one.began for one in taken_in)
    taken.add("death: ms of the longest read", OURS, longest * 1e3)
    _errors(taken, "death", taken_in)
    dying.start()
    healed = time.monotonic()
    _back(taken, "death: ms until it serves again", readers, healed, dying)
    proxy.wait_until_well(WELL_LIMIT_SECONDS)


def _share(taken: Measure, figure: str, some: Sequence[Reading], server: LocalServer) -> None:
    share = sum(one.port == server.port for one in some) / len(some)
    taken.add(figure, OURS, share * 100)


def _errors(taken: Measure, prefix: str, some: Sequence[Reading]) -> None:
    wrong = [one for one in some if one.said]
    taken.add(f"{prefix}: errors", OURS, len(wrong))
    for one in wrong:
        taken.note(f"{prefix}: {one.said}", str(one))


def _back(
    taken: Measure, figure: str, readers: Readers, since: float, server: LocalServer
) -> None:
    deadline = since + _BACK_LIMIT_SECONDS
    while time.monotonic() < deadline:
        for one in readers.since(since):
            if one.port == server.port and one.age < LIMIT_SECONDS:
                taken.add(figure, OURS, (one.ended - since) * 1e3)
                return
        time.sleep(_BEAT_SECONDS)
    taken.add(figure, OURS, None)
    taken.note(f"{figure}: not within {_BACK_LIMIT_SECONDS:g} s")
