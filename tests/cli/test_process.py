"""Tests of `proxy.cli.process`."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize(
    ("changed", "later", "lines"),
    [
        ([], [], ["Nothing has changed."]),
        (["proxies[shop].max_clients"], [], ["In force now:", "  proxies[shop].max_clients"]),
        (
            ["a", "b"],
            ["c"],
            ["In force now:", "  a", "  b", "After a restart (mysqlproxy restart):", "  c"],
        ),
    ],
)
def test_a_reload_says_what_has_changed(ask, canned, changed, later, lines):
    """And what will only after a restart; programs get both lists."""
    answer = {"changed": changed, "needs_restart": later}
    canned.answers["POST", "/v1/reload"] = (200, answer)
    assert ask("reload").output.splitlines() == lines
    assert json.loads(ask("reload", "--json").output) == answer


def test_a_bad_file_is_refused_with_all_its_faults(ask, canned):
    """A line for each, as the proxy says it."""
    canned.answers["POST", "/v1/reload"] = (409, {"error": "a.yaml:3: no\na.yaml:5: never"})
    result = ask("reload")
    assert result.exit_code == 1
    assert result.output == "Error: a.yaml:3: no\na.yaml:5: never\n"


def test_a_restart_is_waited_for(ask, canned):
    """It is done when a new process serves."""
    canned.answers["POST", "/v1/restart"] = (200, {"done": True})
    assert ask("restart").output == "A new process serves.\n"
    assert json.loads(ask("restart", "--json").output) == {"done": True}


def test_the_level_of_the_log_is_shown_and_set(ask, canned):
    """One that there is not ends with 2, and is not asked for."""
    canned.answers["GET", "/v1/log"] = (200, {"level": "info", "debug_logging": []})
    canned.answers["POST", "/v1/log"] = (200, {"level": "debug", "debug_logging": []})
    assert "level info and above" in ask("log-level").output
    assert "level debug and above" in ask("log-level", "debug").output
    assert canned.asked[-1][3] == {"level": "debug"}
    assert json.loads(ask("log-level", "--json").output)["level"] == "info"
    assert ask("log-level", "loud").exit_code == 2


def test_statements_are_logged_and_no_longer(ask, canned):
    """Of the one proxy that there is."""
    path = "/v1/proxies/shop/debug-logging"
    canned.answers["POST", path] = (200, {"debug_logging": True})
    canned.answers["GET", "/v1/log"] = (200, {"level": "info", "debug_logging": ["shop"]})
    assert ask("debug-logging", "on").output == "The statements of the proxy shop are logged.\n"
    assert canned.asked[-1][1:] == (path, {}, {"on": True})
    assert "no longer logged" in ask("debug-logging", "off").output
    assert canned.asked[-1][3] == {"on": False}
    assert ask("debug-logging").output == "Statements are logged of: shop.\n"
    assert json.loads(ask("debug-logging", "--json").output)["debug_logging"] == ["shop"]
