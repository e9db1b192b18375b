"""Where finished lines go: a stream that may be full, closed, or read by nobody.

Nobody waits for a log.  What a pipe, a socket or a terminal does not take now is kept in
memory, up to `KEPT_BYTES`; beyond that, and on a full disk, lines are lost and counted.  When
writing works again a line says how many.

The descriptor stays in the blocking mode that it has: it may be shared with a shell and with
other processes, and the mode would be theirs as well.  Instead it is asked before each write
whether it takes `PIECE` bytes, which is what POSIX promises for a pipe.
"""

from __future__ import annotations

import collections
import os
import select
import stat
import threading
from collections.abc import Callable
from typing import Final, TextIO

KEPT_BYTES: Final = 1 << 20
"""What waits in memory for a reader that is slow: some 3,000 lines, seconds of a busy log."""

PIECE: Final = select.PIPE_BUF
"""What is written at once to what is no file: a writable pipe takes so much at least."""

_READY: Final = select.POLLOUT | select.POLLERR | select.POLLHUP | select.POLLNVAL
"""With an error a write says which, and does not wait either."""

Tell = Callable[[int, str], None]
"""Says how many lines were lost, and why."""


class Sink:
    """Writes finished lines to a stream, for as long as the stream takes them.

    Attributes:
        lost: Lines that were lost since writing worked last.
        lost_total: Lines that were lost at all.
    """

    def __init__(
        self, stream: TextIO, tell: Tell = lambda _lines, _why: None, kept: int = KEPT_BYTES
    ) -> None:
        """Make a sink.

        Args:
            stream: As it is now.
            tell: Called when writing works again.
            kept: Bytes that wait for a slow reader at most.
        """
        self._stream = stream
        self._tell = tell
        self._kept = kept
        self._waiting: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._begun = self._torn = False
        self._writing = threading.Lock()
        self._why = ""
        self.lost = self.lost_total = 0
        self._descriptor = _descriptor(stream)
        self._piece = _piece(self._descriptor)
        self._poll = select.poll()
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLOUT)

    def __repr__(self) -> str:
        """How it fares."""
        return f"<Sink: {self._size} bytes wait, {self.lost_total} lines were lost>"

    def msg(self, line: str) -> None:
        """Write a line; its end is added."""
        if self._descriptor is None:
            self._write_text(line + "\n")
            return
        if self._size > self._kept:
            self._lose("nobody reads them")
        else:
            data = (line + "\n").encode("utf-8", "backslashreplace")
            size = len(data)  # no call in the midst of adding, where another thread has a turn
            self._waiting.append(data)
            self._size += size
        self.flush()

    debug = info = warning = error = critical = msg

    def flush(self, seconds: float = 0.0) -> None:
        """Write what waits, as far as the stream takes it.

        Args:
            seconds: How long to wait for a stream that takes nothing at the moment.
        """
        # A signal's handler logs too, whatever it has interrupted, and so do threads: that is
        # written by whoever is at it.
        if not self._writing.acquire(blocking=False):
            return
        try:
            works = self._flush(seconds)
        finally:
            self._writing.release()
        if works:
            self._say_what_was_lost()

    def _flush(self, seconds: float) -> bool:
        """Write what waits; whether all is written, and that worked."""
        works = False
        while self._waiting:
            if self._stream.closed:
                works = self._drop("the stream is closed")
            elif not self._takes(seconds):
                return False
            else:
                try:
                    works = self._write_first()
                except BlockingIOError:  # it does not block at all, and has less room
                    return False
                except OSError as error:
                    works = self._drop(error.strerror or str(error))
        return works

    def _takes(self, seconds: float) -> bool:
        return any(events & _READY for _, events in self._poll.poll(seconds * 1000))

    def _write_first(self) -> bool:
        """Write the first line that waits, or a piece of it; that it worked."""
        assert self._descriptor is not None
        data = self._waiting[0]
        if self._torn:
            # What is left of a line that was broken off does not swallow the next one.
            os.write(self._descriptor, b"\n")
            self._torn = False
        written = os.write(self._descriptor, data[: self._piece])
        self._size -= written
        self._begun = written < len(data)
        if self._begun:
            self._waiting[0] = data[written:]
        else:
            self._waiting.popleft()
        return True

    def _drop(self, why: str) -> bool:
        """The first line that waits is lost; that it did not work."""
        size = len(self._waiting.popleft())
        self._size -= size
        self._torn = self._torn or self._begun
        self._begun = False
        self._lose(why)
        return False

    def _write_text(self, text: str) -> None:
        """Write to a stream that has no descriptor: one in memory."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._lose(str(error))
        else:
            self._say_what_was_lost()

    def _lose(self, why: str) -> None:
        self.lost += 1
        self.lost_total += 1
        self._why = why

    def _say_what_was_lost(self) -> None:
        lost, self.lost = self.lost, 0
        if lost:
            self._tell(lost, self._why)
            if self.lost:  # what was to say so, too
                self.lost = lost


def _descriptor(stream: TextIO) -> int | None:
    """The stream's descriptor; None where it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _piece(descriptor: int | None) -> int | None:
    """How much is written at once; None for all of it: a file waits for nobody."""
    if descriptor is None or stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    return PIECE
