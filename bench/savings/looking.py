"""What a process has, and has used so far, by /proc (proc_pid_status(5), proc_pid_smaps(5))."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import attrs

from bench import machine
from bench.many.family import family

_SWITCHES: Final = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)
_LOOK_SECONDS: Final = 0.2
_STATUS: Final = (
    "SELECT MAX(IF(VARIABLE_NAME = 'Threads_connected', VARIABLE_VALUE + 0, 0)), "
    "MAX(IF(VARIABLE_NAME = 'Threads_running', VARIABLE_VALUE + 0, 0)) FROM {}.global_status "
    "WHERE VARIABLE_NAME IN ('Threads_connected', 'Threads_running')"
)


@attrs.frozen
class Look:
    """A process, and those that it has started, at one moment.

    Attributes:
        memory_bytes: its share of what it has in memory (Pss): what it shares with others
            counts in part.
        threads: how many it has.
        switches: context switches of all its threads that live, since their beginnings.
        cpu_seconds: processor time, user and system.
    """

    memory_bytes: int
    threads: int
    switches: int
    cpu_seconds: float


def look(pid: int) -> Look:
    """How it is now.

    Raises:
        OSError: there is no such process, or it belongs to somebody else.
    """
    looks = [_look(one) for one in family(pid)]
    return Look(
        sum(one.memory_bytes for one in looks),
        sum(one.threads for one in looks),
        sum(one.switches for one in looks),
        sum(one.cpu_seconds for one in looks),
    )


def _look(pid: int) -> Look:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    threads = re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)
    assert threads is not None, "every process has this line"
    return Look(
        machine.parse_memory(rollup, "Pss"),
        int(threads[1]),
        sum(map(switches, _of_tasks(pid))),
        machine.cpu_seconds(pid),
    )


def _of_tasks(pid: int) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            yield (task / "status").read_text("utf-8")
        except OSError:
            continue  # it has just ended


def switches(status: str) -> int:
    """Context switches, wanted and unwanted, in the status of a thread."""
    return sum(int(count) for count in _SWITCHES.findall(status))


class Onlooker:
    """Asks a server now and then how many threads are connected and how many run.

    Its own one is not counted.

    Attributes:
        connected: what it was told, look by look.
        running: likewise.
    """

    def __init__(self, connection: Any, schema: str) -> None:
        self._connection = connection
        self._text = _STATUS.format(schema)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.connected: list[int] = []
        self.running: list[int] = []

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._ended.wait(_LOOK_SECONDS):
                cursor.execute(self._text)
                [(connected, running)] = cursor.fetchall()
                self.connected.append(int(connected) - 1)
                self.running.append(int(running) - 1)
