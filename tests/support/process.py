"""The proxy as its users run it: a process with a configuration file, in front of a server.

`running_proxy` is the context manager; tests under ``tests/live`` use the fixture ``serve``.
Either fails the test when the proxy's log says that it made a mistake.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pymysql
import yaml

from proxy.embedded import Server
from tests.support.ports import free_port

ACCOUNTS: Mapping[str, str] = {"app": "app-secret-1", "admin": "admin-secret-1"}
"""The accounts that the servers of ``tests/conftest.py`` have, and their passwords."""

WORKERS = int(os.environ.get("MYSQLPROXY_TEST_WORKERS", "1"))
"""How many processes serve in tests that do not say: the same tests are run with one, and with
more."""

WORKERS_IN_TURN = (1, 2) if WORKERS == 1 else (WORKERS,)
"""How many serve, one after the other, in the few tests that are run with several each time."""

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 30.0
DRAIN_SECONDS = 2


@attrs.define(eq=False)
class RunningProxy:
    """A running proxy with one endpoint.

    Attributes:
        host: Where it listens.
        port: The TCP port of its endpoint.
        process: The proxy; its standard error is its log.
        log_path: The log, a JSON object on each line.
    """

    host: str
    port: int
    process: subprocess.Popen[bytes]
    log_path: Path
    _known: tuple[int, list[dict[str, Any]]] = attrs.field(default=(0, []), init=False)

    def connect(self, user: str = "app", **options: Any) -> pymysql.Connection:
        """Log in with PyMySQL; options as of `pymysql.connect`."""
        settings = {
            "host": self.host,
            "port": self.port,
            "user": user,
            "password": ACCOUNTS.get(user),
            "connect_timeout": 10,
            "read_timeout": 60,
        }
        return pymysql.connect(**(settings | options))

    def log(self) -> list[dict[str, Any]]:
        """All lines of the log so far; what is no JSON (a traceback) is a message."""
        read, known = self._known
        with self.log_path.open("rb") as stream:
            stream.seek(read)
            new = stream.read()
        # Whoever waits for a line asks again and again: what was whole is not read anew.
        end = new.rfind(b"\n") + 1
        known = [*known, *map(_line, new[:end].splitlines())]
        self._known = read + end, known
        return [*known, *map(_line, new[end:].splitlines())]

    def mistakes(self) -> list[dict[str, Any]]:
        """The lines that say that the proxy itself went wrong."""
        grave = {"error", "critical"}
        return [
            line
            for line in self.log()
            if line.get("level") in grave or str(line.get("message")).startswith("a mistake")
        ]

    def stop(self) -> int:
        """Ask it to end, as a service manager does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running_proxy(
    server: Server,
    folder: Path,
    *,
    accounts: Mapping[str, str] = ACCOUNTS,
    pool: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    level: str = "info",
    log: Mapping[str, Any] | None = None,
    admin: Mapping[str, Any] | None = None,
    program: Sequence[str] = ("-m", "proxy"),
    environment: Mapping[str, str] | None = None,
    workers: int | None = None,
    expects: Sequence[str] = (),
) -> Iterator[RunningProxy]:
    """Run a proxy in front of a server for the length of a block.

    Args:
        server: A running server.
        folder: Where its configuration and its log go.
        accounts: Whom it knows, and their passwords.
        pool: Settings of ``connection_pool_config``; by default 4 connections.
        settings: Other settings of the proxy, such as ``idle_client_timeout``.
        level: The least serious lines that it logs.
        log: Other settings of its log.
        admin: Settings of ``admin``.
        program: What Python runs.
        environment: Variables that it has beside ours.
        workers: How many processes serve; by default as many as `WORKERS`.
        expects: Messages of errors in its log that are no mistakes.

    Raises:
        AssertionError: It did not start, did not stop when asked to, or logged an error.
    """
    port = free_port()
    known = {"client_password_auth_type": None}
    document = {
        "proxies": [
            {
                "name": "live",
                "auth": [
                    {"username": name, "password": word, **known}
                    for name, word in accounts.items()
                ],
                "target_group": {
                    "targets": [{"address": f"{server.host}:{server.port}"}],
                    "connection_pool_config": {
                        "max_connections": 4,
                        "connection_borrow_timeout": 30,
                        **(pool or {}),
                    },
                },
                "endpoints": [{"name": "main", "listen": f"tcp:{port}:interface=127.0.0.1"}],
                **(settings or {}),
            }
        ],
        "log": {"level": level, "format": "json", **(log or {})},
        "admin": dict(admin or {}),
        "workers": WORKERS if workers is None else workers,
        "drain_timeout": DRAIN_SECONDS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    configuration, log_path = folder / "mysqlproxy.yaml", folder / "mysqlproxy.log"
    configuration.write_text(yaml.safe_dump(document), "utf-8")
    command = [sys.executable, *program, "run", "--config", str(configuration)]
    with log_path.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    proxy = RunningProxy("127.0.0.1", port, process, log_path)
    try:
        _wait_until_it_listens(proxy)
        yield proxy
    finally:
        status = proxy.stop()
    assert status == 0, f"the proxy ended with status {status}:\n{_tail(proxy)}"
    mistakes = [one for one in proxy.mistakes() if one.get("message") not in expects]
    assert not mistakes, "the proxy made mistakes:\n" + "\n".join(
        str(line.get("exception", "")) + "\n" + json.dumps(line) for line in mistakes[:5]
    )


def _line(line: bytes) -> dict[str, Any]:
    text = line.decode("utf-8", "replace")
    try:
        return dict(json.loads(text))
    except ValueError:
        return {"level": "error", "message": text}


def _wait_until_it_listens(proxy: RunningProxy) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        assert proxy.process.poll() is None, f"the proxy did not start:\n{_tail(proxy)}"
        try:
            socket.create_connection((proxy.host, proxy.port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"the proxy does not listen:\n{_tail(proxy)}"
            time.sleep(0.05)
        else:
            return


def _tail(proxy: RunningProxy) -> str:
    return proxy.log_path.read_text("utf-8", "replace")[-4000:]
