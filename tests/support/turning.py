"""The real reactor, turned by hand until something has come."""

from __future__ import annotations

import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

LIMIT_SECONDS = 20.0


def turn(look):
    """Turn until `look` gives anything but None; that is the result."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline
        reactor.iterate(0.01)
    return found


def turned(awaited):
    """Turn until a coroutine or a Deferred is done: what it gives or raises."""
    deferred = awaited if isinstance(awaited, Deferred) else ensureDeferred(awaited)
    results = []
    deferred.addCallbacks(
        lambda value: results.append((value, None)),
        lambda failure: results.append((None, failure)),
    )
    value, failure = turn(lambda: results[0] if results else None)
    if failure is not None:
        failure.raiseException()
    return value
