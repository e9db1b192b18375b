"""Looks at a proxy while it is under load: its memory, and how it serves one more client."""

from __future__ import annotations

import threading
import time
from typing import Final, Self

import attrs
import pymysql

from bench import peers
from bench.many import family
from bench.peers import Running

_LOOK_SECONDS: Final = 0.25
_PAUSE_SECONDS: Final = 0.02
_STATEMENT: Final = "SELECT 1"

IN_A_ROW: Final = 5


@attrs.frozen
class Probe:
    """One statement of the onlooker.

    Attributes:
        asked: when, by `time.monotonic`.
        seconds: until its answer came.
        trouble: the number of its error; 0 for none.
    """

    asked: float
    seconds: float
    trouble: int


class Watch:
    """See the module.

    Attributes:
        memory: when, and bytes.
        probes: what one client more noticed, one statement after the other.
    """

    def __init__(self, running: Running) -> None:
        assert running.pid is not None
        self._pid = running.pid
        self._connection = peers.connect(running)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._weigh, self._probe)]
        self.memory: list[tuple[float, int]] = []
        self.probes: list[Probe] = []

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def _weigh(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.memory.append((time.monotonic(), family.memory_bytes(self._pid)))

    def _probe(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._ended.wait(_PAUSE_SECONDS):
                asked, trouble = time.monotonic(), 0
                try:
                    cursor.execute(_STATEMENT)
                except pymysql.err.MySQLError as error:
                    trouble = int(error.args[0])
                self.probes.append(Probe(asked, time.monotonic() - asked, trouble))


def recovered(probes: list[Probe], ended: float, normal_seconds: float) -> float:
    """Seconds from the end of a load until the onlooker was served as it is without one.

    That is before the first `IN_A_ROW` that were all served so: a single slow one may be
    anybody's fault.

    Args:
        probes: all of them.
        ended: when the load ended.
        normal_seconds: what counts as served so.
    """
    last, well = ended, 0
    for probe in probes:
        answered = probe.asked + probe.seconds
        if answered <= ended:
            continue
        if probe.trouble or probe.seconds > normal_seconds:
            last, well = answered, 0
        else:
            well += 1
        if well == IN_A_ROW:
            break
    return last - ended
