"""The running process, as the admin API has it at hand."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from proxy.admin.process import Served
from proxy.admin.sight import Sight
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.config.model import Config
from proxy.failover.operations import GroupOperations
from proxy.net.clock import Clock
from proxy.observe import log
from proxy.observe.events import Events
from proxy.observe.metrics import ProxyCollector, exposition, make_registry
from proxy.policy.standing import ReloadReport
from proxy.service.form import form
from proxy.service.ports import OpenPort, PortName
from proxy.service.sights import NearSights, Sights


class Runs(Protocol):
    """What has been started: the one process, or the supervisor of some."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    @property
    def config_path(self) -> Path | None:
        """The file where it came from."""

    @property
    def configured(self) -> datetime:
        """When it was last put in force."""

    @property
    def uptime(self) -> float:
        """Seconds since it began to serve."""

    @property
    def running(self) -> Any:
        """Whether it is not being stopped; Twisted's."""

    @property
    def reactor(self) -> Clock:
        """What it runs on."""

    @property
    def assemblies(self) -> Sequence[Any]:
        """Its proxies, and what works for them: see `proxy.service.assembly`."""

    @property
    def ports(self) -> Iterable[OpenPort]:
        """Where their endpoints listen."""

    @property
    def collector(self) -> ProxyCollector:
        """Their metrics."""

    @property
    def hand_over(self) -> Any:
        """Replaces it by a new process: see `proxy.service.handover.restart`."""

    @property
    def reloader(self) -> Any:
        """Puts the configuration file in force anew: see `proxy.service.reload`."""


class RunningProcess:
    """See `proxy.admin.process.Process`.

    Args:
        runs: What runs.
        sights: What is seen of who serves the clients; without any it is this process.
    """

    def __init__(self, runs: Runs, sights: Sights | None = None) -> None:
        self._runs = runs
        self._sights: Sights = sights or NearSights(
            runs.reactor, lambda: runs.assemblies, lambda: runs.uptime
        )
        self._operations: dict[Any, GroupOperations] = {}
        self._registry = make_registry(runs.collector)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._runs.config

    @property
    def config_path(self) -> Path | None:
        """The file where it came from."""
        return self._runs.config_path

    @property
    def configured(self) -> datetime:
        """When it was last put in force."""
        return self._runs.configured

    @property
    def form(self) -> str:
        """Which form of the innermost modules runs."""
        return form()

    @property
    def uptime(self) -> float:
        """Seconds since the process began to serve."""
        return self._runs.uptime

    @property
    def events(self) -> Events:
        """What has happened that an operator may care about."""
        return log.events

    def served(self) -> Sequence[Served]:
        """Its proxies, in the order of the configuration."""
        before, self._operations = self._operations, {}
        found = []
        for assembly in self._runs.assemblies:
            sight = self._sights.of(assembly)
            operations = before.get(assembly) or GroupOperations(
                sight.name, assembly.steward, functools.partial(_clients, sight)
            )
            self._operations[assembly] = operations
            found.append(Served(sight, operations, self._addresses(sight.name)))
        return found

    def _addresses(self, name: str) -> dict[str, str]:
        return {
            port.name.endpoint: port.address
            for port in self._runs.ports
            if port.name.proxy == name
        }

    def workers(self) -> Sequence[WorkerStatus]:
        """The processes that serve clients."""
        return self._sights.workers()

    def sample(self) -> None:
        """A second has passed: note what was done in it."""
        self._sights.sample()

    def set_log_level(self, level: log.Level) -> None:
        """Write lines of this level and above from now on."""
        self._sights.set_log_level(level)

    async def heard(self) -> None:
        """Wait until whoever serves clients has heard what was ordered before."""
        await self._sights.heard()

    def why_not_ready(self) -> str:
        """Why new clients should go elsewhere."""
        runs = self._runs
        if runs.hand_over.is_done:
            return "another process has taken over"
        if not runs.running:
            return "the proxy is being stopped"
        listening = {port.name for port in runs.ports}
        missing = [
            f"{config.name}/{endpoint.name}"
            for config in (self._sights.of(one).config for one in runs.assemblies)
            for endpoint in config.endpoints
            if PortName(config.name, endpoint.name) not in listening
        ]
        if missing:
            return f"these endpoints do not listen: {', '.join(missing)}"
        return self._sights.why_not_ready()

    def metrics(self) -> bytes:
        """All series, in Prometheus's text format."""
        return exposition(self._registry)

    async def reload(self) -> ReloadReport:
        """Read the configuration file again, and put in force what can be."""
        report: ReloadReport = await self._runs.reloader.reload()
        await self.heard()
        return report

    async def restart(self) -> None:
        """Hand everything over to a new process of the same command line."""
        await self._runs.hand_over.restart()


def _clients(sight: Sight) -> int:
    return sight.count
