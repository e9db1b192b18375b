"""Tests of `proxy.cli.reaching`: finding the proxy that is meant."""

from __future__ import annotations

import json

import attrs
import pytest

from proxy.admin.caller import AdminCaller, UnreachableError
from proxy.cli.reaching import complete_proxies
from tests.cli.canned import SHOP, STATUS, overview, run

pytestmark = pytest.mark.loopback

FILE = """
proxies:
  - name: shop
    auth: [{username: app, password: secret}]
    target_group: {targets: [{address: "db1.example:3306"}]}
    endpoints: [{name: main, listen: "tcp:3306"}]
"""
DONE = (200, {"action": "pause", "proxy": "bank", "done": True})


@pytest.fixture
def two(canned):
    """Two proxies."""
    bank = attrs.evolve(SHOP, status=attrs.evolve(STATUS, name="bank"))
    canned.overview = overview(SHOP, bank)
    canned.answers["POST", "/v1/proxies/bank/pause"] = DONE


def test_the_socket_is_given_in_many_ways(ask, tmp_path):
    """By an option, a variable or the configuration, as a path or as in the setting."""
    socket = tmp_path / "canned.sock"
    file = tmp_path / "mysqlproxy.yaml"
    file.write_text(f'{FILE}admin: {{listen: "unix:{socket}:mode=600"}}\n')
    for words, variable in (
        (("--socket", str(socket)), None),
        (("--socket", f"unix:{socket}"), None),
        ((), str(socket)),
        (("--config", str(file)), None),
    ):
        result = ask("targets", *words, MYSQLPROXY_ADMIN=variable)
        assert result.exit_code == 0, result.output
        assert "proxy shop: " in result.output


def test_the_option_counts_more_than_the_variable(ask, tmp_path):
    """What was typed last is what was meant."""
    words = ("--socket", str(tmp_path / "canned.sock"))
    assert ask("targets", *words, MYSQLPROXY_ADMIN="/none").exit_code == 0


def test_a_configuration_without_an_address_says_what_to_set(tmp_path):
    """By default the proxy takes no commands."""
    file = tmp_path / "mysqlproxy.yaml"
    file.write_text(FILE)
    result = run(None, "resume", "--config", str(file), MYSQLPROXY_ADMIN=None)
    assert result.exit_code == 3
    assert "no admin.listen" in result.output
    assert "--socket" in result.output


def test_a_configuration_that_cannot_be_read_is_explained(tmp_path):
    """It is not the only way to the proxy."""
    words = ("resume", "--config", str(tmp_path / "none.yaml"))
    result = run(None, *words, MYSQLPROXY_ADMIN=None)
    assert result.exit_code == 3
    assert "cannot be read" in result.output
    assert "--socket" in result.output


def test_where_nobody_listens_the_status_is_3(tmp_path):
    """Scripts can tell it from a refusal; people hear where it is not, and what helps."""
    result = run(tmp_path / "none.sock", "resume")
    assert result.exit_code == 3
    assert f"no proxy can be reached at unix:{tmp_path}/none.sock" in result.output
    assert "is it running?" in result.output


def test_who_may_not_hears_who_may(monkeypatch, tmp_path):
    """It runs, and there is nothing wrong with the path."""

    def refuse(*_words, **_settings):
        error = UnreachableError("no proxy can be reached: Permission denied")
        error.__context__ = PermissionError(13, "Permission denied")
        raise error

    monkeypatch.setattr(AdminCaller, "post", refuse)
    monkeypatch.setattr(AdminCaller, "get", refuse)
    result = run(tmp_path / "admin.sock", "resume")
    assert result.exit_code == 3
    assert "the mode of the socket" in result.output
    assert "is it running" not in result.output


@pytest.mark.usefixtures("two")
def test_one_of_several_proxies_has_to_be_named(ask):
    """Nobody pauses the wrong one; to look at all of them is no harm."""
    result = ask("pause")
    assert result.exit_code == 2
    assert "--proxy shop or bank" in result.output
    assert ask("pause", "--proxy", "bank").exit_code == 0
    shown = json.loads(ask("targets", "--json").output)
    assert [one["name"] for one in shown["proxies"]] == ["shop", "bank"]
    shown = json.loads(ask("targets", "--json", "--proxy", "bank").output)
    assert [one["name"] for one in shown["proxies"]] == ["bank"]


@pytest.mark.usefixtures("two")
def test_lists_of_several_proxies_become_one(ask, canned):
    """What was left off is added up."""
    canned.left_off = 2
    found = json.loads(ask("pools", "--json").output)
    assert [row["proxy"] for row in found["pools"]] == ["shop", "bank"]
    assert found["left_off"] == 4


def test_a_process_without_proxies_is_said(ask, canned):
    """There is nothing to choose from."""
    canned.overview = attrs.evolve(canned.overview, proxies=())
    result = ask("pause")
    assert (result.exit_code, result.output) == (1, "Error: there is no proxy\n")


def test_a_token_goes_with_each_call(ask, canned, tmp_path):
    """From the variable, or from a file; neither is on the command line."""
    ask("pools", MYSQLPROXY_ADMIN_TOKEN="of the variable\n")
    assert set(canned.tokens) == {"Bearer of the variable"}
    canned.tokens.clear()
    (tmp_path / "token").write_text("of the file\nand more\n")
    ask("pools", "--token-file", str(tmp_path / "token"), MYSQLPROXY_ADMIN_TOKEN="other")
    assert set(canned.tokens) == {"Bearer of the file"}


def test_who_has_no_token_hears_how_to_give_one(ask, canned):
    """The status is that of a refusal."""
    canned.answers["GET", "/v1/overview"] = (401, {"error": "a token is needed"})
    result = ask("status")
    assert result.exit_code == 1
    assert "a token is needed" in result.output
    assert "--token-file or MYSQLPROXY_ADMIN_TOKEN" in result.output


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ({"error": "there is no target 'db2'", "known": ["db1:3306", "db2:3306"]}, "db2:3306"),
        ({"error": "there is no target 'zzz'", "known": ["db1:3306"]}, ""),
        ({"error": "nothing is there"}, ""),
    ],
)
def test_unknown_names_get_the_nearest_one(ask, canned, answer, hint):
    """Where there is any that is near."""
    canned.answers["POST", "/v1/proxies/shop/targets/x/undrain"] = (404, answer)
    result = ask("undrain", "x")
    assert result.exit_code == 2
    assert answer["error"] in result.output
    assert ("did you mean" in result.output) == bool(hint)
    assert hint in result.output


def test_ctrl_c_does_not_undo_it(ask, monkeypatch):
    """Whoever stops to wait hears that it goes on."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(AdminCaller, "post", interrupted)
    result = ask("resume")
    assert result.exit_code == 1
    assert "it goes on" in result.output


def test_proxies_are_completed_by_whom_the_words_reach(ask, tmp_path):
    """See `proxy.cli.completing`."""
    from types import SimpleNamespace

    assert ask is not None
    context = SimpleNamespace(params={"where": str(tmp_path / "canned.sock")})
    assert complete_proxies(context, None, "sh") == ["shop"]
