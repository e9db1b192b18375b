"""``python -m bench.workers.run``: see the package.

Four questions.  What does a statement cost when two processes serve instead of one?  What does
a connection cost that is handed over?  What becomes of clients that all came to one worker?
And of a worker that is killed while it is busy?
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import pymysql

from bench import machine, tools
from bench.clients_idle import raise_file_limit
from bench.clients_sysbench import LoadFailedError, Sysbench
from bench.site import PASSWORD, SCHEMA, USER, Site, site
from bench.workers.serving import Serving, serving
from proxy.embedded import EmbeddedError

RESULTS: Final = Path(__file__).resolve().parent.parent / "results"
CLIENTS: Final = 16
BACKENDS: Final = 8
HOLDERS: Final = 20
"""Idle clients of a worker before the busy ones come, so that all of those go elsewhere."""

_SETTLE_SECONDS: Final = 2.0
_CONNECT: Final = str(Path(__file__).resolve().parent.parent / "connect.lua")


def _connect(port: int) -> Any:
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, database=SCHEMA
    )


def _load(one: Serving, load: Sysbench, script: str, clients: int, seconds: float) -> Any:
    """Operations per second, and microseconds of all processes for each."""
    began = one.cpu_seconds()
    outcome, _ = load.run(one.running, script, clients, seconds, prepared=False)
    used = one.cpu_seconds() - began
    return {
        "per_second": outcome.events / outcome.seconds,
        "cpu_us": used / max(outcome.events, 1) * 1e6,
        "p99_ms": outcome.p99_ms,
    }


@contextlib.contextmanager
def _lopsided(one: Serving) -> Iterator[None]:
    """One worker has idle clients enough that whoever comes now goes to the other one."""
    clients = [_connect(one.running.port) for _ in range(2 * HOLDERS)]
    held = [client for client in clients if client.thread_id() % 64 == 1]
    for client in clients:
        if client not in held:
            client.close()
    time.sleep(_SETTLE_SECONDS / 4)
    try:
        yield
    finally:
        for client in held:
            client.close()


def costs(at: Site, load: Sysbench, rounds: int, seconds: float) -> dict[str, Any]:
    """Statements and connections with one process and with two, in turns."""
    found: dict[str, Any] = {}
    with serving(at, 1, BACKENDS) as alone, serving(at, 2, BACKENDS) as two:
        for _ in range(rounds):
            for work, script in (("select", "oltp_point_select"), ("connect", _CONNECT)):
                for name, one in (("1", alone), ("2", two)):
                    measured = _load(one, load, script, CLIENTS, seconds)
                    found.setdefault(f"{work}, {name}", []).append(measured)
    return found


def lopsided(at: Site, load: Sysbench, rounds: int, seconds: float) -> dict[str, Any]:
    """Busy clients that are dealt evenly, and those that all came to one worker."""
    found: dict[str, Any] = {"even": [], "all on one, first 2 s": [], "all on one, later": []}
    for _ in range(rounds):
        with serving(at, 2, BACKENDS) as one:
            found["even"].append(_load(one, load, "oltp_point_select", CLIENTS, seconds))
            with _lopsided(one):
                busy = threading.Thread(
                    target=load.run,
                    args=(one.running, "oltp_point_select", CLIENTS, seconds + 3),
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


def _statements(at: Site) -> tuple[int, float]:
    """How many statements the server has had, and when that was."""
    with contextlib.closing(_connect(at.server.port)) as client, client.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        return int(cursor.fetchone()[1]), time.monotonic()


def kills(at: Site, rounds: int) -> dict[str, Any]:
    """A worker that is killed under load, and who notices."""
    found: dict[str, Any] = {"seconds until a new worker serves": [], "errors of others": 0}
    found["most connections"] = 0
    with serving(at, 2, BACKENDS) as one:
        for _ in range(rounds):
            stop, troubles, most = threading.Event(), [], [0]
            clients = [_connect(one.running.port) for _ in range(CLIENTS)]
            threads = [
                threading.Thread(target=_work, args=(client, stop, troubles))
                for client in clients
            ]
            threads.append(threading.Thread(target=_count, args=(at, stop, most)))
            for thread in threads:
                thread.start()
            time.sleep(_SETTLE_SECONDS / 2)
            count = len(one.lines("a worker serves"))
            began = time.time()
            os.kill(one.workers()[1], signal.SIGKILL)
            line = one.wait_for("a worker serves", count + 1)
            served = datetime.fromisoformat(line["timestamp"]).timestamp()
            time.sleep(_SETTLE_SECONDS / 2)
            stop.set()
            for thread in threads:
                thread.join()
            found["seconds until a new worker serves"].append(served - began)
            found["errors of others"] += sum(number != 1 for number in troubles)
            found["most connections"] = max(found["most connections"], most[0])
            time.sleep(10)  # a worker that dies soon after another one is replaced later
    return found


def _work(client: Any, stop: threading.Event, troubles: list[int]) -> None:
    number = client.thread_id() % 64
    try:
        with contextlib.closing(client), client.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT SLEEP(0.001)")
    except pymysql.Error:
        troubles.append(number)


def _count(at: Site, stop: threading.Event, most: list[int]) -> None:
    text = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{USER}'"
    with contextlib.closing(_connect(at.server.port)) as client, client.cursor() as cursor:
        while not stop.is_set():
            cursor.execute(text)
            most[0] = max(most[0], cursor.fetchone()[0] - 1)  # but for this one


def _tell(found: dict[str, Any]) -> None:
    for work, rows in found.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
            told = ", ".join(f"{name} {value:,.1f}" for name, value in medians.items())
        elif isinstance(rows, list):
            told = ", ".join(f"{value:.2f}" for value in rows)
        else:
            told = str(rows)
        print(f"  {work:32} {told}")


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Of each measurement.")
@click.option("--save/--no-save", default=True, help="Keep the figures in bench/results.")
def main(rounds: int, seconds: float, save: bool) -> None:  # noqa: FBT001 - click's way
    """Measure workers."""
    raise_file_limit()
    try:
        load = Sysbench(tools.sysbench())
        with site() as at:
            with serving(at, 1, BACKENDS) as one:
                load.prepare(one.running)
            results = {
                "machine": machine.describe({"sysbench": (*load.program.command, "--version")})
            }
            for name, measure in (
                ("costs", lambda: costs(at, load, rounds, seconds)),
                ("lopsided", lambda: lopsided(at, load, rounds, seconds)),
                ("kills", lambda: kills(at, rounds)),
            ):
                print(name, flush=True)
                results[name] = measure()
                _tell(results[name])
    except (EmbeddedError, LoadFailedError, tools.ProgramMissingError) as error:
        sys.exit(f"bench-workers: {error}")
    if save:
        path = RESULTS / f"workers-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.json"
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(f"kept in {path.name}")


if __name__ == "__main__":
    main()
