"""Tests of `proxy.admin.overview`."""

from __future__ import annotations

import json

import pytest
from twisted.internet.task import Clock

from proxy.admin.site import AdminSite
from proxy.config.admin import AdminConfig
from tests.admin.operating import FakeOperations, FakeProcess


class Shown:
    def __init__(self):
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.process = FakeProcess(FakeOperations(), FakeOperations("bank"))
        self.overviews = AdminSite(self.process, AdminConfig(), self.clock).desk.overviews

    def content(self, *, may_act=False):
        return json.loads(self.overviews.text(may_act=may_act))


@pytest.fixture
def shown():
    return Shown()


def test_all_of_a_proxy_is_on_a_page(shown):
    """Of each of them, and of the process."""
    content = shown.content()
    assert content["process"]["version"]
    shop, bank = content["proxies"]
    assert (shop["status"]["name"], bank["status"]["name"]) == ("shop", "bank")
    assert [target["address"] for target in shop["targets"]] == [
        "db1.example:3306",
        "db2.example",
    ]
    assert [endpoint["name"] for endpoint in shop["endpoints"]] == ["main"]
    assert len(shop["pools"]) == 1
    assert shop["now"]["clients"] == shop["last_minute"]["clients"] == 0


def test_it_says_whether_one_may_act(shown):
    """So that a page shows no buttons that nobody may press."""
    assert shown.content(may_act=True)["may_act"] is True
    assert shown.content(may_act=False)["may_act"] is False


def test_ten_dashboards_cost_as_much_as_one(shown):
    """Within a second all get the same; after it there is a new one."""
    first = shown.content()
    shown.process.stages[0].client()
    assert shown.content() == first
    shown.clock.advance(1.0)
    assert shown.content()["process"]["clients"] == 1
