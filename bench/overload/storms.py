"""Thousands of logins within seconds: each is to be served, or told that there is no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from bench import tools
from bench.failover.samples import Measure
from bench.many import family
from bench.many.client import Door
from bench.many.processes import Crowds
from bench.overload.serving import Settings, serving
from bench.site import Site

BACKENDS: Final = 20
LIMIT_SECONDS: Final = 60.0
"""Who has heard nothing by then hangs."""

NO_ROOM: Final = "1040"
_STATEMENT: Final = "SELECT 1"


@attrs.frozen
class Storm:
    """What comes.

    Attributes:
        name: column of the table.
        tls: whether they speak TLS.
        limited: whether there is room for some only.
    """

    name: str
    tls: bool
    limited: bool


STORMS: Final = (
    Storm("plain", tls=False, limited=False),
    Storm("plain, little room", tls=False, limited=True),
    Storm("TLS", tls=True, limited=False),
    Storm("TLS, little room", tls=True, limited=True),
)

Story = tuple[float, float, float, str]
"""See `bench.many.processes.story`."""


def blow(
    here: Site,
    program: tools.Program,
    storm: Storm,
    logins: int,
    seconds: float,
    measure: Measure,
) -> None:
    """One storm on a fresh proxy.

    Args:
        here: the server.
        program: the proxy.
        storm: which one.
        logins: how many.
        seconds: within how many they come, from two processes.
        measure: takes the figures.
    """
    room = logins * 2 // 5 if storm.limited else logins * 2
    settings = Settings(BACKENDS, max_clients=room, tls=storm.tls)
    with (
        serving(here, program, settings) as running,
        Crowds(Door(running.host, running.port, storm.tls), [_STATEMENT]) as crowds,
    ):
        assert running.pid is not None
        before = family.memory_bytes(running.pid), family.cpu_seconds(running.pid)
        stories = crowds.storm(logins, seconds, LIMIT_SECONDS)
        peak = family.memory_bytes(running.pid, "VmHWM") - before[0]
        used = family.cpu_seconds(running.pid) - before[1]
    count(stories, storm, measure)
    measure.add("memory of the proxy for each login, KiB", storm.name, peak / logins / 1024)
    measure.add("processor time for each login, µs", storm.name, used / logins * 1e6)


def count(stories: Sequence[Story], storm: Storm, measure: Measure) -> None:
    """Take in how they ended."""
    name = storm.name
    served = [one for one in stories if one[2] and not one[3]]
    troubles = Counter(one[3] for one in stories if one[3])
    refused = troubles.pop(NO_ROOM, 0)
    hanging = len(stories) - len(served) - refused - troubles.total()
    measure.add("logins", name, len(stories))
    measure.add("served", name, len(served))
    measure.add("refused by 1040", name, refused)
    measure.add("hanging", name, hanging)
    measure.add("ended otherwise", name, troubles.total())
    measure.hear(name, "logins", troubles)
    first = min(one[0] for one in stories)
    measure.add("seconds until the last one came", name, max(one[0] for one in stories) - first)
    if served:
        last = max(one[2] for one in served)
        measure.add("seconds until the last one was served", name, last - first)
        for title, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0)):
            waits = sorted(one[2] - one[0] for one in served)
            place = min(int(len(waits) * share), len(waits) - 1)
            measure.add(f"from connect to answer, {title}, ms", name, waits[place] * 1e3)
