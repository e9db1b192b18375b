"""Tests of `proxy.credentials.reading`."""

import pytest
from twisted.internet.defer import Deferred, maybeDeferred

from proxy.credentials.reading import Reading


def result_of(deferred):
    """Say what is there at once; an error as its class."""
    results = []
    deferred.addCallbacks(results.append, lambda failure: results.append(failure.type))
    return results


class Thread:
    """A thread in the test's hand."""

    def __init__(self):
        self.calls = []

    def run(self, work):
        """Take a call."""
        self.calls.append((work, Deferred()))
        return self.calls[-1][1]


def test_what_was_read_is_told():
    """Then the next one may begin."""
    reading = Reading(maybeDeferred)
    for number in range(2):
        assert result_of(reading.begin(lambda number=number: number)) == [number]
        assert repr(reading) == "<Reading: idle>"


@pytest.mark.parametrize("run", [maybeDeferred, lambda work: work()])
def test_an_error_is_told(run):
    """That of the work or that of the thread, and it is over as well."""

    def fail():
        raise ZeroDivisionError

    reading = Reading(run)
    assert result_of(reading.begin(fail)) == [ZeroDivisionError]
    assert not reading.busy


def test_it_is_busy_while_somebody_waits():
    """Also before a thread is free for it."""
    thread = Thread()
    reading = Reading(thread.run)
    results = result_of(reading.begin(lambda: "x"))
    assert repr(reading) == "<Reading: busy>"
    work, done = thread.calls.pop()
    done.callback(work())
    assert results == ["x"]
    assert not reading.busy


def test_it_is_busy_until_its_thread_is_back():
    """Although whoever waited was told that it takes too long."""
    thread, seen = Thread(), []
    reading = Reading(thread.run)

    def hang():
        thread.calls[0][1].errback(TimeoutError())
        seen.append(reading.busy)

    results = result_of(reading.begin(hang))
    thread.calls[0][0]()
    assert results == [TimeoutError]
    assert seen == [True]
    assert not reading.busy
