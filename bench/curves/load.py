"""Busy clients: sysbench with a script of our own, and what its histogram says."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from typing import Final

import attrs

from bench import tools
from bench.clients_sysbench import LoadFailedError, parse
from bench.curves.ways import Way
from bench.site import PASSWORD, SCHEMA, USER

_SCRIPT: Final = Path(__file__).with_name("load.lua")

_EXTRA_SECONDS: Final = 90.0
"""How much longer than it was told sysbench may take: thousands of logins, a slow machine."""

_BAR: Final = re.compile(r"^ *([\d.]+) \|[* ]* (\d+)$", re.MULTILINE)
"""A line of the histogram: milliseconds, a bar, how many."""


@attrs.frozen
class Load:
    """What busy clients do.

    Attributes:
        clients: how many.
        shape: see ``load.lua``.
        size: bytes of a statement, or of an answer.
        states: how many different ones their sessions have.
    """

    clients: int
    shape: str = "point"
    size: int = 0
    states: int = 1


@attrs.frozen
class Loaded:
    """What came of it.

    Attributes:
        rate: statements per second.
        median_ms: half of them took no longer.
        p99_ms: 99 of 100 took no longer.
        cpu_seconds: the proxy's processor time for one.
    """

    rate: float
    median_ms: float
    p99_ms: float
    cpu_seconds: float


def percentile(text: str, share: float) -> float:
    """The milliseconds within which this share of all statements ended.

    Args:
        text: sysbench's report, with its histogram.
        share: from 0 to 1.

    Raises:
        LoadFailedError: there is no histogram.
    """
    bars = [(float(value), int(count)) for value, count in _BAR.findall(text)]
    left = share * sum(count for _, count in bars)
    for value, count in bars:
        left -= count
        if left <= 0:
            return value
    raise LoadFailedError("sysbench: there is no histogram in its report")


def run(program: tools.Program, way: Way, load: Load, seconds: int) -> Loaded:
    """Have the clients work for so long; their logins are not counted.

    Raises:
        LoadFailedError: it did not come to its end.
    """
    process = subprocess.Popen(
        (
            *program.command,
            str(_SCRIPT),
            f"--mysql-host={way.host}",
            f"--mysql-port={way.port}",
            f"--mysql-user={USER}",
            f"--mysql-password={PASSWORD}",
            f"--mysql-db={SCHEMA}",
            f"--threads={load.clients}",
            f"--time={seconds}",
            "--db-ps-mode=disable",
            "--histogram=on",
            "--percentile=99",
            f"--shape={load.shape}",
            f"--bytes={load.size}",
            f"--states={load.states}",
            "run",
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=tools.environment_of(program),
    )
    limit = threading.Timer(seconds + _EXTRA_SECONDS, process.kill)
    limit.start()
    try:
        text, used = _read(process, way)
    finally:
        limit.cancel()
        process.wait()
    outcome = parse(text)
    return Loaded(
        outcome.events / outcome.seconds,
        percentile(text, 0.5),
        outcome.p99_ms,
        used / max(outcome.events, 1),
    )


def _read(process: subprocess.Popen[str], way: Way) -> tuple[str, float]:
    """All it says, and the proxy's processor time between start and end of the load."""
    assert process.stdout is not None
    lines, used = [], 0.0
    began = way.cpu_seconds()
    with process.stdout:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Threads started"):
                began = way.cpu_seconds()
            elif line.startswith("Latency histogram"):
                used = way.cpu_seconds() - began
    return "".join(lines), used
