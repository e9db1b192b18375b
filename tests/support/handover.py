"""Processes of the proxy that follow one another, each started by the one before."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import attrs

from tests.support.process import RunningProxy

LIMIT_SECONDS = 60.0


@attrs.define(eq=False)
class Succession:
    """A running proxy, and those that have taken its place.

    Attributes:
        first: The one that the test has started; its log is that of all.
        pids: All process ids, the newest last.
    """

    first: RunningProxy
    pids: list[int] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.pids.append(self.first.process.pid)

    def lines(self, message: str) -> list[dict[str, object]]:
        """Lines of the log with this message."""
        return [line for line in self.first.log() if line.get("message") == message]

    def replace(self) -> int:
        """Have the newest process replaced; the process id of the new one, which serves."""
        count = len(self.pids)
        os.kill(self.pids[-1], signal.SIGUSR2)
        # The old one says so first; until the new one does it cannot be replaced itself.
        for message in ("another process is the service", "this process has taken over"):
            wait_until(lambda message=message: len(self.lines(message)) == count)
        pid = self.lines("another process is the service")[-1]["pid"]
        assert isinstance(pid, int)
        self.pids.append(pid)
        return pid

    def has_ended(self, number: int) -> bool:
        """Whether the process of this place in `pids` is gone."""
        if not number:
            return self.first.process.poll() is not None
        return not is_running(self.pids[number])

    def end(self) -> None:
        """Stop all of them, as a service manager does."""
        for pid in self.pids[1:]:
            if is_running(pid):
                os.kill(pid, signal.SIGTERM)
        for pid in self.pids[1:]:
            wait_until(lambda pid=pid: not is_running(pid))


def python_path() -> str:
    """Where a process in another folder finds the form of the modules that is tested."""
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(Path.cwd()))))


def is_running(pid: int) -> bool:
    """Whether a process is there and more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(condition) -> None:
    """Look until it holds, and fail when it does not in time."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
