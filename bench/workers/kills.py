"""A worker that is killed under load: who notices, and how soon another one serves."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from datetime import datetime
from typing import Any, Final

import pymysql

from bench.site import USER, Site
from bench.workers.serving import BACKENDS, CLIENTS, connect, serving

_VICTIM: Final = 1
"""The number of the worker that is killed."""

_LOADED_SECONDS: Final = 1.0
"""How long clients work before a worker is killed, and after another one serves."""

_PAUSE_SECONDS: Final = 10.0
"""A worker that dies sooner after another one is replaced later."""


def kills(at: Site, rounds: int) -> dict[str, Any]:
    """Seconds until a new worker serves, and what others heard and the server saw."""
    found: dict[str, Any] = {"seconds until a new worker serves": [], "errors of others": 0}
    found["most connections"] = 0
    with serving(at, 2, BACKENDS) as one:
        for _ in range(rounds):
            stop, troubles, most = threading.Event(), [], [0]
            clients = [connect(one.running.port) for _ in range(CLIENTS)]
            threads = [
                threading.Thread(target=_work, args=(client, stop, troubles))
                for client in clients
            ]
            threads.append(threading.Thread(target=_count, args=(at, stop, most)))
            for thread in threads:
                thread.start()
            time.sleep(_LOADED_SECONDS)
            count = len(one.lines("a worker serves"))
            began = time.time()
            os.kill(one.workers()[_VICTIM], signal.SIGKILL)
            line = one.wait_for("a worker serves", count + 1)
            served = datetime.fromisoformat(line["timestamp"]).timestamp()
            time.sleep(_LOADED_SECONDS)
            stop.set()
            for thread in threads:
                thread.join()
            found["seconds until a new worker serves"].append(served - began)
            found["errors of others"] += sum(number != _VICTIM for number in troubles)
            found["most connections"] = max(found["most connections"], most[0])
            time.sleep(_PAUSE_SECONDS)
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
    with contextlib.closing(connect(at.server.port)) as client, client.cursor() as cursor:
        while not stop.is_set():
            cursor.execute(text)
            most[0] = max(most[0], cursor.fetchone()[0] - 1)  # but for this one
