"""Reading files in threads, where one may hang."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")

Run: TypeAlias = Callable[[Callable[[], object]], "Deferred[object]"]
"""Calls something in a thread, as `AwsThreads.run` does, and may give up waiting for it."""


class Reading(Generic[T]):
    """Work in a thread that is never begun a second time before it is over.

    A file system that is away keeps a thread for good: one of them, and not one for each look.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._awaited = False
        self._at_work = False

    def __repr__(self) -> str:
        """Whether a thread is at it."""
        return f"<Reading: {'busy' if self.busy else 'idle'}>"

    @property
    def busy(self) -> bool:
        """Whether somebody waits for it, or a thread is at it although nobody does any more."""
        return self._awaited or self._at_work

    def begin(self, work: Callable[[], T]) -> Deferred[T]:
        """Do it, when it is not busy; fails as the work or the thread does."""
        self._awaited = True

        def do() -> T:
            self._at_work = True
            try:
                return work()
            finally:
                self._at_work = False

        def over(result: object) -> object:
            self._awaited = False
            return result

        return maybeDeferred(self._run, do).addBoth(over)  # type: ignore[return-value]
