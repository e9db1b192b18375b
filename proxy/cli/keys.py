"""Single keys of a terminal, read by the reactor."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Callable, Mapping
from typing import Any, Self

_MANY = 64
"""More keys at once nobody presses."""


class Keys:
    """Keys that do something while the block lasts.

    Attributes:
        there: Whether somebody can press any: standard input is a terminal, and this process
            stands in its foreground.
    """

    def __init__(self, reactor: Any, acts: Mapping[str, Callable[[], None]]) -> None:
        """Read nothing yet.

        Args:
            reactor: Reads.
            acts: What each key does.
        """
        self._reactor = reactor
        self._acts = acts
        self._before: list[Any] | None = None
        self._file = _standard_input()
        self.there = self._file is not None

    def __enter__(self) -> Self:
        if self._file is not None:
            self._before = termios.tcgetattr(self._file)
            tty.setcbreak(self._file, termios.TCSADRAIN)
            self._reactor.addReader(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None and self._before is not None:
            self._reactor.removeReader(self)
            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)
            self._before = None

    # twisted.internet.interfaces.IReadDescriptor

    def fileno(self) -> int:
        """See `IReadDescriptor`."""
        return -1 if self._file is None else self._file

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """See `ILoggingContext`."""
        return "keys"

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """See `IReadDescriptor`: do what the keys are for; others do nothing."""
        try:
            pressed = os.read(self.fileno(), _MANY)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal has gone
            self._close()
        for key in pressed.decode("ascii", "ignore").lower():
            if key in self._acts:
                self._acts[key]()

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        """See `IReadDescriptor`."""
        self._close()


def _standard_input() -> int | None:
    """Its file descriptor where somebody types there."""
    try:
        number = sys.stdin.fileno()
        # In the background whoever touches the terminal is stopped.
        return number if os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError, AttributeError):
        return None
