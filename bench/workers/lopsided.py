"""Busy clients that are dealt evenly, and those that all came to one worker."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from bench.clients_sysbench import Sysbench
from bench.site import Site
from bench.workers.serving import BACKENDS, CLIENTS, Serving, connect, serving

HOLDERS: Final = 20
"""Idle clients of a worker before the busy ones come, so that all of those go elsewhere."""

_KNOWN_SECONDS: Final = 0.5
"""Until the supervisor has heard who has left."""

_SCRIPT: Final = "oltp_point_select"


def lopsided(
    at: Site, load: Sysbench, rounds: int, seconds: float
) -> dict[str, list[dict[str, Any]]]:
    """Statements per second: in an even split, in the first two seconds, and after them."""
    found: dict[str, list[dict[str, Any]]] = {
        "even": [],
        "all on one, first 2 s": [],
        "all on one, later": [],
    }
    for _ in range(rounds):
        with serving(at, 2, BACKENDS) as one:
            even, _used = load.run(one.running, _SCRIPT, CLIENTS, seconds, prepared=False)
            found["even"].append(
                {"per_second": even.events / even.seconds, "p99_ms": even.p99_ms}
            )
            with _held(one):
                busy = threading.Thread(
                    target=load.run,
                    args=(one.running, _SCRIPT, CLIENTS, seconds + 3),
                    kwargs={"prepared": False},
                )
                counted = [_statements(at)]
                busy.start()
                for wait in (2.0, seconds):
                    time.sleep(wait)
                    counted.append(_statements(at))
                busy.join()
        for name, (before, after) in zip(
            ("all on one, first 2 s", "all on one, later"),
            itertools.pairwise(counted),
            strict=True,
        ):
            rate = (after[0] - before[0]) / (after[1] - before[1])
            found[name].append({"per_second": rate})
    return found


@contextlib.contextmanager
def _held(one: Serving) -> Iterator[None]:
    """One worker has idle clients enough that whoever comes now goes to the other one."""
    clients = [connect(one.running.port) for _ in range(2 * HOLDERS)]
    held = [client for client in clients if client.thread_id() % 64 == 1]
    for client in clients:
        if client not in held:
            client.close()
    time.sleep(_KNOWN_SECONDS)
    try:
        yield
    finally:
        for client in held:
            client.close()


def _statements(at: Site) -> tuple[int, float]:
    """How many statements the server has had, and when that was."""
    with contextlib.closing(connect(at.server.port)) as client, client.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        return int(cursor.fetchone()[1]), time.monotonic()
