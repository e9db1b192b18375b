"""The twistd plugin: `twistd mysqlproxy --config FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.python import usage

from proxy.config.load import load_config
from proxy.config.problem import ConfigError
from proxy.net.reactor import install
from proxy.observe.log import configure, get_logger
from proxy.service.handover.spawn import tell_failure
from proxy.service.handover.twistd import TwistdPidFile
from proxy.service.open_files import raise_limit
from proxy.service.supervising.supervisor import process_for
from proxy.service.tokens import UnusableError


class Options(usage.Options):
    """Options of `twistd mysqlproxy`."""

    optParameters = [  # noqa: N815, RUF012 - Twisted's name and type
        ["config", "c", "/etc/mysqlproxy/mysqlproxy.yaml", "The configuration file."]
    ]

    def postOptions(self) -> None:  # noqa: N802 - Twisted's name
        """Let twistd's own log go through ours, unless it was told where to go."""
        parent = self.parent
        if parent is not None and not parent.get("logger") and not parent.get("logfile"):
            parent["logger"] = "proxy.observe.log.make_twisted_observer"


def makeService(options: Any) -> IService:  # noqa: N802 - Twisted's name
    """The service of one configuration file; exits with its errors when it has some."""
    install()  # unless twistd was told which one to use
    from twisted.internet import reactor as installed  # noqa: PLC0415 - there is one only now

    reactor: Any = installed
    path = Path(options["config"])
    try:
        config = load_config(path)
        configure(config.log.format, config.log.level)
        raise_limit(get_logger())
        worker = process_for(config, reactor, path)
    except (ConfigError, UnusableError) as error:
        sys.exit(1 if tell_failure(str(error)) else str(error))
    service = MultiService()
    worker.hand_over.why_not = ""
    if options.parent is not None:
        worker.hand_over.pid_file = TwistdPidFile(options.parent)
    reactor.callWhenRunning(worker.hand_over.obey)
    worker.listening.addErrback(_cannot_listen, reactor)
    worker.setServiceParent(service)
    return service  # type: ignore[return-value]


def _cannot_listen(failure: Any, reactor: Any) -> None:
    print(f"mysqlproxy: cannot listen: {failure.value}", file=sys.stderr)  # noqa: T201 - for whoever started it
    reactor.stop()
