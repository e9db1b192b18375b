"""Many clients at once, on an event loop in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self

from bench.failover.clients import Client, Kind, Way

READY_LIMIT_SECONDS: Final = 60.0
_LOGINS_AT_ONCE: Final = 32
"""A login blocks a thread; a hundred of them would fight for the interpreter."""

_CALL_LIMIT_SECONDS: Final = 90.0


class Crowd:
    """Clients that work for the time of the block.

    Attributes:
        clients: with their records, which may be read when the block has ended.
    """

    def __init__(self, orders: Iterable[tuple[Way, Kind, int]]) -> None:
        """Prepare clients.

        Args:
            orders: a way, a kind, and how many of them.
        """
        self._threads = ThreadPoolExecutor(_LOGINS_AT_ONCE, "login")
        self.clients = [
            Client(number, kind, way, self._threads)
            for way, kind, count in orders
            for number in range(count)
        ]
        self._loop = Loop()

    def __enter__(self) -> Self:
        """Start them, and wait until each has done something."""
        self._loop.start([client.live() for client in self.clients])
        try:
            self._loop.run(self._ready(), READY_LIMIT_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them."""
        self._loop.stop()
        self._threads.shutdown(cancel_futures=True)

    def call(self) -> None:
        """Let the idle ones do something, and wait until they have."""
        self._loop.run(self._call(), _CALL_LIMIT_SECONDS)

    async def _ready(self) -> None:
        await asyncio.gather(*(client.ready.wait() for client in self.clients))

    async def _call(self) -> None:
        idle = [client for client in self.clients if client.kind is Kind.IDLE]
        for client in idle:
            client.called.set()
        await asyncio.gather(*(client.recalled.wait() for client in idle))


class Loop:
    """An event loop in a thread, with tasks that run until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: list[BaseException] = []

    def start(self, lives: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Begin with the tasks."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._begin, lives)

    def _begin(self, lives: Sequence[Coroutine[Any, Any, None]]) -> None:
        for life in lives:
            task = self._loop.create_task(life)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)

    def run(self, work: Coroutine[Any, Any, None], limit_seconds: float) -> None:
        """Run something there and wait for it.

        Raises:
            TimeoutError: it took longer.
            Exception: a task has failed meanwhile.
        """
        told = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            told.result(limit_seconds)
        except TimeoutError:
            told.cancel()
            self._complain()
            raise

    def soon(self, function: Callable[[], object]) -> None:
        """Call something there."""
        self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """End all tasks, and the thread.

        Raises:
            Exception: a task has failed.
        """

        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self.run(end(), READY_LIMIT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._complain()

    def _complain(self) -> None:
        for error in self._failed:
            raise error
