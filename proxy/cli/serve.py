"""Serving in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.python.failure import Failure

from proxy.config.model import Config
from proxy.net.reactor import install
from proxy.observe.log import begin_twisted, configure, get_logger
from proxy.service.open_files import raise_limit
from proxy.service.started import Started
from proxy.service.supervising.supervisor import process_for

install()
reactor: Any = sys.modules["twisted.internet.reactor"]


def serve(
    config: Config,
    started: Callable[[Started], None] | None = None,
    *,
    path: Path | None = None,
) -> int:
    """Serve until a signal comes or the reactor is stopped, then drain.

    Args:
        config: What to serve.
        started: Called once every endpoint listens.
        path: Where the configuration came from; None for no file.  With one the same command
            line serves the same again, so that a new process can take over.

    Returns:
        Exit status: 1 when an endpoint could not listen.
    """
    configure(config.log.format, config.log.level)
    begin_twisted()
    raise_limit(get_logger())
    process = process_for(config, reactor, path)
    status = 0

    def failed(failure: Failure) -> None:
        nonlocal status
        status = 1
        print(f"mysqlproxy: cannot listen: {failure.value}", file=sys.stderr)  # noqa: T201 - for whoever started it
        reactor.stop()

    process.listening.addCallback(lambda _: started(process) if started else None)
    process.listening.addErrback(failed)
    if path is not None:
        process.hand_over.why_not = ""
    reactor.callWhenRunning(process.startService)
    reactor.callWhenRunning(process.hand_over.obey)
    reactor.addSystemEventTrigger("before", "shutdown", process.stopService)
    reactor.run()
    return status
