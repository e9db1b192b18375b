"""A proxy of its own for each point of a curve, and what it has used."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from bench import machine, tools
from bench.encryption import Tls
from bench.many.family import family
from bench.peers import Order, Peer, Running, start
from bench.programs import PEERS
from bench.report import OURS
from bench.site import Site

SPARE_FILES: Final = 64
"""What a process has open besides connections: its log, the reactor, listeners, monitors."""

_LOOK_SECONDS: Final = 0.5
_STILL_SHARE: Final = 0.1
"""Of a core: a process that starts wants all of it, and one without work next to nothing."""

_STILL_LIMIT_SECONDS: Final = 30.0
"""How long several processes that start at once, and one in reserve, are waited for."""


@attrs.frozen
class Setting:
    """How the proxy of a point is set up.

    Attributes:
        backends: the most connections to the server.
        workers: the processes that serve.
        idle: clients that have logged in and do nothing.
    """

    backends: int = 16
    workers: int = 1
    idle: int = 0


@attrs.frozen
class Way:
    """A proxy at work, all of its processes taken together."""

    _running: Running

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._running.host

    @property
    def port(self) -> int:
        """Likewise."""
        return self._running.port

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        return sum(machine.cpu_seconds(pid) for pid in self._processes())

    def run_seconds(self) -> float:
        """The same to the nanosecond, without that of threads that have ended."""
        return self._scheduled(1)

    def settle(self) -> None:
        """Wait until it does nothing: until all of its processes have started."""
        ends = time.monotonic() + _STILL_LIMIT_SECONDS
        wanted = self._scheduled(2)
        while time.monotonic() < ends:
            time.sleep(_LOOK_SECONDS)
            before, wanted = wanted, self._scheduled(2)
            if wanted - before < _STILL_SHARE * _LOOK_SECONDS:
                return

    def memory_bytes(self) -> int:
        """Memory that it has now; what processes share counts for each."""
        return sum(machine.memory_bytes(pid) for pid in self._processes())

    def _scheduled(self, fields: int) -> float:
        """Seconds on a processor; with two fields also those of waiting for one."""
        files = [
            file
            for pid in self._processes()
            for file in Path(f"/proc/{pid}/task").glob("*/schedstat")
        ]
        return (
            sum(sum(map(int, file.read_text("ascii").split()[:fields])) for file in files) / 1e9
        )

    def _processes(self) -> list[int]:
        assert self._running.pid is not None
        return family(self._running.pid)


@contextlib.contextmanager
def way(here: Site, setting: Setting, clients: int, tls: Tls = Tls.NOWHERE) -> Iterator[Way]:
    """A fresh proxy for the time of the block.

    Args:
        here: where the server is.
        setting: how it is set up.
        clients: how many it has to serve at once.
        tls: whether it offers TLS.

    Raises:
        PeerFailedError: it did not serve in time.
        ProgramMissingError: the compiled form was not built.
    """
    ours = PEERS[OURS]

    def configure(program: tools.Program, order: Order) -> tuple[str, ...]:
        words = ours.configure(program, order)
        set_workers(Path(words[-1]), setting.workers)
        return words

    peer = Peer(ours.name, ours.pools, ours.find, configure)
    running = start(peer, peer.find(), here, setting.backends, clients, tls)
    # It is told here whether clients may speak TLS, not that sysbench's do.
    running.client_folder = None
    try:
        found = Way(running)
        if setting.workers > 1:
            # The first client is served when the first of them does.
            found.settle()
        yield found
    finally:
        running.close()


def set_workers(path: Path, workers: int) -> None:
    """Say in a configuration how many processes serve."""
    text = re.sub(r"^workers:.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    path.write_text(f"{text}workers: {workers}\n", "utf-8")
