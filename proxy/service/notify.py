"""What systemd is told: that the service is ready, reloads, stops, lives, and how it is doing.

Datagrams of lines NAME=value to the socket that NOTIFY_SOCKET names (sd_notify(3)).  The
protocol is some lines; of the libraries for it none is kept any more, and none sends from an
event loop.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping

from structlog.typing import FilteringBoundLogger

from proxy.net.clock import Clock, Timer, cancel
from proxy.service.assembly import Assembly

STATUS_SECONDS = 5.0
"""How often the status is told: people look at it, and systemd keeps the last one only."""

LONGEST_STATUS = 250
"""Characters of a status: `systemctl status` shows one line."""

PATIENCE_SECONDS = 1.0
"""How long a word that must not get lost may wait for a systemd that is busy, and clients with
it: without MAINPID the end of an old process would be the end of the service."""

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def for_successor(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that takes over: the watchdog is for that one then."""
    ours = str(os.getpid())
    return {
        name: value
        for name, value in environ.items()
        if (name, value) != ("WATCHDOG_PID", ours)
    }


def status_of(assemblies: Iterable[Assembly]) -> str:
    """How the proxies are doing, as one line."""
    return "; ".join(map(_status, assemblies))


def _status(assembly: Assembly) -> str:
    proxy, steward = assembly.proxy, assembly.steward
    connections = sum(pool.ledger.total for pool in proxy.pools)
    told = f"{proxy.config.name}: {proxy.count} clients on {connections} connections"
    if steward.waits.why:
        return f"{told}, which wait ({steward.waits.why})"
    return f"{told}, writer {steward.writer}"


class Notifier:
    """Tells systemd, where that has started us; else says nothing.

    Args:
        environ: The environment.  What is for us is taken out of it, for it is for no child.
        clock: Calls back for the watchdog and the status.
        status: How the service is doing, as a line for people.
        log: For what cannot be told.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        clock: Clock,
        status: Callable[[], str],
        log: FilteringBoundLogger,
    ) -> None:
        where, watchdog, whose = (environ.pop(name, "") for name in _VARIABLES)
        # An @ stands for the NUL of the abstract namespace; other families are for machines.
        self._address = "\0" + where[1:] if where[:1] == "@" else where
        if self._address[:1] not in ("/", "\0"):
            self._address = ""
        self._clock = clock
        self._status = status
        self._log = log
        self._socket: socket.socket | None = None
        self._timers: dict[Callable[[], None], Timer] = {}
        self._failed = self._stops = False
        self.watchdog_seconds: float | None = None
        if self._address and watchdog.isdigit() and whose in ("", str(os.getpid())):
            # Half of what is allowed, as sd_watchdog_enabled(3) advises.
            self.watchdog_seconds = int(watchdog) / 1_000_000 / 2 or None

    def __repr__(self) -> str:
        """Whether anybody listens."""
        return f"<Notifier {'of systemd' if self._address else 'of nobody'}>"

    def ready(self) -> None:
        """It serves: it has begun to, or has reloaded."""
        if self._stops:
            return
        self._send("READY=1", f"STATUS={self._line()}")
        if self._address:
            self._repeat(self._tell_status, STATUS_SECONDS)
            if self.watchdog_seconds is not None:
                self._repeat(self._live, self.watchdog_seconds)

    def reloading(self) -> None:
        """The configuration is read again; `ready` ends this, also when it was refused."""
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={moment}", "STATUS=reloading")

    def hand_over(self, pid: int) -> None:
        """Another process is the service by now; what comes from this one counts no more."""
        self._send(f"MAINPID={pid}", "READY=1", "STATUS=served by a new process")
        self._end()

    def stopping(self, clients: int) -> None:
        """It finishes what runs, and ends; a reload that ends meanwhile says nothing more."""
        self._stops = True
        self._send("STOPPING=1", f"STATUS=stopping: {clients} clients are left")
        if self._tell_status in self._timers:
            cancel(self._timers.pop(self._tell_status))

    def stop(self) -> None:
        """Tell nothing more."""
        self._end()

    def _end(self) -> None:
        for timer in self._timers.values():
            cancel(timer)
        self._timers.clear()
        self._hang_up()
        self._address = ""

    def _repeat(self, tell: Callable[[], None], seconds: float) -> None:
        def again() -> None:
            tell()
            self._repeat(tell, seconds)

        cancel(self._timers.get(tell))
        self._timers[tell] = self._clock.callLater(seconds, again)

    def _tell_status(self) -> None:
        self._send(f"STATUS={self._line()}", patience=0.0)

    def _live(self) -> None:
        self._send("WATCHDOG=1", patience=0.0)

    def _line(self) -> str:
        return "".join(char if char.isprintable() else "?" for char in self._status())[
            :LONGEST_STATUS
        ]

    def _send(self, *lines: str, patience: float = PATIENCE_SECONDS) -> None:
        if not self._address:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.connect(self._address)  # else nobody knows when there is room
            self._socket.settimeout(patience)
            self._socket.send("\n".join(lines).encode())
        except OSError as error:
            if not self._failed:
                why = error.strerror or "it does not read"
                self._log.warning("systemd cannot be told how it goes", why=why)
            self._failed = True
            if not isinstance(error, TimeoutError | BlockingIOError):
                self._hang_up()  # it may be another one that is there next time
        else:
            self._failed = False

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
