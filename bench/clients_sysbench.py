"""Runs sysbench against a peer and reads what it says."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from typing import Final

import attrs

from bench import machine, tools
from bench.peers import Running
from bench.report import Sample
from bench.site import PASSWORD, SCHEMA, USER

TABLES: Final = 4
ROWS: Final = 10_000

_EXTRA_SECONDS = 60.0
"""How much longer than it was told sysbench may take: 200 logins and a slow machine."""


class LoadFailedError(Exception):
    """A load ended with an error; the text is the first that it said."""


@attrs.frozen
class Outcome:
    """What sysbench counted.

    Attributes:
        events: operations, each what its script calls an event.
        seconds: how long it ran, without the logins at the start.
        p99_ms: 99th percentile of the latency.
        errors: deadlocks and the like, after which it went on.
    """

    events: int
    seconds: float
    p99_ms: float
    errors: int


_PATTERNS: Final = {
    "events": re.compile(r"total number of events:\s+(\d+)"),
    "seconds": re.compile(r"total time:\s+([\d.]+)s"),
    "p99": re.compile(r"99th percentile:\s+([\d.]+)"),
    "errors": re.compile(r"ignored errors:\s+(\d+)"),
}

_COMPLAINT: Final = re.compile(r"^(?:FATAL|ALERT): (?!unable to connect)(.+)$", re.MULTILINE)


def parse(text: str) -> Outcome:
    """The outcome in sysbench's report (version 1.0, with ``--percentile=99``).

    Raises:
        LoadFailedError: there is no report; the text is the first complaint.
    """
    found = {name: pattern.search(text) for name, pattern in _PATTERNS.items()}
    events, seconds, p99, errors = found.values()
    if not (events and seconds and p99 and errors):
        complaint = _COMPLAINT.search(text)
        last = text.strip().splitlines() or ["it said nothing"]
        raise LoadFailedError(f"sysbench: {complaint[1] if complaint else last[-1]}")
    return Outcome(int(events[1]), float(seconds[1]), float(p99[1]), int(errors[1]))


@attrs.frozen
class Sysbench:
    """sysbench, found."""

    program: tools.Program

    def prepare(self, running: Running) -> None:
        """Make the tables.

        Raises:
            LoadFailedError: it did not come to its end.
        """
        command = self._command(running, "oltp_read_write", 1, "prepare")
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=tools.environment_of(self.program),
            timeout=_EXTRA_SECONDS,
            check=False,
        )
        if done.returncode:
            raise LoadFailedError(f"sysbench prepare: {done.stdout[-300:]}{done.stderr[-300:]}")

    def run(
        self, running: Running, script: str, threads: int, seconds: float, *, prepared: bool
    ) -> tuple[Outcome, float | None]:
        """Run a script; also the proxy's processor time, without that of the logins.

        Raises:
            LoadFailedError: it did not come to its end.
        """
        options = (
            f"--time={seconds:.0f}",
            "--percentile=99",
            f"--db-ps-mode={'auto' if prepared else 'disable'}",
        )
        process = subprocess.Popen(
            self._command(running, script, threads, "run", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=tools.environment_of(self.program),
            cwd=running.client_folder,
        )
        limit = threading.Timer(seconds + _EXTRA_SECONDS, process.kill)
        limit.start()
        try:
            text, used = self._read(process, running.pid)
        finally:
            limit.cancel()
            process.wait()
        return parse(text), used

    @staticmethod
    def _read(process: subprocess.Popen[str], pid: int | None) -> tuple[str, float | None]:
        """All it says, and the processor time between its start and the end of its load."""
        assert process.stdout is not None
        lines, used = [], None
        began = machine.cpu_seconds(pid) if pid else 0.0
        with process.stdout:
            for line in process.stdout:
                lines.append(line)
                if pid and line.startswith("Threads started"):
                    began = machine.cpu_seconds(pid)
                if pid and line.startswith("SQL statistics"):
                    used = machine.cpu_seconds(pid) - began
        return "".join(lines), used

    def _command(
        self, running: Running, script: str, threads: int, verb: str, *options: str
    ) -> tuple[str, ...]:
        path = Path(script)
        if not path.is_absolute():
            path = tools.sysbench_scripts(self.program) / f"{script}.lua"
        own = (
            ()
            if path.parent == Path(__file__).parent
            else (
                f"--tables={TABLES}",
                f"--table-size={ROWS}",
            )
        )
        return (
            *self.program.command,
            str(path),
            f"--mysql-host={running.host}",
            f"--mysql-port={running.port}",
            f"--mysql-user={USER}",
            f"--mysql-password={PASSWORD}",
            f"--mysql-db={SCHEMA}",
            f"--threads={threads}",
            *(("--mysql-ssl=on",) if running.client_folder else ()),
            *own,
            *options,
            verb,
        )


def rate(outcome: Outcome, used: float | None) -> Sample:
    """Operations per second."""
    return Sample(
        outcome.events / outcome.seconds,
        _each(outcome, used),
        outcome.p99_ms,
        outcome.errors,
    )


def mean_microseconds(outcome: Outcome, used: float | None) -> Sample:
    """Time of one operation, for a single client."""
    return Sample(
        outcome.seconds / max(outcome.events, 1) * 1e6,
        _each(outcome, used),
        outcome.p99_ms,
        outcome.errors,
    )


def _each(outcome: Outcome, used: float | None) -> float | None:
    return None if used is None else used / max(outcome.events, 1)
