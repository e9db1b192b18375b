"""The part of a reactor that knows time; tests give a `twisted.internet.task.Clock`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A call that will happen."""

    def active(self) -> bool:
        """Whether it still will."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock(Protocol):
    """Time in seconds that never goes back."""

    def seconds(self) -> float:
        """Now."""

    def callLater(self, delay: float, call: Callable[..., object], *args: Any) -> Timer:
        """Call it after so many seconds."""


def cancel(timer: Timer | None) -> None:
    """Cancel a timer that may have run already, or never have been set."""
    if timer is not None and timer.active():
        timer.cancel()
