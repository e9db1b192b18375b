"""Tests of `proxy.service.serving`."""

from __future__ import annotations

import attrs
import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.config.load import load_config_text
from proxy.observe.counters import Counters
from proxy.service.serving import DRAIN_LOOK_SECONDS, SWEEP_SECONDS, Serving

TEXT = """
proxies:
  - name: shop
    auth: [{username: app, password: app-secret-1}]
    target_group: {targets: [{address: "127.0.0.1:1"}]}
    endpoints: [{name: main, listen: "tcp:0"}]
drain_timeout: 5
"""


class Client:
    """Busy or idle, until it is gone."""

    def __init__(self, where, *, idle):
        self.where, self.is_idle, self.protocol, self.how = where, idle, self, ""
        where.append(self)

    def hang_up(self):
        self._go("in peace")

    def abort(self):
        self._go("cut off")

    def _go(self, how):
        self.where.remove(self)
        self.how = how


@attrs.define(eq=False)
class Config:
    """That of a proxy."""

    name: str


class Proxy:
    """A proxy that does nothing, and notes what is done to it."""

    def __init__(self, name):
        self.config, self.counters, self.pools, self.own = Config(name), Counters(), self, []
        self.draining, self.done = False, []

    @property
    def count(self):
        return len(self.own)

    def own_clients(self):
        return [*self.own]

    def close(self):
        self.done.append("close")

    def stop(self):
        self.done.append("stop")

    def sweep(self):
        self.done.append("sweep")

    def end_long_pins(self):
        self.done.append("pins")


class Assembly:
    """Works for a proxy."""

    def __init__(self, name):
        self.proxy, self.done = Proxy(name), []

    def now(self):
        raise AssertionError("nobody asks for metrics")

    def start(self):
        self.done.append("start")

    def look(self):
        self.done.append("look")

    def stop(self):
        self.done.append("stop")


class Looks:
    """Looks at no target."""

    def __init__(self):
        self.done = []

    def begin(self, proxy):
        self.done.append(("begin", proxy.config.name))

    def give_up(self, proxy):
        self.done.append(("give up", proxy.config.name))


class Scene:
    """A process that serves two proxies.

    Attributes:
        clients: All that there are.
    """

    def __init__(self, folder):
        self.clock = Clock()
        config = load_config_text(TEXT, folder / "mysqlproxy.yaml")
        self.one = Serving(config, self.clock, lambda: 0.0)
        self.looks = self.one.first_looks = Looks()
        self.shop, self.blog = Assembly("shop"), Assembly("blog")
        self.one._take_up([self.shop, self.blog])

    def let_go(self, is_awaited=lambda: False):
        """All clients are let go; whether that is done is in the result."""
        done = []
        letting = Deferred.fromCoroutine(self.one._let_go(is_awaited))
        letting.addCallback(lambda _: done.append(True))
        return done


@pytest.fixture
def scene(tmp_path):
    """It has not begun."""
    return Scene(tmp_path)


def test_it_begins_and_looks_after_its_proxies_each_second(scene):
    """Until there is nothing left to do."""
    scene.one._begin()
    try:
        assert [one.done for one in (scene.shop, scene.blog)] == [["start", "look"]] * 2
        assert scene.looks.done == [("begin", "shop"), ("begin", "blog")]
        scene.clock.advance(SWEEP_SECONDS)
        assert scene.shop.proxy.done == ["sweep", "pins"] * 2
        assert scene.one.uptime == SWEEP_SECONDS
        assert scene.one.collector.process.reactor_delay.count == 1
    finally:
        scene.one._finish()
    scene.clock.advance(SWEEP_SECONDS)
    assert scene.shop.done == ["start", "look", "look"]


def test_a_proxy_that_is_no_more_ends_when_its_clients_have_finished(scene):
    """Idle ones go at once; those of other proxies stay."""
    idle, busy = (Client(scene.shop.proxy.own, idle=one) for one in (True, False))
    other = Client(scene.blog.proxy.own, idle=True)
    added = Assembly("news")
    scene.one.take([scene.blog, added], [added])
    assert added.done == ["start"]
    assert [one.config.name for one in scene.one.proxies] == ["blog", "news"]
    assert (idle.how, busy.how, other.how) == ("in peace", "", "")
    assert scene.shop.proxy.draining
    assert ("give up", "shop") in scene.looks.done
    assert scene.shop.done == []
    busy.is_idle = True
    scene.clock.advance(DRAIN_LOOK_SECONDS)
    assert busy.how == "in peace"
    assert (scene.shop.done, scene.shop.proxy.done) == (["stop"], ["close", "stop"])


@pytest.mark.parametrize("has_clients", [False, True])
def test_metrics_forget_a_proxy_that_is_no_more(scene, has_clients):
    """Also one without clients, which ends at once; not one whose name is there again."""
    forgotten = []
    scene.one.collector.forget = forgotten.append
    again = Assembly("blog")
    busy = [
        Client(one.proxy.own, idle=False) for one in (scene.shop, scene.blog) if has_clients
    ]
    scene.one.take([again], [again])
    assert forgotten == ([] if has_clients else ["shop"])
    for client in busy:
        client.is_idle = True
    scene.clock.advance(DRAIN_LOOK_SECONDS)
    assert forgotten == ["shop"]
    assert scene.shop.done == scene.blog.done == ["stop"]


def test_who_does_not_finish_is_cut_off_in_the_end(scene):
    """After as long as a drain may take."""
    busy = Client(scene.shop.proxy.own, idle=False)
    scene.one.take([scene.blog], [])
    scene.clock.pump([1.0] * 5)
    assert busy.how == "cut off"
    assert scene.shop.done == ["stop"]


def test_at_the_end_all_are_let_go(scene):
    """A client that works is waited for, and so is a word from elsewhere."""
    awaited = [True]
    busy = Client([], idle=False)
    busy.where = scene.one.clients
    scene.one.clients = Clients(busy)
    done = scene.let_go(lambda: bool(awaited))
    scene.clock.advance(DRAIN_LOOK_SECONDS)
    scene.one.clients.clear()
    scene.clock.advance(DRAIN_LOOK_SECONDS)
    assert not done
    awaited.clear()
    scene.clock.advance(DRAIN_LOOK_SECONDS)
    assert done
    assert scene.shop.done == scene.blog.done == ["stop"]


class Clients(dict):
    """By their numbers."""

    def __init__(self, *clients):
        super().__init__(enumerate(clients))

    def remove(self, client):
        for number, one in [*self.items()]:
            if one is client:
                del self[number]


def test_at_the_end_nobody_is_waited_for_longer_than_may_be(scene):
    """A proxy that was ending already ends too, and once only."""
    busy = Client([], idle=False)
    scene.one.clients = busy.where = Clients(busy)
    scene.shop.proxy.own.append(busy)
    scene.one.take([scene.blog], [])
    scene.clock.advance(1.0)
    with capture_logs() as lines:
        done = scene.let_go()
        scene.shop.proxy.own.clear()
        scene.one._leaving.pop(scene.shop)
        scene.one._leaving[scene.shop] = None
        scene.clock.pump([1.0] * 5)
    assert done
    assert busy.how == "cut off"
    assert "clients are cut off in their transactions" in [one["event"] for one in lines]
    assert scene.shop.done == ["stop"]
