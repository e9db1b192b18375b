"""Which curves there are: along what, how far, and what may grow how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs

from bench.curves.growth import Limit
from bench.curves.load import Load
from bench.curves.ways import SPARE_FILES, Setting

IDLE_SECONDS: Final = 3.0
"""How long a look at a proxy takes that has nothing to do."""


@attrs.frozen
class Measure:
    """What is measured at each point.

    Attributes:
        key: of the data.
        title: with its unit.
        unit: what the picture divides by.
        nothing: a difference that is none.
    """

    key: str
    title: str
    unit: float = 1.0
    nothing: float = 0.0


RATE: Final = Measure("rate", "statements per second")
MEDIAN: Final = Measure("median_ms", "median latency, ms")
P99: Final = Measure("p99_ms", "99th percentile of latency, ms")
CPU: Final = Measure("cpu_seconds", "processor time of a statement, µs", 1e-6)
# Python takes memory from the system in arenas of 1 MiB.
MEMORY: Final = Measure("memory_bytes", "memory, MiB", 1 << 20, float(4 << 20))
# Two thousandths of a core are what the timers take that tick anyhow, and noise.
STILL: Final = Measure("still_share", "share of a core while nothing happens", 1.0, 0.002)
LOGIN: Final = Measure("login_seconds", "processor time of a login, µs", 1e-6)

MEASURES: Final = (RATE, MEDIAN, P99, CPU, MEMORY, STILL, LOGIN)


@attrs.frozen
class Point:
    """One place on an axis.

    Attributes:
        at: where.
        load: what busy clients do there.
        setting: what the proxy is like.
    """

    at: int
    load: Load
    setting: Setting = attrs.field(factory=Setting)


@attrs.frozen
class Curve:
    """One axis.

    Attributes:
        key: of files and options.
        title: what stays and what changes.
        axis: what the numbers along it are.
        points: from left to right.
        ends: why it does not go on.
        limits: what may grow how fast.
        looks_still: whether the proxy is looked at while nothing happens, too.
    """

    key: str
    title: str
    axis: str
    points: tuple[Point, ...]
    ends: str
    limits: tuple[tuple[Measure, Limit], ...]
    looks_still: bool = False


_COUNTED: Final = (
    (CPU, Limit.FLAT),
    (MEDIAN, Limit.LINEAR),
    (P99, Limit.LINEAR),
    (MEMORY, Limit.LINEAR),
)
"""A statement costs the same among many: clients wait for each other, and take memory each."""

_SIZED: Final = tuple((measure, Limit.LINEAR) for measure in (CPU, MEDIAN, P99, MEMORY))

_QUICK_POINTS: Final = 3

_BUSY: Final = 200
_IDLE: Final = (0, 16, 200, 1000, 5000, 20_000)


def idle_counts(files: int, backends: int) -> list[int]:
    """The counts of idle clients that one process has files for, the last one cut down."""
    room = files - _BUSY - backends - SPARE_FILES
    return sorted({min(count, room) for count in _IDLE})


def _idle(files: int, few: Callable[[Sequence[int]], Sequence[int]]) -> Curve:
    backends = Setting().backends
    counts = few(idle_counts(files, backends))
    ends = "one process is rarely given more"
    if max(counts) < _IDLE[-1]:
        ends = (
            f"a process may have {files:,} files: for {_BUSY} busy clients, {backends} "
            f"backends, {SPARE_FILES} to spare, and so many idle clients"
        )
    return Curve(
        "idle",
        f"{_BUSY} busy clients on {backends} backends among idle ones",
        "idle clients",
        tuple(Point(count, Load(_BUSY), Setting(idle=count)) for count in counts),
        ends,
        (*_COUNTED, (STILL, Limit.FLAT), (LOGIN, Limit.FLAT)),
        looks_still=True,
    )


def _clients(counts: Sequence[int]) -> Curve:
    return Curve(
        "clients",
        "busy clients on 16 backends",
        "busy clients",
        tuple(Point(count, Load(count)) for count in counts),
        "each client is a thread of sysbench, on the cores that proxy and server share",
        _COUNTED,
    )


def _backends(counts: Sequence[int]) -> Curve:
    return Curve(
        "backends",
        "200 busy clients on so many backends",
        "backends",
        tuple(Point(count, Load(200), Setting(count)) for count in counts),
        "each client has a backend of its own",
        _COUNTED,
    )


def _sizes(key: str, title: str, axis: str, sizes: Sequence[int], ends: str) -> Curve:
    return Curve(
        key,
        title,
        axis,
        tuple(Point(size, Load(8, key, size), Setting(8)) for size in sizes),
        ends,
        _SIZED,
    )


def _states(counts: Sequence[int]) -> Curve:
    return Curve(
        "states",
        "1,000 busy clients on 16 backends, whose sessions are in so many different states",
        "different session states",
        tuple(Point(count, Load(1000, states=count)) for count in counts),
        "each client has a state of its own",
        _COUNTED,
    )


def _workers(counts: Sequence[int]) -> Curve:
    # Where processes share cores, each finds fewer events whenever its turn comes.
    return Curve(
        "workers",
        "200 busy clients on 16 backends, served by so many processes",
        "workers",
        tuple(Point(count, Load(200), Setting(workers=count)) for count in counts),
        "there are more workers than cores",
        ((CPU, Limit.LINEAR), (MEMORY, Limit.LINEAR)),
    )


def curves(files: int, *, quick: bool = False) -> Iterator[Curve]:
    """All there are.

    Args:
        files: how many a process may open.
        quick: a few small points of each.
    """

    def few(counts: Sequence[int]) -> Sequence[int]:
        return counts[:_QUICK_POINTS] if quick else counts

    yield _idle(files, few)
    yield _clients(few((1, 4, 16, 64, 200, 1000, 4000)))
    yield _backends(few((1, 2, 4, 8, 16, 32, 64, 128, 200)))
    packet = "the longest packet that servers take by default is 64 MiB, eight times as much"
    yield _sizes(
        "literal",
        "8 busy clients, statements with one long text",
        "bytes of a statement",
        few((100, 1000, 10_000, 100_000, 1_000_000, 8_000_000)),
        packet,
    )
    yield _sizes(
        "list",
        "8 busy clients, statements with a long list of numbers",
        "bytes of a statement",
        few((100, 1000, 10_000, 100_000, 1_000_000)),
        "the server takes a second to read ten times as long a list",
    )
    yield _sizes(
        "rows",
        "8 busy clients, answers of so many rows of 100 bytes",
        "bytes of an answer",
        few((100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)),
        "the clients keep each answer in memory",
    )
    yield _states(few((1, 4, 16, 64, 200, 1000)))
    yield _workers(few((1, 2, 4)))
