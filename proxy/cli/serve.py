"""Running a worker in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from proxy.config.model import Config
from proxy.net.reactor import install
from proxy.observe.log import begin_twisted, configure
from proxy.service.worker import Worker

install()
reactor: Any = sys.modules["twisted.internet.reactor"]


def serve(config: Config, started: Callable[[Worker], None] | None = None) -> int:
    """Serve until a signal comes or the reactor is stopped, then drain.

    Args:
        config: What to serve.
        started: Called once every endpoint listens.

    Returns:
        Exit status: 1 when an endpoint could not listen.
    """
    configure(config.log.format, config.log.level)
    begin_twisted()
    worker = Worker(config, reactor)
    status = 0

    def failed(failure: Failure) -> None:
        nonlocal status
        status = 1
        print(f"mysqlproxy: cannot listen: {failure.value}", file=sys.stderr)  # noqa: T201 - for whoever started it
        reactor.stop()

    worker.listening.addCallback(lambda _: started(worker) if started else None)
    worker.listening.addErrback(failed)
    reactor.callWhenRunning(worker.startService)
    reactor.addSystemEventTrigger("before", "shutdown", worker.stopService)
    reactor.run()
    return status
