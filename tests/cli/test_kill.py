"""Tests of `proxy.cli.kill`."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.loopback


def test_a_client_is_disconnected(ask, canned):
    """By its number."""
    canned.answers["POST", "/v1/proxies/shop/clients/812/kill"] = (200, {"done": True})
    assert ask("kill", "client", "812").output == "The client 812 is disconnected.\n"
    assert json.loads(ask("kill", "client", "812", "--json").output) == {"done": True}


def test_a_connection_is_closed(ask, canned):
    """By its target and the server's number of it."""
    path = "/v1/proxies/shop/targets/db1%3A3306/connections/99/kill"
    canned.answers["POST", path] = (200, {"done": True})
    result = ask("kill", "connection", "db1:3306", "99", "--yes")
    assert result.output == "The connection 99 to db1:3306 is closed.\n"


def test_who_is_not_there_ends_with_2(ask, canned):
    """The reason is told."""
    path = "/v1/proxies/shop/clients/1/kill"
    canned.answers["POST", path] = (404, {"error": "there is no client 1"})
    result = ask("kill", "client", "1")
    assert result.exit_code == 2
    assert "there is no client 1" in result.output
    assert ask("kill", "client", "many").exit_code == 2
