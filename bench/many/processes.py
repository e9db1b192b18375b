"""Crowds in processes of their own, which all do the same at the same time."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from bench.clients_sysbench import LoadFailedError
from bench.many.client import Client, Door
from bench.many.crowd import Crowd, Served

LIMIT_SECONDS: Final = 180.0
"""How long one order may take."""

_HEAD_START_SECONDS: Final = 0.2
"""Until every process has heard of an order."""

_NUMBERS_EACH: Final = 1_000_000
"""Room for the numbers of all clients that one process ever has."""

_FETCH: Final = "fetch"
"""Sends what came of the order before: tens of thousands of stories, which are work of their
own for both sides, and wait until nothing is measured any more."""


def _enter(crowd: Crowd, count: int) -> None:
    crowd.enter(count)


def _leave(crowd: Crowd) -> None:
    crowd.leave()


def _pace(crowd: Crowd, rate: float, begins: float, seconds: float) -> list[Served]:
    return crowd.pace(rate, begins, begins + seconds)


def _rush(crowd: Crowd, count: int, begins: float, seconds: float) -> list[Served]:
    return crowd.rush(count, begins, begins + seconds)


def _offer(crowd: Crowd, rate: float, begins: float, seconds: float) -> list[Served]:
    return crowd.offer(rate, begins, begins + seconds)


def _storm(
    crowd: Crowd, count: int, seconds: float, begins: float, limit: float
) -> list[tuple[float, float, float, str]]:
    return [story(client) for client in crowd.storm(count, seconds, begins, limit)]


def story(client: Client) -> tuple[float, float, float, str]:
    """When it came, was let in and answered (0 for never), and its trouble."""
    trouble = client.trouble or (str(client.answer.code) if client.answer.code else "")
    return client.came, client.let_in, client.answered, trouble


def _live(orders: Connection, door: Door, statements: Sequence[str], first: int) -> None:
    # Thousands of objects that stay: to look through them again and again is all it would do.
    gc.disable()
    crowd = Crowd(door, statements, first)
    kept: Any = None
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            order, arguments = orders.recv()
            if order == _FETCH:
                orders.send((kept, None))
                kept = None
                continue
            try:
                kept = order(crowd, *arguments)
            except (LoadFailedError, OSError) as error:
                orders.send((None, str(error)))
            else:
                orders.send((None, None))


class Crowds:
    """So many clients, shared out among processes.

    Attributes:
        pids: of the processes.
    """

    def __init__(self, door: Door, statements: Sequence[str], processes: int = 2) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes = []
        self._processes = []
        for number in range(processes):
            ours, theirs = context.Pipe()
            arguments = (theirs, door, statements, number * _NUMBERS_EACH)
            process = context.Process(target=_live, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self.pids = [process.pid for process in self._processes]

    def __enter__(self) -> Self:
        """They are there."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them, and their clients with them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.kill()
            process.join()

    def enter(self, count: int) -> None:
        """Let so many clients log in.

        Raises:
            LoadFailedError: it did not work, here as below.
        """
        self._all(_enter, [(part,) for part in self._parts(count)])

    def leave(self) -> None:
        """All clients go."""
        self._all(_leave, [()] * len(self._pipes))

    def pace(self, rate: float, seconds: float) -> None:
        """See `Crowd.pace`: all together ask so often a second; `told` has what came of it."""
        self._timed(_pace, [(rate / len(self._pipes),)] * len(self._pipes), seconds)

    def rush(self, count: int, seconds: float) -> None:
        """See `Crowd.rush`; so many of all clients."""
        self._timed(_rush, [(part,) for part in self._parts(count)], seconds)

    def offer(self, rate: float, seconds: float) -> None:
        """See `Crowd.offer`; `told` has what was asked."""
        self._timed(_offer, [(rate / len(self._pipes),)] * len(self._pipes), seconds)

    def told(self) -> list[Served]:
        """What came of the last load."""
        return [one for part in self._fetch() for one in part]

    def storm(
        self, count: int, seconds: float, limit: float
    ) -> list[tuple[float, float, float, str]]:
        """See `Crowd.storm` and `story`."""
        told = [(part, seconds) for part in self._parts(count)]
        self._timed(_storm, told, limit)
        return [one for part in self._fetch() for one in part]

    def _parts(self, count: int) -> list[int]:
        size = len(self._pipes)
        return [count // size + (number < count % size) for number in range(size)]

    def _timed(
        self, order: Callable[..., Any], told: Sequence[tuple[Any, ...]], seconds: float
    ) -> None:
        begins = time.monotonic() + _HEAD_START_SECONDS
        self._all(order, [(*one, begins, seconds) for one in told])

    def _fetch(self) -> list[Any]:
        return self._all(_FETCH, [()] * len(self._pipes))

    def _all(
        self, order: Callable[..., Any] | str, told: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        for pipe, arguments in zip(self._pipes, told, strict=True):
            pipe.send((order, arguments))
        results, failures = [], []
        for pipe in self._pipes:
            if not pipe.poll(LIMIT_SECONDS):
                raise LoadFailedError(f"{order} takes too long")
            result, failure = pipe.recv()
            results.append(result)
            failures += [failure] if failure else []
        if failures:
            raise LoadFailedError(failures[0])
        return results
