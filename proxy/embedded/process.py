"""A process under guard: it ends when its starter does (see `proxy.embedded.guard`)."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from proxy.embedded import guard
from proxy.embedded.errors import ServerFailedError

KILL_LIMIT_SECONDS = 10.0
"""How long the kernel may take to end a killed process; it is busy freeing its memory."""

FREEZE_LIMIT_SECONDS = 10.0
"""How long the kernel may take to stop all threads; one that waits for the disk stops later."""


@attrs.define(eq=False)
class GuardedProcess:
    """
    A running command and the guard that watches it.

    Attributes:
        pid: the process id of the command itself, not of its guard.
    """

    pid: int
    _guard: "subprocess.Popen[bytes]" = attrs.field(repr=False)

    @classmethod
    def start(
        cls, command: tuple[str, ...], *, log: Path, folder: Path, limit_seconds: float
    ) -> "GuardedProcess":
        """
        Start a command in a session of its own: Ctrl-C in the terminal does not reach it.

        Args:
            command: the program's path and its words.
            log: the file to append its output to.
            folder: what the guard removes if this process dies without stopping it.
            limit_seconds: how long the command may take to finish in that case.

        Raises:
            ServerFailedError: the command cannot be run; the log says why.
        """
        words = [sys.executable, "-I", "-S", guard.__file__, str(limit_seconds), str(folder)]
        with log.open("ab") as output:
            watcher = subprocess.Popen(  # noqa: S603 - our own file and the caller's words
                [*words, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        assert watcher.stdout is not None
        with watcher.stdout:
            said = watcher.stdout.readline()
        if not said.strip().isdigit():
            _close(watcher)
            watcher.wait(KILL_LIMIT_SECONDS)
            raise ServerFailedError(f"{command[0]} could not be started; see {log}.")
        return cls(int(said), watcher)

    def is_running(self) -> bool:
        """Whether the command has not ended yet."""
        if self._guard.poll() is None:
            return True
        _close(self._guard)
        return False

    def stop(self, limit_seconds: float) -> None:
        """Ask the command to finish (SIGTERM) and wait; kill it after the limit."""
        # A frozen process obeys once it is thawed.
        self._tell(b"TC")
        if not self._ended_within(limit_seconds):
            self.kill()

    def kill(self) -> None:
        """
        End the command at once (SIGKILL) and wait until it is gone.

        Raises:
            ServerFailedError: the kernel did not end it in time.
        """
        self._tell(b"K")
        if not self._ended_within(KILL_LIMIT_SECONDS):
            raise ServerFailedError(
                f"Process {self.pid} did not end within {KILL_LIMIT_SECONDS:.0f} s of SIGKILL."
            )

    def freeze(self) -> None:
        """
        Stop the command where it stands (SIGSTOP) and wait until it does nothing any more.

        Raises:
            ServerFailedError: it has ended, or the kernel did not stop it in time.
        """
        self._tell(b"S")
        self._wait_until_frozen(wanted=True)

    def thaw(self) -> None:
        """
        Let a frozen command go on (SIGCONT).

        Raises:
            ServerFailedError: it has ended, or the kernel did not wake it in time.
        """
        self._tell(b"C")
        self._wait_until_frozen(wanted=False)

    def is_frozen(self) -> bool:
        """Whether all threads of the command are stopped."""
        return self.is_running() and all(state == "T" for state in _states(self.pid))

    def _wait_until_frozen(self, *, wanted: bool) -> None:
        deadline = time.monotonic() + FREEZE_LIMIT_SECONDS
        while self.is_frozen() is not wanted or not self.is_running():
            if not self.is_running():
                raise ServerFailedError(f"Process {self.pid} has ended.")
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    f"Process {self.pid} did not {'freeze' if wanted else 'thaw'} within "
                    f"{FREEZE_LIMIT_SECONDS:.0f} s."
                )
            time.sleep(0.002)

    def _tell(self, word: bytes) -> None:
        assert self._guard.stdin is not None
        # A guard that has ended does not listen, and has nothing left to do.
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._guard.stdin.write(word)
            self._guard.stdin.flush()

    def _ended_within(self, limit_seconds: float) -> bool:
        # Popen.wait with a limit sleeps up to 50 ms at a time: too long for a quick stop.
        deadline = time.monotonic() + limit_seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True


def _states(pid: int) -> Iterator[str]:
    """The state of each thread, one letter as in proc_pid_stat(5)."""
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        # A thread may end between the list and the look.
        with contextlib.suppress(OSError):
            # The name before it is in parentheses and may itself hold some.
            yield thread.read_text().rpartition(")")[2].split()[0]


def _close(watcher: "subprocess.Popen[bytes]") -> None:
    """Close the pipe to a guard; what it did not read is lost with it."""
    assert watcher.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        watcher.stdin.close()
