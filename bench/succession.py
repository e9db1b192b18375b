"""Processes of this proxy that follow one another, each started by the one before."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import attrs
import yaml

from bench import tools
from bench.site import PASSWORD, USER
from proxy.admin.caller import AdminCaller, UnreachableError
from proxy.config.admin import AdminSocket
from proxy.embedded.server import free_port

ORDER_SECONDS: Final = 90.0
"""A new process may take a minute until it listens."""

END_SECONDS: Final = 20.0

_LOOK_SECONDS: Final = 0.02

SUCCEEDED: Final = "another process is the service"


class RefusedOrderError(Exception):
    """The proxy did not do what it was told; says why."""


@attrs.define(eq=False)
class Succession:
    """A running proxy, and those that have taken its place.

    Attributes:
        port: Of its endpoint.
        pids: All process ids, the newest last.
    """

    port: int
    _folder: Path
    _target: tuple[str, int]
    _workers: int
    _keep: Path | None
    pids: list[int] = attrs.field(factory=list)
    _mistakes: list[str] = attrs.field(factory=list)

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        program: tools.Program,
        folder: Path,
        target: tuple[str, int],
        workers: int = 1,
        keep: Path | None = None,
    ) -> Iterator[Self]:
        """Run a proxy for the time of the block; all that follow it end with it.

        Args:
            program: Which form of it.
            folder: For its files.
            target: Host and port of its server.
            workers: How many of its processes serve.
            keep: Where its log stays; None for nowhere.

        Raises:
            RefusedOrderError: it does not serve.
        """
        one = cls(free_port(), folder, target, workers, keep)
        one._configure(0)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                (*program.command, "run", "--config", str(folder / "mysqlproxy.yaml")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        one.pids.append(process.pid)
        try:
            for what in ("the admin API listens", "an endpoint listens"):
                one._await(lambda what=what: bool(one._lines(what)), "it does not serve")
            yield one
        finally:
            for pid in one.pids[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            process.terminate()
            process.wait(END_SECONDS)
            one._await(lambda: not any(map(_is_running, one.pids)), "it does not end")
            one.mistakes()
            if keep is not None:
                shutil.copy(folder / "log", keep)

    # Orders

    def reload(self, number: int) -> list[str]:
        """Put another configuration in force; each third one changes the same setting.

        Raises:
            RefusedOrderError: it was refused.
        """
        self._configure(number + 1)
        changed: list[str] = self._order("reload")["changed"]
        if not changed:
            raise RefusedOrderError("a reload has changed nothing")
        return changed

    def replace(self) -> int:
        """Have the newest process replaced; the process id of the new one, which serves.

        Raises:
            RefusedOrderError: it was refused, or the old one does not end.
        """
        old = self.pids[-1]
        self._order("restart")
        pid = int(self._lines(SUCCEEDED)[-1]["pid"])
        self.pids.append(pid)
        self._await(lambda: not _is_running(old), f"process {old} does not end")
        return pid

    def _order(self, what: str) -> dict[str, Any]:
        caller = AdminCaller(AdminSocket(str(self._folder / "admin.sock")))
        deadline = time.monotonic() + ORDER_SECONDS
        while True:
            try:
                reply = caller.post(what, timeout_seconds=ORDER_SECONDS)
            except UnreachableError as error:
                # Between two processes nobody answers for a moment.
                if time.monotonic() > deadline:
                    raise RefusedOrderError(str(error)) from error
                time.sleep(_LOOK_SECONDS)
                continue
            if reply.error:
                raise RefusedOrderError(f"{what}: {reply.error}")
            return dict(reply.content)

    def _configure(self, number: int) -> None:
        """The configuration that is in force from the reload of this number on."""
        pool, user, endpoint = ((number + shift) // 3 % 2 for shift in (2, 1, 0))
        names = [USER, *["somebody"] * user]
        ports = [self.port, *[0] * endpoint]
        host, port = self._target
        document = {
            "proxies": [
                {
                    "name": "bench",
                    "auth": [
                        {
                            "username": name,
                            "password": PASSWORD,
                            "client_password_auth_type": None,
                        }
                        for name in names
                    ],
                    "target_group": {
                        "tls": {"mode": "disabled"},
                        "targets": [{"address": f"{host}:{port}"}],
                        "connection_pool_config": {"max_connections": 40 - 20 * pool},
                    },
                    "endpoints": [
                        {"name": f"at-{place}", "listen": f"tcp:{one}:interface=127.0.0.1"}
                        for place, one in enumerate(ports)
                    ],
                }
            ],
            "log": {"level": "info", "format": "json"},
            "admin": {"listen": f"unix:{self._folder / 'admin.sock'}"},
            "workers": self._workers,
            "drain_timeout": 5,
        }
        path = self._folder / "mysqlproxy.yaml"
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)

    # What it says

    def _lines(self, message: str) -> list[dict[str, Any]]:
        found = []
        for text in (self._folder / "log").read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict) and line.get("message") == message:
                    found.append(line)
        return found

    def mistakes(self) -> list[str]:
        """Lines of its log that say that it went wrong, kept when the block has ended."""
        path = self._folder / "log"
        if path.exists():
            lines = path.read_text("utf-8", "replace").splitlines()
            self._mistakes = [line for line in lines if _is_mistake(line)]
        return self._mistakes

    def _await(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + END_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                log = (self._folder / "log").read_text("utf-8", "replace")
                raise RefusedOrderError(f"{otherwise}: {log[-1000:]}")
            time.sleep(_LOOK_SECONDS)


def _is_mistake(text: str) -> bool:
    try:
        line = json.loads(text)
    except ValueError:
        return bool(text.strip())  # a traceback
    return line.get("level") in ("error", "critical") or "mistake" in line.get("message", "")


def _is_running(pid: int) -> bool:
    """Whether a process is there and more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
