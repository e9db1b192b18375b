"""Tests of `proxy.admin.viewing`: what is asked for, and how it is answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from proxy.admin.call import Call
from proxy.admin.site import AdminSite
from proxy.config.admin import AdminConfig
from tests.admin.operating import FakeOperations, FakeProcess

SHOP = "/v1/proxies/shop"


class Stand:
    """An API in front of a proxy that has clients and connections."""

    def __init__(self):
        self.process = FakeProcess(FakeOperations(), config_path=Path("/etc/proxy.yaml"))
        (self.stage,) = self.process.stages
        self.site = AdminSite(self.process, AdminConfig(), self.stage.clock)
        self.site.start()
        for _ in range(3):
            self.stage.begin(self.stage.client()) if _ < 2 else self.stage.client()
        self.api = self.site._api()

    def get(self, path, **more):
        """The status and the answer."""
        path, _, query = path.partition("?")
        results = []
        call = Call(method="GET", path=path, query=query, **more)
        Deferred.fromCoroutine(self.api.answer(call)).addBoth(results.append)
        self.stage.run()
        return int(results[0].status), results[0]

    def content(self, path):
        status, answer = self.get(path)
        assert status == 200, answer
        assert answer.media_type == "application/json"
        return json.loads(answer.body)


@pytest.fixture
def stand():
    return Stand()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("clients", 3), ("connections", 2), ("pools", 1), ("endpoints", 1)),
        *(("pins", 0), ("pin-reasons", 0), ("digests", 1)),
    ],
)
def test_lists_have_all_there_is_up_to_a_limit(stand, name, count):
    """And say how many were left off."""
    key = name.replace("-", "_")
    content = stand.content(f"{SHOP}/{name}")
    assert (len(content[key]), content["left_off"]) == (count, 0)
    content = stand.content(f"{SHOP}/{name}?limit=0")
    assert content[key] == []
    assert content["left_off"] == count


@pytest.mark.parametrize("query", ["limit=10001", "limit=x", "limits=1"])
def test_limits_have_a_limit(stand, query):
    """Nobody has the proxy write for a minute."""
    assert stand.get(f"{SHOP}/clients?{query}")[0] == 400


def test_events_are_asked_for_from_the_last_one_on(stand):
    """With the number that came before; none is lost between two answers."""
    for number in range(5):
        stand.process.events.add("2026-11-26T12:00:00Z", "info", "it happened", {"n": number})
    first = stand.content("/v1/events?limit=3")
    assert [event["fields"] for event in first["events"]] == [{"n": n} for n in range(3)]
    assert first["last"] == 3
    rest = stand.content("/v1/events?after=3")
    assert [event["number"] for event in rest["events"]] == [4, 5]
    assert stand.content("/v1/events?after=5") == {"events": [], "last": 5}


@pytest.mark.parametrize(
    ("query", "numbers", "last"),
    [
        ("newest=2", [4, 5], 5),
        ("newest=9&limit=2", [1, 2], 2),
        ("newest=3&limit=1", [3], 3),
        ("after=4&newest=3", [5], 5),
        ("newest=0", [], 5),
        ("limit=0", [], 0),
    ],
)
def test_the_newest_events_can_be_asked_for_alone(stand, query, numbers, last):
    """Those before them are passed over, also by who asks for what comes next."""
    for _ in range(5):
        stand.process.events.add("2026-11-26T12:00:00Z", "info", "it happened", {})
    content = stand.content(f"/v1/events?{query}")
    assert [event["number"] for event in content["events"]] == numbers
    assert content["last"] == last


def test_the_configuration_has_no_secret(stand):
    """But all else that is in force."""
    content = stand.content("/v1/configuration")
    assert content["path"] == "/etc/proxy.yaml"
    (proxy,) = content["configuration"]["proxies"]
    assert proxy["name"] == "shop"
    assert {entry["password"] for entry in proxy["auth"]} == {"***"}


def test_the_history_is_there_from_the_start(stand):
    """Second by second."""
    stand.stage.run(1.0)
    content = stand.content("/v1/history")
    assert content["seconds"] == 300
    assert [moment["clients"] for moment in content["proxies"]["shop"]][-1] == 3


def test_the_process_and_the_log_are_shown(stand):
    """As they are now."""
    assert stand.content("/v1/process")["clients"] == 3
    assert stand.content("/v1/log")["debug_logging"] == []
    assert stand.content("/v1/overview")["may_act"] is True


def test_metrics_are_no_json(stand):
    """But what Prometheus reads."""
    status, answer = stand.get("/metrics")
    assert (status, answer.body) == (200, b"mysqlproxy_clients 1.0\n")
    assert answer.media_type == "text/plain; version=0.0.4; charset=utf-8"


def test_health_is_not_readiness(stand):
    """A process that is being stopped is well, and takes no new clients."""
    assert stand.content("/ready")["status"] == "ok"
    stand.process.not_ready = "it is being stopped"
    status, answer = stand.get("/ready")
    assert (status, json.loads(answer.body)["why"]) == (503, "it is being stopped")
    assert stand.content("/health") == {"status": "ok", "why": ""}


def test_the_dashboard_and_its_files_are_served(stand):
    """And nothing beside them."""
    status, answer = stand.get("/")
    assert (status, answer.media_type) == (200, "text/html; charset=utf-8")
    tag = answer.headers["ETag"]
    assert stand.get("/", known_tag=tag)[0] == 304
    assert stand.get("/assets/index.html")[0] == 200
    for path in ("/assets/..%2f__init__.py", "/assets/../api.py", "/assets/", "/assets/%00"):
        assert stand.get(path)[0] == 404


def test_who_serves_is_shown(stand):
    """This process, where it does everything."""
    (worker,) = stand.content("/v1/workers")["workers"]
    process = stand.content("/v1/process")
    assert (worker["number"], worker["state"]) == (1, "serving")
    assert (worker["pid"], process["workers"]) == (process["pid"], 1)
    assert stand.content("/v1/overview")["workers"][0]["number"] == 1


@pytest.mark.parametrize("name", ["clients", "connections", "pins", "digests"])
def test_nobody_is_missing_in_one_process(stand, name):
    """What is asked of several may lack some."""
    assert stand.content(f"{SHOP}/{name}")["missing_workers"] == []
