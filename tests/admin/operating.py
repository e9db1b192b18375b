"""A proxy that only says what it was told, and the admin API in front of it on real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from datetime import UTC, datetime

import attrs
from twisted.internet.defer import Deferred

from proxy.admin.near_sight import NearSight
from proxy.admin.process import Served
from proxy.admin.site import AdminSite
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.config.admin import AdminConfig
from proxy.config.model import Config
from proxy.net.reactor import Reactor
from proxy.observe import log
from proxy.observe.events import Events
from proxy.observe.figures import figures
from proxy.policy.standing import (
    OperationRefusedError,
    ProxyStatus,
    ReloadReport,
    TargetStatus,
)
from tests.support.memory import Stage

LIMIT_SECONDS = 20
GET = b"GET /v1/proxies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WRITER = TargetStatus(
    address="db1.example:3306",
    role="READ_WRITE",
    state="AVAILABLE",
    connections=10,
    lent=3,
    seen_seconds_ago=0.41234,
    writable=True,
    server="6f1e",
)
READER = TargetStatus(
    address="db2.example",
    role="READ_ONLY",
    state="UNAVAILABLE",
    reason="CONNECTION_FAILED",
    description="it cannot be connected to",
    lag_seconds=130.0,
)


class FakeOperations:
    """Does nothing.

    Attributes:
        done: What was asked for, in order.
        blocked: Actions that do not end before they are `release`d.
        refusals: Why actions are refused, by name.
    """

    def __init__(self, name="shop", targets=(WRITER, READER), **status):
        self.name = name
        self.done = []
        self.blocked = set()
        self.refusals = {}
        self.mistakes = {}
        self._targets = [*targets]
        self._status = ProxyStatus(**({"name": name, "writer": "db1.example:3306"} | status))
        self._waiting = {}

    def targets(self):
        return [*self._targets]

    def status(self):
        return self._status

    def _do(self, name, *arguments):
        self.done.append((name, *arguments))
        if name in self.mistakes:
            raise self.mistakes[name]
        if name in self.refusals:
            raise OperationRefusedError(self.refusals[name])

    async def _do_long(self, name, *arguments):
        self._do(name, *arguments)
        if name in self.blocked:
            self._waiting[name] = Deferred()
            await self._waiting[name]

    def release(self, name, refusal=None):
        """Let a blocked action end."""
        self._waiting.pop(name).callback(None) if refusal is None else self._waiting.pop(
            name
        ).errback(OperationRefusedError(refusal))

    async def drain(self, target):
        await self._do_long("drain", target)

    def undrain(self, target):
        self._do("undrain", target)

    async def promote(self, target):
        await self._do_long("promote", target)

    async def pause(self):
        await self._do_long("pause")

    def resume(self):
        self._do("resume")

    async def switch(self, target_set):
        await self._do_long("switch", target_set)


def _stage(name):
    stage = Stage()
    stage.proxy.config = attrs.evolve(stage.proxy.config, name=name)
    return stage


class FakeProcess:
    """A process whose proxies do nothing, and which says what it was told.

    Attributes:
        stages: The proxies themselves, without sockets.
        not_ready: Why it is not.
        report: What a reload has changed.
        refusal: Why a reload or a restart is refused; empty where it is not.
        done: What was asked for.
        others: Workers beside this process.
        samples: How many seconds have passed.
    """

    form = "pure Python"
    uptime = 60.0

    def __init__(self, *operations, config_path=None):
        self.stages = [_stage(one.name) for one in operations]
        self._served = [
            Served(NearSight(stage.proxy), one, {"main": "127.0.0.1:3306"})
            for stage, one in zip(self.stages, operations, strict=True)
        ]
        self.config = Config(proxies=tuple(one.sight.config for one in self._served))
        self.config_path = config_path
        self.configured = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
        self.events = Events()
        self.not_ready = self.refusal = ""
        self.report = ReloadReport(changed=("proxies[shop].max_clients",))
        self.done = []
        self.others = []
        self.samples = 0

    def served(self):
        return [*self._served]

    def workers(self):
        seen = attrs.asdict(figures())
        return self.others or [WorkerStatus(number=1, uptime=self.uptime, **seen)]

    def sample(self):
        self.samples += 1

    def set_log_level(self, level):
        log.set_level(level)

    async def heard(self):
        self.done.append("heard")

    def why_not_ready(self):
        return self.not_ready

    def metrics(self):
        return b"mysqlproxy_clients 1.0\n"

    def _do(self, name):
        self.done.append(name)
        if self.refusal:
            raise OperationRefusedError(self.refusal)

    async def reload(self):
        self._do("reload")
        return self.report

    async def restart(self):
        self._do("restart")


@attrs.frozen
class Serving:
    """An admin API that listens.

    Attributes:
        reactor: On which it runs, in a thread of its own.
        site: The API.
    """

    reactor: Reactor
    site: AdminSite

    def call(self, work, *arguments):
        """Call something in the thread of the reactor, and give what it returns or raises."""
        done = threading.Event()
        results = []

        async def run():
            result = work(*arguments)
            return await result if hasattr(result, "__await__") else result

        def begin():
            Deferred.fromCoroutine(run()).addBoth(results.append).addBoth(lambda _: done.set())

        self.reactor.callFromThread(begin)
        assert done.wait(LIMIT_SECONDS)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result


@contextlib.contextmanager
def serving(*operations, process=None, **config):
    """An admin API that runs, and listens nowhere yet."""
    reactor = Reactor()
    process = process or FakeProcess(*operations)
    site = AdminSite(process, AdminConfig(**config), reactor)
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False})
    thread.start()
    served = Serving(reactor, site)
    try:
        yield served
        served.call(site.stop)
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join(LIMIT_SECONDS)
        reactor.removeAll()
        reactor._poller.close()
        reactor.waker.connectionLost(None)
    assert not thread.is_alive()


def exchange(path, data):
    """Send bytes to a unix socket, and read all until the other side closes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT_SECONDS)
        sock.connect(str(path))
        sock.sendall(data)
        pieces = []
        with contextlib.suppress(ConnectionResetError):
            while piece := sock.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)


def post(where, body=b"", *headers):
    lines = [
        b"POST /v1/proxies/shop/" + where + b" HTTP/1.1",
        b"Host: localhost",
        b"Connection: close",
        *headers,
    ]
    if not any(header.startswith(b"Transfer") for header in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def taken_apart(data):
    """The status, the headers and the JSON of an answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    named = {name.lower(): value for name, value in (one.split(": ", 1) for one in headers)}
    return int(first.split()[1]), named, json.loads(body) if body else None
