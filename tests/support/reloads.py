"""A process that goes to and fro between two configurations, and counts what it has then.

Started with a folder, it prints as JSON how much of each kind there is after some reloads, and
after many more.
"""

from __future__ import annotations

import collections
import gc
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from proxy.config.load import load_config
from proxy.embedded.certificates import self_signed
from proxy.observe.log import configure
from proxy.policy.standing import OperationRefusedError
from proxy.service.alone import Alone
from tests.support.ports import free_port

FIRST, MORE = 15, 45
"""Turns to and fro until the first count, and until the second one."""

SETTLE_SECONDS = 4.0
"""After which timers of the last reload have run out: waits for a connection take 2 seconds."""

COUNTED = (
    "proxy.service",
    "proxy.front",
    "proxy.pool",
    "proxy.failover",
    "proxy.credentials",
    "proxy.policy",
    "proxy.net",
    "proxy.config",
    "proxy.admin.access",
    "proxy.admin.api",
    "proxy.admin.gate",
    "OpenSSL",
    "twisted.internet.unix",
    "twisted.python.threadpool",
)
"""Modules of which objects are counted; others keep a history, or are there for a moment."""

POOL = {"connection_borrow_timeout": 2}


class Turning:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mysqlproxy.yaml"
        self.folder = folder
        self.ports = [free_port() for _ in range(5)]  # nobody serves at the last two
        self.tls = self_signed().write(folder / "tls")
        users = folder / "users.yaml"
        users.write_text("users: [{username: batch, password: batch-secret-1}]\n")
        users.chmod(0o600)
        self.both = self.first(), self.second()
        self.write(self.both[0])
        self.process = Alone(load_config(self.path), reactor, self.path)

    def write(self, document: dict[str, Any]) -> None:
        """Have this in the file."""
        self.path.write_text(yaml.safe_dump(document))
        self.path.chmod(0o600)

    def tcp(self, number: int) -> str:
        """A place to listen at."""
        return f"tcp:{self.ports[number]}:interface=127.0.0.1"

    def unix(self, name: str) -> str:
        """Another one."""
        return f"unix:{self.folder}/{name}.sock"

    def target(self, number: int, host: str = "127.0.0.1") -> dict[str, Any]:
        """A target that is not there."""
        return {"address": f"{host}:{self.ports[number]}"}

    @staticmethod
    def document(*proxies: dict[str, Any], **admin: Any) -> dict[str, Any]:
        """A whole configuration."""
        log = {"format": "json", "level": "error"}
        return {"proxies": [*proxies], "admin": admin, "log": log, "drain_timeout": 0}

    def first(self) -> dict[str, Any]:
        """Two proxies, of which one goes; plain."""
        app = {"username": "app", "password": "app-secret-1"}
        file = {"auth_scheme": "FILE", "users_file": f"{self.folder}/users.yaml"}
        shop = {
            "name": "shop",
            "auth": [app],
            "target_group": {"targets": [self.target(3)], "connection_pool_config": POOL},
            "endpoints": [
                {"name": "shop", "listen": self.unix("shop")},
                {"name": "tcp", "listen": self.tcp(0)},
            ],
        }
        gone = {
            "name": "gone",
            "auth": [app, file],
            "target_group": {
                "topology": "REPLICATION",
                "failover": {"read_your_writes": True, "fall_back_to_writer": False},
                "targets": [self.target(4), self.target(3)],
                "connection_pool_config": POOL,
            },
            "endpoints": [
                {"name": "gone", "listen": self.tcp(1)},
                {"name": "reads", "listen": self.unix("reads"), "target_role": "READ_ONLY"},
            ],
        }
        return self.document(shop, gone, listen=self.unix("admin"))

    def second(self) -> dict[str, Any]:
        """One proxy is another one, and one is new where that was; with TLS everywhere."""
        pair = {"certificate": str(self.tls.certificate), "private_key": str(self.tls.key)}
        file = {"auth_scheme": "FILE", "users_file": f"{self.folder}/users.yaml"}
        shop = {
            "name": "shop",
            "auth": [{"username": "other", "password": "other-secret-1"}, file],
            "tls": {"certificates": [pair]},
            "idle_client_timeout": 77,
            "target_group": {
                "topology": "REPLICATION",
                "failover": {"read_your_writes": True, "fall_back_to_writer": False},
                "tls": {"mode": "VERIFY_CA", "ca": str(self.tls.certificate)},
                "targets": [self.target(4), self.target(3, "localhost")],
                "connection_pool_config": {**POOL, "init_query": "SET @a = 1"},
            },
            "endpoints": [{"name": "shop", "listen": self.tcp(1)}],
        }
        new = {
            "name": "new",
            "auth": [{"username": "app", "password": "app-secret-1"}, file],
            "tls": {"certificates": [pair]},
            "target_group": {"targets": [self.target(4)], "connection_pool_config": POOL},
            "endpoints": [
                {"name": "shop", "listen": self.unix("shop")},
                {"name": "tcp", "listen": self.tcp(0)},
            ],
        }
        listen = [self.unix("admin2"), self.tcp(2)]
        return self.document(shop, new, listen=listen, tls=pair)

    def broken(self) -> list[dict[str, Any]]:
        """Some that fail, each later than the one before."""
        first, second = self.both
        value, file, place = ({**first}, {**second}, {**first})
        value["drain_timeout"] = -1
        file["proxies"] = [{**one, "auth": [_no_file()]} for one in second["proxies"]]
        where = [
            {"name": "new", "listen": self.tcp(1)},
            {"name": "no", "listen": "unix:/no/no"},
        ]
        place["proxies"] = [{**second["proxies"][0], "endpoints": where}]
        admin = {**second, "admin": {**second["admin"], "listen": self.unix("no/admin")}}
        return [value, file, place, admin]

    async def turn(self, times: int) -> None:
        """Go to and fro."""
        broken = self.broken()
        for number in range(times):
            for document in (self.both[1], self.both[0]):
                self.write(document)
                report = await self.process.reloader.reload()
                assert report.changed
            self.write(broken[number % len(broken)])
            try:
                await self.process.reloader.reload()
            except OperationRefusedError:
                continue
            raise AssertionError(broken[number % len(broken)])

    async def count(self) -> dict[str, int]:
        """What there is."""
        self.write(self.both[0])
        await self.process.reloader.reload()
        await pause(SETTLE_SECONDS)
        gc.unfreeze()
        gc.collect()
        kinds = (type(one) for one in gc.get_objects())
        found = collections.Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
        counted = {name: n for name, n in found.items() if name.startswith(COUNTED)}
        readers: Any = reactor
        return {
            **counted,
            "threads": threading.active_count(),
            "listening": len([one for one in readers.getReaders() if "Port" in repr(one)]),
        }

    async def run(self) -> None:
        """All of it."""
        await self.process.listening
        await self.turn(FIRST)
        first = await self.count()
        await self.turn(MORE)
        print(json.dumps([first, await self.count()]))  # noqa: T201 - its answer


def _no_file() -> dict[str, str]:
    return {"auth_scheme": "FILE", "users_file": "/no/users.yaml"}


async def pause(seconds: float) -> None:
    """Let others work."""
    waiting: Deferred[None] = Deferred()
    clock: Any = reactor
    clock.callLater(seconds, waiting.callback, None)
    await waiting


def main() -> None:
    """Do it, and end whatever happens."""
    configure("json", "error")
    turning = Turning(Path(sys.argv[1]))
    loop: Any = reactor

    def failed(failure: Any) -> None:
        print(failure.getTraceback(), file=sys.stderr)  # noqa: T201 - for who reads the test

    def begin() -> None:
        turning.process.startService()
        running = Deferred.fromCoroutine(turning.run()).addErrback(failed)
        running.addBoth(lambda _: turning.process.stopService())
        running.addBoth(lambda _: loop.stop())

    loop.callWhenRunning(begin)
    loop.run()
    sys.stdout.flush()
    os._exit(0)  # threads that wait for nothing keep nobody


if __name__ == "__main__":
    main()
