"""This proxy in front of several servers, with the default settings of failover."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs
import pymysql
import yaml

from bench import tools
from bench.failover.clients import Way
from bench.report import OURS
from bench.site import PASSWORD, SCHEMA, USER
from proxy.admin.caller import AdminCaller, UnreachableError
from proxy.config.admin import AdminSocket
from proxy.embedded.process import GuardedProcess
from proxy.embedded.server import free_port

MONITOR: Final = "monitor"
MONITOR_PASSWORD: Final = "monitor-secret"

START_LIMIT_SECONDS: Final = 20.0
STOP_LIMIT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.02

HEALTH: Final = "a target's health has changed"
NOT_THERE: Final = "not there"
WAITING: Final = "clients wait for a target that takes writes"


class ProxyFailedError(Exception):
    """The proxy did not do what it was told; the text says why."""


@attrs.frozen
class Form:
    """How it runs.

    Attributes:
        program: which form of it.
        workers: how many of its processes serve.
        keep: a folder for its logs that stay; None for none.
    """

    program: tools.Program
    workers: int = 1
    keep: Path | None = None


@attrs.frozen
class Line:
    """A line of its log.

    Attributes:
        at: when, by the wall clock, in seconds.
        event: what.
        fields: all of it.
    """

    at: float
    event: str
    fields: dict[str, Any]


@attrs.define(eq=False)
class Proxy:
    """The running proxy.

    Attributes:
        port: of the endpoint for everything.
        readers_port: of the endpoint for reads.
        folder: its own, with the log.
    """

    port: int
    readers_port: int
    folder: Path
    process: GuardedProcess

    @property
    def log(self) -> Path:
        """Its log, as JSON."""
        return self.folder / "log"

    @property
    def way(self) -> Way:
        """How clients get through it."""
        return Way(OURS, (("127.0.0.1", self.port),), leaves=False)

    def lines(self) -> list[Line]:
        """What it has logged so far."""
        found = []
        for text in self.log.read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                fields = json.loads(text)
                at = datetime.fromisoformat(fields["timestamp"]).timestamp()
                found.append(Line(at, fields["message"], fields))
        return found

    def wait_for_line(self, event: str, since: float, limit_seconds: float, **of: str) -> Line:
        """The first such line since a moment of the wall clock.

        Raises:
            TimeoutError: there is none.
        """
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline:
            for line in self.lines():
                fits = all(line.fields.get(name) == value for name, value in of.items())
                if line.event == event and line.at >= since and fits:
                    return line
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"the log does not say {event!r} within {limit_seconds:g} s")

    def targets(self) -> list[dict[str, Any]]:
        """What the admin API says of the targets.

        Raises:
            ProxyFailedError: it does not answer.
        """
        try:
            reply = self._caller().get("proxies", "bench", "targets")
        except UnreachableError as error:
            raise ProxyFailedError(str(error)) from error
        if reply.error:
            raise ProxyFailedError(reply.error)
        return list(reply.content["targets"])

    def promote(self, address: str, limit_seconds: float) -> None:
        """Make a target the writer, by the admin API.

        Raises:
            ProxyFailedError: it was refused, or not done in time.
        """
        try:
            reply = self._caller().post(
                *("proxies", "bench", "targets", address, "promote"),
                timeout_seconds=limit_seconds,
                timeout=limit_seconds,
            )
        except UnreachableError as error:
            raise ProxyFailedError(str(error)) from error
        if reply.error or not reply.content.get("done"):
            raise ProxyFailedError(reply.error or f"not done in {limit_seconds:g} s")

    def wait_until_well(self, limit_seconds: float) -> None:
        """Wait until all of its targets are available, by what it logs of their health.

        Raises:
            TimeoutError: one is not.
        """
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline:
            last = {
                line.fields["target"]: line.fields["condition"]
                for line in self.lines()
                if line.event == HEALTH
            }
            if all(condition == "well" for condition in last.values()):
                return
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"the targets are {last} after {limit_seconds:g} s")

    def _caller(self) -> AdminCaller:
        return AdminCaller(AdminSocket(str(self.folder / "admin.sock")))


def _configuration(
    topology: str,
    places: Sequence[tuple[str, int]],
    ports: tuple[int, int],
    folder: Path,
    failover: Mapping[str, object],
) -> dict[str, Any]:
    name, readers = ports
    return {
        "proxies": [
            {
                "name": "bench",
                "auth": [
                    {
                        "username": USER,
                        "password": PASSWORD,
                        "client_password_auth_type": None,
                    },
                    {
                        "username": MONITOR,
                        "password": MONITOR_PASSWORD,
                        "client_password_auth_type": None,
                        "for_monitor": True,
                    },
                ],
                "target_group": {
                    "topology": topology,
                    "tls": {"mode": "disabled"},
                    "targets": [{"address": f"{host}:{port}"} for host, port in places],
                    "failover": {"monitor_username": MONITOR, **failover},
                },
                "endpoints": [
                    {"name": "main", "listen": f"tcp:{name}:interface=127.0.0.1"},
                    {
                        "name": "readers",
                        "listen": f"tcp:{readers}:interface=127.0.0.1",
                        "target_role": "READ_ONLY",
                    },
                ],
            }
        ],
        "log": {"level": "info", "format": "json"},
        "admin": {"listen": f"unix:{folder / 'admin.sock'}"},
        "drain_timeout": 1,
    }


@contextlib.contextmanager
def proxy(
    form: Form,
    topology: str,
    places: Sequence[tuple[str, int]],
    failover: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Proxy]:
    """This proxy for the time of the block.

    Args:
        form: how it runs.
        topology: how the targets belong together.
        places: host and port of each target.
        failover: settings of failover that are not to be the default ones.

    Raises:
        ProxyFailedError: it does not serve.
    """
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mysqlproxy-fo-"))
        folder = Path(name)
        ports = free_port(), free_port()
        path = folder / "mysqlproxy.yaml"
        path.write_text(
            yaml.safe_dump(
                {
                    **_configuration(topology, places, ports, folder, failover),
                    "workers": form.workers,
                }
            )
        )
        path.chmod(0o600)
        process = GuardedProcess.start(
            (*form.program.command, "run", "--config", str(path)),
            log=folder / "log",
            folder=folder,
            limit_seconds=STOP_LIMIT_SECONDS,
        )
        running = Proxy(*ports, folder, process)
        if form.keep is not None:
            stack.callback(_keep, running, form.keep)
        stack.callback(process.stop, STOP_LIMIT_SECONDS)
        _wait(running)
        yield running
        if not process.is_running():
            raise ProxyFailedError("the proxy ended by itself")


def _keep(running: Proxy, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{running.port}.log"
    kept.write_bytes(running.log.read_bytes())


def _wait(running: Proxy) -> None:
    """Until a client gets an answer through it."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    said = ""
    while running.process.is_running() and time.monotonic() < deadline:
        try:
            connection = pymysql.connect(
                host="127.0.0.1",
                port=running.port,
                user=USER,
                password=PASSWORD,
                database=SCHEMA,
                ssl_disabled=True,
            )
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (pymysql.err.MySQLError, OSError) as error:
            said = str(error)
            time.sleep(_LOOK_SECONDS)
        else:
            return
    lines = running.log.read_text("utf-8", "replace").strip().splitlines()
    raise ProxyFailedError(f"the proxy does not serve: {' / '.join([said, *lines[-3:]])}")
