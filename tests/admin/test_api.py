"""Tests of `proxy.admin.api`."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from proxy.admin.answers import ActionAnswer
from proxy.admin.api import DEFAULT_TIMEOUT_SECONDS, ROUTES
from proxy.admin.call import Call
from proxy.admin.site import AdminSite
from proxy.config.admin import AdminConfig
from proxy.policy.standing import TargetStatus
from tests.admin.operating import READER, WRITER, FakeOperations, FakeProcess

SHOP = "/v1/proxies/shop"
DB1 = f"{SHOP}/targets/db1.example:3306"


class Stand:
    """An API in front of two proxies."""

    def __init__(self):
        self.clock = Clock()
        self.shop = FakeOperations()
        self.bank = FakeOperations("bank", [TargetStatus(address="unix:/run/mysqld.sock")])
        self.site = AdminSite(FakeProcess(self.shop, self.bank), AdminConfig(), self.clock)
        self.api = self.site._api()
        self.actions = self.site.desk.actions

    def begin(self, method, path, **parameters):
        call = Call(
            method=method,
            path=path,
            body=json.dumps(parameters).encode() if parameters else b"",
            content_type="application/json",
        )
        results = []
        deferred = Deferred.fromCoroutine(self.api.answer(call))
        deferred.addBoth(results.append)
        return deferred, results

    def ask(self, method, path, **parameters):
        """The status and the content of an answer that comes at once."""
        (answer,) = self.begin(method, path, **parameters)[1]
        return int(answer.status), json.loads(answer.body)


@pytest.fixture
def stand():
    return Stand()


def test_all_proxies_are_listed(stand):
    """In the order of the configuration, with how each stands."""
    status, content = stand.ask("GET", "/v1/proxies")
    assert status == 200
    assert [one["name"] for one in content["proxies"]] == ["shop", "bank"]
    assert content["proxies"][0] == stand.ask("GET", SHOP)[1]
    assert content["proxies"][0]["writer"] == "db1.example:3306"
    assert content["proxies"][0]["last_switch"] is None


def test_targets_are_listed_with_every_field(stand):
    """Seconds are rounded to microseconds."""
    status, content = stand.ask("GET", f"{SHOP}/targets")
    assert status == 200
    writer, reader = content["targets"]
    assert writer["address"] == WRITER.address
    assert writer["seen_seconds_ago"] == 0.41234
    assert (reader["state"], reader["reason"]) == ("UNAVAILABLE", "CONNECTION_FAILED")
    assert stand.ask("GET", DB1) == (200, writer)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("db1.example:3306", WRITER.address),
        ("db1.example", WRITER.address),
        ("DB1.example", WRITER.address),
        ("db2.example:3306", READER.address),
        ("db2.example", READER.address),
    ],
)
def test_a_target_may_be_written_in_any_way(stand, name, found):
    """With the default port or without, and in any case."""
    status, content = stand.ask("GET", f"{SHOP}/targets/{name}")
    assert (status, content["address"]) == (200, found)


def test_an_address_may_have_slashes(stand):
    """With percent signs a unix socket is one segment of the path."""
    socket = quote("unix:/run/mysqld.sock", safe="")
    path = f"/v1/proxies/bank/targets/{socket}/drain"
    assert stand.ask("POST", path)[0] == 200
    assert stand.bank.done == [("drain", "unix:/run/mysqld.sock")]


@pytest.mark.parametrize(
    ("path", "parameters", "done"),
    [
        (f"{DB1}/drain", {}, ("drain", WRITER.address)),
        (f"{DB1}/undrain", {}, ("undrain", WRITER.address)),
        (f"{SHOP}/targets/db2.example/promote", {}, ("promote", READER.address)),
        (f"{SHOP}/pause", {"timeout": 5}, ("pause",)),
        (f"{SHOP}/resume", {}, ("resume",)),
        (f"{SHOP}/switch", {"target_set": "green"}, ("switch", "green")),
    ],
)
def test_each_action_is_done(stand, path, parameters, done):
    """The answer says what was done, and to what."""
    status, content = stand.ask("POST", path, **parameters)
    assert (status, content["done"]) == (200, True)
    assert content["action"] == done[0]
    assert content["proxy"] == "shop"
    assert [*done[1:]] == [content[key] for key in ("target", "target_set") if content[key]]
    assert stand.shop.done == [done]


@pytest.mark.parametrize("name", ["drain", "promote", "pause", "switch", "resume", "undrain"])
def test_a_refusal_is_a_conflict(stand, name):
    """The reason is the steward's."""
    stand.shop.refusals[name] = "it is not the time"
    (path,) = (r.template for r in ROUTES if r.template.endswith(f"/{name}"))
    path = path.format(proxy="shop", target="db1.example")
    more = {"target_set": "green"} if name == "switch" else {}
    assert stand.ask("POST", path, **more) == (409, {"error": "it is not the time"})


def test_a_long_action_is_answered_when_it_is_done(stand):
    """Until then there is no answer."""
    stand.shop.blocked.add("drain")
    _, results = stand.begin("POST", f"{DB1}/drain")
    assert results == []
    stand.shop.release("drain")
    assert results[0].status == 200


