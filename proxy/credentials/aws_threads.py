"""Threads for calls to AWS, which block."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import attrs
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.python.threadpool import ThreadPool

from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.net.clock import Clock, Timer

T = TypeVar("T")

THREADS = 4
"""A call is some 10 ms of waiting: four at once read hundreds of secrets in a few seconds, and
one that hangs leaves three."""

CALL_LIMIT_SECONDS = 30.0
"""Three attempts with both timeouts and botocore's pauses take less; what takes longer hangs
where botocore has no timeout, as in a look-up of a name."""

QUEUE_LIMIT_SECONDS = 120.0
"""When every thread hangs, whoever waits for one has to hear of it in the end; at the start
thousands of secrets get their turn in this time."""


class ThreadReactor(Clock, Protocol):
    """The part of a reactor that knows time and threads."""

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:  # noqa: N802 - Twisted's name
        """Call it in the reactor's thread, soon."""


@attrs.define(eq=False)
class _Call:
    """A call that somebody waits for; `over` when nobody does any more."""

    work: Callable[[], Any]
    result: Deferred[Any]
    timer: Timer
    over: bool = False


class _DaemonPool(ThreadPool):
    """Threads that do not keep the process from ending, whatever they hang in."""

    threadFactory = staticmethod(partial(threading.Thread, daemon=True))  # type: ignore[assignment]  # noqa: N815 - Twisted's name


class AwsThreads:
    """A few threads for calls that block."""

    def __init__(self, reactor: ThreadReactor) -> None:
        self._reactor = reactor
        self._pool = _DaemonPool(0, THREADS, "aws")
        self._calls: set[_Call] = set()
        self._stopped = False

    def start(self) -> None:
        """Begin with what has been asked for so far."""
        self._pool.start()

    def stop(self) -> None:
        """Take no more calls; whoever waits for one hears `CancelledError`."""
        self._stopped = True
        # The pool waits for each of its threads, and one may hang.
        threading.Thread(target=self._pool.stop, daemon=True).start()
        for call in list(self._calls):
            call.result.cancel()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Call it in a thread.

        Returns:
            What it returned or raised; `AwsUnavailableError` when it takes longer than
            `CALL_LIMIT_SECONDS`, or gets no thread within `QUEUE_LIMIT_SECONDS`.
        """
        if self._stopped:
            return fail(CancelledError())
        result: Deferred[T] = Deferred(lambda _: self._leave(call))
        why = f"no thread was free for {QUEUE_LIMIT_SECONDS:.0f} s: AWS does not answer"
        timer = self._reactor.callLater(QUEUE_LIMIT_SECONDS, lambda: self._late(call, why))
        call = _Call(work, result, timer)
        self._calls.add(call)
        self._pool.callInThreadWithCallback(
            lambda _ok, result: self._reactor.callFromThread(self._settle, call, result),
            self._do,
            call,
        )
        return result

    def _do(self, call: _Call) -> Any:
        """In a thread."""
        if call.over:
            return None
        self._reactor.callFromThread(self._begun, call)
        return call.work()

    def _begun(self, call: _Call) -> None:
        if call.over:
            return
        call.timer.cancel()
        why = f"AWS did not answer within {CALL_LIMIT_SECONDS:.0f} s"
        call.timer = self._reactor.callLater(CALL_LIMIT_SECONDS, self._late, call, why)

    def _late(self, call: _Call, why: str) -> None:
        self._leave(call)
        call.result.errback(AwsUnavailableError(why, Trouble.UNREACHABLE))

    def _settle(self, call: _Call, result: Any) -> None:
        if not call.over:
            self._leave(call)
            call.result.callback(result)

    def _leave(self, call: _Call) -> None:
        call.over = True
        self._calls.discard(call)
        if call.timer.active():
            call.timer.cancel()
