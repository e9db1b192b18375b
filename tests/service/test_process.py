"""Tests of `proxy.service.process`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.admin.near_sight import NearSight
from proxy.observe import log
from proxy.observe.metrics import ProxyCollector
from proxy.policy.standing import ReloadReport
from proxy.service.ports import PortName
from proxy.service.process import RunningProcess
from tests.support.memory import Stage


@attrs.define
class Port:
    name: PortName
    address: str = "127.0.0.1:3306"


@attrs.define(eq=False)
class Assembly:
    proxy: object
    steward: object = None


class HandOver:
    is_done = False
    restarts = 0

    async def restart(self):
        self.restarts += 1


class Reloader:
    async def reload(self):
        return ReloadReport(changed=("log.level",))


class Worker:
    """What a process is made around, without sockets."""

    config_path = Path("/etc/proxy.yaml")
    configured = datetime(2026, 11, 26, tzinfo=UTC)
    uptime = 5.0
    running = True

    def __init__(self):
        self.config = object()
        self.reactor = Clock()
        self.collector = ProxyCollector()
        self.stage = Stage()
        self.assemblies = [Assembly(self.stage.proxy)]
        self.proxies = [self.stage.proxy]
        self.ports = [Port(PortName("shop", "main")), Port(PortName("bank", "main"), "other")]
        self.hand_over = HandOver()
        self.reloader = Reloader()


@pytest.fixture
def worker():
    return Worker()


def done(work):
    results = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    return results[0]


def test_it_is_what_the_worker_is(worker):
    """A reload changes it there."""
    process = RunningProcess(worker)
    assert (process.config, process.config_path) == (worker.config, worker.config_path)
    assert (process.configured, process.uptime) == (worker.configured, 5.0)
    assert process.form in {"compiled", "pure Python"}
    assert process.events is log.events
    assert process.metrics().startswith(b"# HELP mysqlproxy_")


def test_a_proxy_keeps_its_operations(worker):
    """As long as it is there, so that two orders do not cross."""
    process = RunningProcess(worker)
    (first,), (second,) = process.served(), process.served()
    assert first.operations is second.operations
    assert first.operations.name == "shop"
    assert first.addresses == {"main": "127.0.0.1:3306"}
    worker.assemblies = [Assembly(Stage().proxy)]
    assert process.served()[0].operations is not first.operations


def test_it_is_ready_when_every_endpoint_listens(worker):
    """And while it is neither stopped nor replaced."""
    process = RunningProcess(worker)
    assert process.why_not_ready() == ""
    worker.ports.pop(0)
    assert process.why_not_ready() == "these endpoints do not listen: shop/main"
    worker.running = False
    assert process.why_not_ready() == "the proxy is being stopped"
    worker.hand_over.is_done = True
    assert process.why_not_ready() == "another process has taken over"


def test_orders_are_passed_on(worker):
    """To who can carry them out."""
    process = RunningProcess(worker)
    assert done(process.reload()) == ReloadReport(changed=("log.level",))
    done(process.restart())
    assert worker.hand_over.restarts == 1


def test_this_process_serves_unless_others_do(worker):
    """What is asked of who serves the clients goes there."""
    process = RunningProcess(worker)
    process.sample()
    (alone,) = process.workers()
    assert (alone.number, alone.uptime) == (1, 5.0)
    process.set_log_level("error")
    assert log.level() == "error"
    process.set_log_level("info")


class Others:
    """Workers that do not serve yet."""

    def of(self, assembly):
        return NearSight(assembly.proxy)

    def why_not_ready(self):
        return "no worker serves"


def test_it_is_not_ready_while_nobody_serves(worker):
    """Though all its endpoints listen."""
    assert RunningProcess(worker, Others()).why_not_ready() == "no worker serves"