def test_the_wait_has_a_limit(stand):
    """After it the action is accepted, and goes on; the limit may be given."""
    stand.shop.blocked |= {"drain", "pause"}
    _, first = stand.begin("POST", f"{SHOP}/pause", timeout=0.5)
    _, second = stand.begin("POST", f"{DB1}/drain")
    stand.clock.advance(0.5)
    assert first[0].status == 202
    assert first[0].content == ActionAnswer(action="pause", proxy="shop", done=False)
    assert second == []
    stand.clock.advance(DEFAULT_TIMEOUT_SECONDS)
    assert second[0].status == 202
    assert len(stand.actions.under_way()) == 2


def test_whoever_goes_away_does_not_end_the_action(stand):
    """Half a promotion would be worse than none."""
    stand.shop.blocked.add("promote")
    call, results = stand.begin("POST", f"{DB1}/promote")
    call.cancel()
    assert results[0].check(CancelledError)
    assert len(stand.actions.under_way()) == 1
    stand.shop.release("promote")
    assert stand.actions.under_way() == []


@pytest.mark.parametrize(
    ("path", "known", "what"),
    [
        ("/v1/proxies/moon", ["shop", "bank"], "proxy 'moon'"),
        ("/v1/proxies/moon/pause", ["shop", "bank"], "proxy 'moon'"),
        (f"{SHOP}/targets/db9", ["db1.example:3306", "db2.example"], "target 'db9'"),
        (f"{SHOP}/targets/db9/drain", ["db1.example:3306", "db2.example"], "target 'db9'"),
        (f"{SHOP}/targets/a:b:c/drain", ["db1.example:3306", "db2.example"], "'a:b:c'"),
    ],
)
def test_unknown_names_hear_of_the_known_ones(stand, path, known, what):
    """In the sentence for people, and in a list for programs."""
    method = "POST" if path.endswith(("drain", "pause")) else "GET"
    status, content = stand.ask(method, path)
    assert status == 404
    assert what in content["error"]
    assert content["error"].endswith("there are " + ", ".join(known))
    assert content["known"] == known


def test_a_proxy_may_have_no_targets():
    """As before the first discovery."""
    site = AdminSite(FakeProcess(FakeOperations(targets=[])), AdminConfig(), Clock())
    api = site._api()
    results = []
    call = Call(method="GET", path=f"{SHOP}/targets/db1")
    Deferred.fromCoroutine(api.answer(call)).addBoth(results.append)
    assert results[0].content["error"] == "there is no target 'db1'; there are none"


@pytest.mark.parametrize("path", ["", "//", "/v1", "/v1/proxies/", "/v2/proxies", f"{SHOP}/x"])
def test_unknown_paths_hear_of_the_known_ones(stand, path):
    """Whoever guesses finds the way."""
    status, content = stand.ask("GET", path)
    assert status == 404
    assert "/v1/proxies/{proxy}/pause" in content["known"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/proxies", "GET, HEAD"),
        ("GET", f"{SHOP}/pause", "POST"),
        ("DELETE", DB1, "GET, HEAD"),
        ("OPTIONS", f"{DB1}/drain", "POST"),
    ],
)
def test_another_method_hears_which_are_allowed(stand, method, path, allowed):
    """In the header that HTTP has for it; nothing is done."""
    (answer,) = stand.begin(method, path)[1]
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed
    assert stand.shop.done == []


def test_head_is_get(stand):
    """Its body is left out elsewhere."""
    assert stand.ask("HEAD", SHOP) == stand.ask("GET", SHOP)


@pytest.mark.parametrize(
    ("path", "parameters", "why"),
    [
        (f"{SHOP}/pause", {"timeout": "long"}, "timeout must be"),
        (f"{SHOP}/pause", {"timeout": 3601}, "from 0 to 3600"),
        (f"{SHOP}/pause", {"wait": 1}, "there are timeout"),
        (f"{SHOP}/resume", {"timeout": 1}, "there are none here"),
        (f"{SHOP}/switch", {}, "target_set is missing"),
        (f"{SHOP}/switch", {"target_set": ""}, "target_set must be"),
        (f"{SHOP}/switch", {"target_set": 7}, "target_set must be"),
        ("/v1/proxies/%ff/pause", {}, "no UTF-8"),
    ],
)
def test_what_makes_no_sense_is_refused(stand, path, parameters, why):
    """Nothing is done, and the sentence says what to change."""
    status, content = stand.ask("POST", path, **parameters)
    assert status == 400
    assert why in content["error"]
    assert stand.shop.done == []


def test_mistakes_are_answered_without_their_text(stand):
    """What they say may be a secret, so it is in the log alone."""
    stand.shop.mistakes["pause"] = RuntimeError("password=hidden")
    status, content = stand.ask("POST", f"{SHOP}/pause")
    assert status == 500
    assert content == {"error": "this is a mistake of the proxy; its log says more"}


def test_a_number_that_is_none_is_a_mistake(stand):
    """No reader gets what is no JSON."""
    stand.shop._targets = [TargetStatus(address="db1", lag_seconds=float("inf"))]
    assert stand.ask("GET", f"{SHOP}/targets")[0] == 500


def test_the_manual_has_each_route():
    """With what it does, and with its parameters; and has no other."""
    page = (Path(__file__).parents[2] / "docs" / "admin-api.rst").read_text()
    rows = page.partition(":widths: 45 55")[2].split("   * - ")[2:]
    found = {row.partition("\n")[0].strip("`"): row for row in rows}
    assert [*found] == [f"{route.method} {route.template}" for route in ROUTES]
    for route in ROUTES:
        row = found[f"{route.method} {route.template}"]
        assert route.summary in row
        for parameter in (*route.query, *route.takes):
            assert f"``{parameter.name}``" in row
