"""The running process, as the admin API has it at hand."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.admin.process import Served
from proxy.config.model import Config
from proxy.failover.operations import GroupOperations
from proxy.front.proxy import Proxy
from proxy.observe import log
from proxy.observe.events import Events
from proxy.observe.metrics import exposition, make_registry
from proxy.policy.standing import ReloadReport
from proxy.service.form import form
from proxy.service.ports import PortName

if TYPE_CHECKING:
    from proxy.service.worker import Worker


class RunningProcess:
    """See `proxy.admin.process.Process`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._operations: dict[Proxy, GroupOperations] = {}
        self._registry = make_registry(worker.collector)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._worker.config

    @property
    def config_path(self) -> Path | None:
        """The file where it came from."""
        return self._worker.config_path

    @property
    def configured(self) -> datetime:
        """When it was last put in force."""
        return self._worker.configured

    @property
    def form(self) -> str:
        """Which form of the innermost modules runs."""
        return form()

    @property
    def uptime(self) -> float:
        """Seconds since the process began to serve."""
        return self._worker.uptime

    @property
    def events(self) -> Events:
        """What has happened that an operator may care about."""
        return log.events

    def served(self) -> Sequence[Served]:
        """Its proxies, in the order of the configuration."""
        before, self._operations = self._operations, {}
        found = []
        for assembly in self._worker.assemblies:
            proxy = assembly.proxy
            operations = before.get(proxy) or GroupOperations(
                proxy.config.name, assembly.steward, functools.partial(_clients, proxy)
            )
            self._operations[proxy] = operations
            found.append(Served(proxy, operations, self._addresses(proxy)))
        return found

    def _addresses(self, proxy: Proxy) -> dict[str, str]:
        name = proxy.config.name
        return {
            port.name.endpoint: port.address
            for port in self._worker.ports
            if port.name.proxy == name
        }

    def why_not_ready(self) -> str:
        """Why new clients should go elsewhere."""
        worker = self._worker
        if worker.hand_over.is_done:
            return "another process has taken over"
        if not worker.running:
            return "the proxy is being stopped"
        listening = {port.name for port in worker.ports}
        missing = [
            f"{proxy.config.name}/{endpoint.name}"
            for proxy in worker.proxies
            for endpoint in proxy.config.endpoints
            if PortName(proxy.config.name, endpoint.name) not in listening
        ]
        return f"these endpoints do not listen: {', '.join(missing)}" if missing else ""

    def metrics(self) -> bytes:
        """All series, in Prometheus's text format."""
        return exposition(self._registry)

    async def reload(self) -> ReloadReport:
        """Read the configuration file again, and put in force what can be."""
        return await self._worker.reloader.reload()

    async def restart(self) -> None:
        """Hand everything over to a new process of the same command line."""
        await self._worker.hand_over.restart()


def _clients(proxy: Proxy) -> int:
    return proxy.count
