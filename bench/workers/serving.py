"""A proxy of some workers, and what all its processes use."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pymysql
import yaml

from bench import tools
from bench.peers import Running
from bench.site import PASSWORD, SCHEMA, USER, Site
from proxy.embedded.server import free_port

CLIENTS: Final = 16
"""Busy ones."""

BACKENDS: Final = 8
"""Connections to the server, for all processes together."""

START_SECONDS: Final = 60.0
END_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.02
_SERVES: Final = "a worker serves"
_DRAIN_SECONDS: Final = 1


@attrs.frozen
class Serving:
    """See the module.

    Attributes:
        running: As those who load it want it.
        log: Its lines.
        pid: Of the process that was started.
    """

    running: Running
    log: Path
    pid: int

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The lines of its log with this message."""
        found = []
        for line in self.log.read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if line.get("message") == message]

    def workers(self) -> dict[int, int]:
        """The process of each worker, by its number; none where one process serves."""
        return {line["worker"]: line["pid"] for line in self.lines(_SERVES)}

    def wait_for(self, message: str, count: int = 1) -> dict[str, Any]:
        """Wait until the log has a message so often; the last such line.

        Raises:
            TimeoutError: it does not come.
        """
        ends = time.monotonic() + START_SECONDS
        while len(found := self.lines(message)) < count:
            if time.monotonic() > ends:
                raise TimeoutError(f"the log does not say {message!r}: {self.log}")
            time.sleep(_LOOK_SECONDS)
        return found[-1]


def connect(port: int) -> Any:
    """A client of a proxy, or of the server."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, database=SCHEMA
    )


@contextlib.contextmanager
def serving(site: Site, workers: int, backends: int) -> Iterator[Serving]:
    """Run a proxy in its compiled form for the time of the block.

    Args:
        site: With the server.
        workers: How many processes serve.
        backends: Connections to the server, of all of them together.
    """
    port, folder = free_port(), site.folder / f"workers-{workers}-{time.monotonic_ns()}"
    folder.mkdir()
    path, log = folder / "mysqlproxy.yaml", folder / "log"
    account = {"username": USER, "password": PASSWORD, "client_password_auth_type": None}
    server = site.server
    proxy = {
        "name": "bench",
        "auth": [account],
        "target_group": {
            "targets": [{"address": f"{server.host}:{server.port}"}],
            "connection_pool_config": {"max_connections": backends},
        },
        "endpoints": [{"name": "bench", "listen": f"tcp:{port}:interface=127.0.0.1"}],
    }
    document = {
        "proxies": [proxy],
        "workers": workers,
        "log": {"format": "json"},
        "drain_timeout": _DRAIN_SECONDS,
    }
    path.write_text(yaml.safe_dump(document), "utf-8")
    path.chmod(0o600)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            (*tools.ours().command, "run", "--config", str(path)),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    running = Running("mysqlproxy", "127.0.0.1", port, process.pid, server.pid)
    one = Serving(running, log, process.pid)
    try:
        one.wait_for("an endpoint listens")
        if workers > 1:
            one.wait_for(_SERVES, workers)
        yield one
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        finally:
            process.kill()
            process.wait()
