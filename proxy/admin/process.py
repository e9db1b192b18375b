"""The running process as operators have it at hand: the admin API asks, the service does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import attrs

from proxy.admin.operations import Operations
from proxy.admin.sight import Sight
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.config.model import Config
from proxy.observe.events import Events
from proxy.observe.log import Level
from proxy.policy.standing import ReloadReport


@attrs.frozen
class Served:
    """A proxy of the process.

    Attributes:
        sight: Its clients, pools and counters.
        operations: What can be done with its targets.
        addresses: Where its endpoints listen, by their names; one that does not is not there.
    """

    sight: Sight
    operations: Operations
    addresses: Mapping[str, str]


class Process(Protocol):
    """The running process.

    A coroutine returns when what was asked for is so.  It is never cancelled: an operator who
    waits no longer only goes away.
    """

    @property
    def config(self) -> Config:
        """The configuration in force."""

    @property
    def config_path(self) -> Path | None:
        """The file where it came from; None where it did not come from one."""

    @property
    def configured(self) -> datetime:
        """When it was last put in force; in UTC."""

    @property
    def form(self) -> str:
        """Which form of the innermost modules runs: compiled or pure Python."""

    @property
    def uptime(self) -> float:
        """Seconds since the process began to serve."""

    @property
    def events(self) -> Events:
        """What has happened that an operator may care about."""

    def served(self) -> Sequence[Served]:
        """Its proxies, in the order of the configuration; a reload may change them."""

    def workers(self) -> Sequence[WorkerStatus]:
        """The processes that serve clients: this one, or those that it has started."""

    def sample(self) -> None:
        """A second has passed: note what was done in it."""

    def set_log_level(self, level: Level) -> None:
        """Write lines of this level and above from now on."""

    async def heard(self) -> None:
        """Wait until whoever serves clients has heard what was ordered before."""

    def why_not_ready(self) -> str:
        """Why new clients should go elsewhere, as a sentence; empty when they should not."""

    def metrics(self) -> bytes:
        """All series, in Prometheus's text format."""

    async def reload(self) -> ReloadReport:
        """Read the configuration file again, and put in force what can be while it runs.

        Raises:
            OperationRefusedError: it has errors or cannot be had now, and nothing was changed;
                says all there is to say, a line for each error.
        """

    async def restart(self) -> None:
        """Hand everything over to a new process of the same command line.

        Returns when the new process serves; this one ends when it has no more to do.

        Raises:
            OperationRefusedError: the new process does not come up; this one goes on.
        """
