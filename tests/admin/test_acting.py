"""Tests of `proxy.admin.acting`; what concerns targets is in `test_api`."""

from __future__ import annotations

import io
import json

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.admin.call import Call
from proxy.admin.site import AdminSite
from proxy.config.admin import AdminConfig
from proxy.observe import log
from proxy.policy.standing import ReloadReport
from tests.admin.operating import FakeOperations, FakeProcess

SHOP = "/v1/proxies/shop"


class Stand:
    """An API in front of a proxy without sockets."""

    def __init__(self):
        self.process = FakeProcess(FakeOperations(), FakeOperations("bank"))
        self.stage = self.process.stages[0]
        self.stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
        self.stage.pool.dialer.connector.place  # noqa: B018 - it is there
        self.target = next(iter(self.stage.proxy.pools.by_address()))
        self.process.served()[0].operations._targets = [_target(self.target)]
        self.api = AdminSite(self.process, AdminConfig(), Clock())._api()

    def post(self, path, **parameters):
        body = json.dumps(parameters).encode() if parameters else b""
        call = Call(
            method="POST", path=path, body=body, content_type="application/json", by="me"
        )
        results = []
        Deferred.fromCoroutine(self.api.answer(call)).addBoth(results.append)
        return int(results[0].status), json.loads(results[0].body)


def _target(address):
    from proxy.policy.standing import TargetStatus

    return TargetStatus(address=address)


@pytest.fixture
def stand():
    return Stand()


@pytest.fixture
def lines():
    """The log, line by line."""
    stream = io.StringIO()
    log.configure("json", "info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.configure()


def test_a_client_is_ended(lines, stand):
    """It can read why, and the log says who did it."""
    peer = stand.stage.client()
    number = peer.client.number
    status, content = stand.post(f"{SHOP}/clients/{number}/kill")
    assert (status, content["number"], content["done"]) == (200, number, True)
    stand.stage.run()
    assert peer.reply().code == 1927
    assert peer.closed
    done = [line for line in lines() if line.get("action") == "kill client"]
    assert {(line["by"], line["number"]) for line in done} == {("me", number)}
    assert stand.post(f"{SHOP}/clients/{number}/kill")[0] == 404


def test_a_client_of_another_proxy_is_not_there(stand):
    """Numbers are unique in the process, and so each has one place."""
    number = stand.process.stages[1].client().client.number
    assert stand.post(f"{SHOP}/clients/{number}/kill")[0] == 404


def test_a_connection_is_ended(stand):
    """By the server's number for it."""
    peer = stand.stage.client()
    stand.stage.begin(peer)
    number = peer.client.lease.backend.connection_id
    path = f"{SHOP}/targets/{stand.target}/connections/{number}/kill"
    status, content = stand.post(path)
    assert (status, content["number"], content["target"]) == (200, number, stand.target)
    stand.stage.run()
    assert peer.client.lease is None
    assert stand.post(path)[0] == 404


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "%D9%A1", "9" * 30])
def test_what_is_no_number_is_not_there(stand, number):
    """Whatever it looks like."""
    assert stand.post(f"{SHOP}/clients/{number}/kill")[0] == 404
    path = f"{SHOP}/targets/{stand.target}/connections/{number}/kill"
    assert stand.post(path)[0] == 404


def test_the_log_of_statements_is_switched(stand, lines):
    """At one proxy, until it is switched again."""
    content = {"level": "info", "debug_logging": ["shop"]}
    assert stand.post(f"{SHOP}/debug-logging", on=True) == (200, content)
    assert stand.stage.proxy.debug
    assert stand.post(f"{SHOP}/debug-logging", on=False)[1]["debug_logging"] == []
    assert stand.post(f"{SHOP}/debug-logging", on="yes")[0] == 400
    assert [line["on"] for line in lines() if "on" in line] == [True, False]
    assert stand.process.done == ["heard", "heard"]


def test_the_level_of_the_log_is_changed(stand, lines):
    """What is less serious is written no more; that it was changed is."""
    assert stand.post("/v1/log", level="error")[1]["level"] == "error"
    assert stand.process.done == ["heard"]
    log.get_logger().warning("not to be seen")
    assert stand.post("/v1/log", level="loud")[0] == 400
    assert stand.post("/v1/log", level=["error"])[0] == 400
    assert [line["message"] for line in lines()] == ["an operator changed the level of the log"]


def test_a_reload_says_what_changed(stand):
    """Or why nothing did."""
    content = {"changed": ["proxies[shop].max_clients"], "needs_restart": []}
    assert stand.post("/v1/reload") == (200, content)
    stand.process.refusal = "line 3: no such setting"
    assert stand.post("/v1/reload") == (409, {"error": "line 3: no such setting"})


def test_a_reload_is_of_the_file_as_it_is_now(stand):
    """One that is under way may have read it before it changed: the next one reads it again."""
    asked, answers = Deferred(), []

    async def reload():
        stand.process.done.append("reload")
        await asked
        return ReloadReport(changed=(f"change {len(answers)}",))

    stand.process.reload = reload
    for _ in range(2):
        call = Call(method="POST", path="/v1/reload")
        Deferred.fromCoroutine(stand.api.answer(call)).addCallback(answers.append)
    assert stand.process.done == ["reload"] * 2
    asked.callback(None)
    assert [answer.content.changed for answer in answers] == [("change 0",), ("change 1",)]


def test_a_restart_is_done_when_the_new_process_serves(stand):
    """Or refused, and this one goes on."""
    status, content = stand.post("/v1/restart")
    assert (status, content["action"], content["done"]) == (200, "restart", True)
    stand.process.refusal = "it did not come up"
    assert stand.post("/v1/restart")[0] == 409
    assert stand.process.done == ["restart", "restart"]
