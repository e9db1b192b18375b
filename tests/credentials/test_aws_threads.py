"""Tests of `proxy.credentials.aws`: its threads."""

import queue
import threading

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from proxy.credentials.aws_errors import (
    Trouble,
)
from proxy.credentials.aws_threads import (
    CALL_LIMIT_SECONDS,
    QUEUE_LIMIT_SECONDS,
    THREADS,
    AwsThreads,
)

LIMIT_SECONDS = 20


class Reactor(Clock):
    """A clock, and calls from threads that happen when the test takes them."""

    def __init__(self):
        super().__init__()
        self.wanted = queue.Queue()

    def callFromThread(self, call, *args):  # noqa: N802 - Twisted's name
        self.wanted.put((call, args))

    def turn(self, times=1):
        """Make calls that threads want, or wait until they want them."""
        for _ in range(times):
            call, args = self.wanted.get(timeout=LIMIT_SECONDS)
            call(*args)


@pytest.fixture
def reactor():
    """A reactor in the test's hand."""
    return Reactor()


@pytest.fixture
def threads(reactor):
    """Threads that run; no timer may be left when they stop."""
    made = AwsThreads(reactor)
    made.start()
    yield made
    made.stop()
    assert not reactor.getDelayedCalls()


def failure_of(result):
    """Say how a Deferred has failed."""
    caught = []
    result.addErrback(lambda failure: caught.append(failure.value))
    (error,) = caught
    return error


def test_a_call_runs_in_a_thread_that_does_not_keep_the_process(threads, reactor):
    """The answer is what the call returns; the thread is a daemon."""
    result = threads.run(threading.current_thread)
    reactor.turn(2)
    assert result.result is not threading.current_thread()
    assert result.result.daemon


def test_what_a_call_raises_is_its_answer(threads, reactor):
    """The error comes as it is."""
    result = threads.run(lambda: 1 // 0)
    reactor.turn(2)
    assert isinstance(failure_of(result), ZeroDivisionError)


def test_a_call_that_hangs_fails_at_its_limit(threads, reactor):
    """Whoever waits hears of it; what the call says later is for nobody."""
    go_on = threading.Event()
    result = threads.run(lambda: go_on.wait(LIMIT_SECONDS))
    reactor.turn()
    reactor.advance(CALL_LIMIT_SECONDS - 1)
    assert not result.called
    reactor.advance(1)
    error = failure_of(result)
    assert (error.why, error.kind) == ("AWS did not answer within 30 s", Trouble.UNREACHABLE)
    go_on.set()
    reactor.turn()


def test_a_call_that_gets_no_thread_fails_and_never_runs(threads, reactor):
    """When all threads hang, the next call waits no longer than its limit."""
    go_on = threading.Event()
    hang = [threads.run(lambda: go_on.wait(LIMIT_SECONDS)) for _ in range(THREADS)]
    reactor.turn(THREADS)
    ran = []
    late = threads.run(lambda: ran.append(1))
    reactor.advance(QUEUE_LIMIT_SECONDS)
    assert "no thread was free" in failure_of(late).why
    assert [failure_of(result).kind for result in hang] == [Trouble.UNREACHABLE] * THREADS
    go_on.set()
    reactor.turn(THREADS + 1)
    assert ran == []


def test_calls_wait_for_the_start(reactor):
    """What is asked for before the start runs after it."""
    made = AwsThreads(reactor)
    result = made.run(lambda: 7)
    made.start()
    reactor.turn(2)
    assert result.result == 7
    made.stop()


def test_one_who_waits_no_more_is_forgotten(threads, reactor):
    """A cancelled call has no timer, and its late beginning and end are for nobody."""
    go_on = threading.Event()
    result = threads.run(lambda: go_on.wait(LIMIT_SECONDS))
    begun, words = reactor.wanted.get(timeout=LIMIT_SECONDS)
    result.cancel()
    begun(*words)
    assert isinstance(failure_of(result), CancelledError)
    assert not reactor.getDelayedCalls()
    go_on.set()
    reactor.turn()


def test_stop_does_not_wait_for_a_call_that_hangs(reactor):
    """It returns at once, whoever waits is told, and later calls are refused."""
    made = AwsThreads(reactor)
    made.start()
    go_on = threading.Event()
    result = made.run(lambda: go_on.wait(LIMIT_SECONDS))
    reactor.turn()
    made.stop()
    assert isinstance(failure_of(result), CancelledError)
    assert isinstance(failure_of(made.run(lambda: 7)), CancelledError)
    assert not reactor.getDelayedCalls()
    go_on.set()
