"""A session that has written reads from a reader that is behind: does it find what it wrote?"""

from __future__ import annotations

import asyncio
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import attrs
import click

from bench.failover import proxying
from bench.failover.clusters import Pair
from bench.failover.crowd import Loop
from bench.failover.outages import Extent
from bench.failover.proxying import Proxy
from bench.failover.samples import Measure
from bench.failover.wire import Connection, connect
from proxy.embedded.following import delay

CLIENTS: Final = 50

PHASES: Final = (("no delay", 0, 180), ("a delay of 1 s", 1, 20))
"""What the reader is told, in seconds, and how often each client writes and reads: ten thousand
reads in all, most of them close behind the writer, where it is a matter of milliseconds."""

_LIMIT_SECONDS: Final = 300.0


@attrs.define
class Tally:
    """What the clients of a phase have read.

    Attributes:
        seconds: how long each read took.
        stale: reads that did not show what had been written.
        by_reader: reads that the reader has answered.
    """

    seconds: list[float] = attrs.field(factory=list)
    stale: int = 0
    by_reader: int = 0


def measure(taken: Measure, pair: Pair, extent: Extent) -> None:
    """With the setting, and without it, which shows that the reader is behind."""
    for column, wanted in (("mysqlproxy", True), ("without the setting", False)):
        with proxying.proxy(
            extent.form,
            pair.topology,
            pair.places,
            failover={"read_your_writes": wanted},
        ) as proxy:
            proxy.wait_until_well(_LIMIT_SECONDS)
            for phase, seconds, rounds in PHASES:
                delay(pair.group.replicas[0], seconds)
                tally = _play(proxy, pair.group.replicas[0].port, rounds)
                taken.add(f"reads, {phase}", column, len(tally.seconds))
                taken.add(f"stale ones, {phase}", column, tally.stale)
                taken.add(f"answered by the reader, {phase}", column, tally.by_reader)
                middle = statistics.median(tally.seconds) * 1e3
                taken.add(f"ms of a read, {phase}", column, middle)
                if tally.stale and wanted:
                    taken.note(f"{tally.stale} stale reads, {phase}")
            delay(pair.group.replicas[0], 0)
        pair.group.wait_until_caught_up()
        click.echo(f"{taken.title}: {column}", err=True)


def _play(proxy: Proxy, reader_port: int, rounds: int) -> Tally:
    """All clients at once, each on two connections, as applications do it."""
    tally = Tally()
    loop = Loop()
    with ThreadPoolExecutor(CLIENTS, "login") as threads:

        async def client(number: int) -> None:
            writes = await connect("127.0.0.1", proxy.port, threads)
            reads = await connect("127.0.0.1", proxy.readers_port, threads)
            try:
                for _ in range(rounds):
                    await _write_and_read(writes, reads, number, reader_port, tally)
            finally:
                writes.close()
                reads.close()

        async def all_of_them() -> None:
            await asyncio.gather(*(client(1 + number) for number in range(CLIENTS)))

        loop.start([])
        try:
            loop.run(all_of_them(), _LIMIT_SECONDS)
        finally:
            loop.stop()
    return tally


async def _write_and_read(
    writes: Connection, reads: Connection, number: int, reader_port: int, tally: Tally
) -> None:
    await writes.run(f"UPDATE things SET v = v + 1 WHERE id = {number}")
    [[wrote]] = await writes.run(f"SELECT v FROM things WHERE id = {number}")
    began = time.monotonic()
    [[read, port]] = await reads.run(f"SELECT v, @@port FROM things WHERE id = {number}")
    tally.seconds.append(time.monotonic() - began)
    assert wrote is not None
    assert read is not None
    assert port is not None
    tally.stale += int(read) < int(wrote)
    tally.by_reader += int(port) == reader_port
