"""What the slow lane does for one client: one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from proxy.front.client import Client

Task = Coroutine[Any, Any, None]


class Tasks:
    """The running task of a client, and what follows it.

    A command runs alone: the dialogue gives out the next one only when it has been answered;
    but it may come while the lease is called back, and a lease may be called back while a
    command is under way.

    Attributes:
        is_working: Whether a task runs.
    """

    __slots__ = ("_client", "_following", "_running", "_soon", "is_working")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._running: Deferred[None] | None = None
        self._following: Task | None = None
        self._soon: Callable[[Client], Task] | None = None
        self.is_working = False

    def __repr__(self) -> str:
        """Whether there is one."""
        return f"<Tasks {'working' if self.is_working else 'idle'}>"

    def run(self, task: Task) -> None:
        """Run a task, now or behind the one that runs."""
        if self.is_working:
            assert self._following is None, "two commands for one client"
            self._following = task
            return
        self.is_working = True
        running = Deferred.fromCoroutine(task)
        if not running.called:
            self._running = running
        running.addCallbacks(self._done, self._failed)

    def run_soon(self, make: Callable[[Client], Task]) -> None:
        """Run a task between two commands; the same one again is one."""
        if self.is_working:
            self._soon = make
        else:
            self.run(make(self._client))

    def _done(self, _: None) -> None:
        self._running, self.is_working = None, False
        self._client.protocol.flush()
        make, self._soon = self._soon, None
        if make is not None:
            self.run(make(self._client))
        elif self._following is not None:
            following, self._following = self._following, None
            self.run(following)
        else:
            self._client.protocol.proceed()

    def _failed(self, failure: Failure) -> None:
        self._running, self.is_working = None, False
        self._drop_following()
        if not (self._client.gone and isinstance(failure.value, CancelledError)):
            self._client.mistaken(failure)

    def cancel(self) -> None:
        """Break off what runs."""
        if self._running is not None:
            self._running.cancel()

    def stop(self) -> None:
        """The client is gone: break off everything."""
        self._drop_following()
        self.cancel()

    def _drop_following(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.close()
