"""Tests of `proxy.cli.reaching`: finding the proxy that is meant."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from proxy.cli.main import main
from tests.admin.operating import FakeOperations, serving

pytestmark = pytest.mark.loopback

FILE = """
proxies:
  - name: shop
    auth: [{username: app, password: secret}]
    target_group: {targets: [{address: "db1.example:3306"}]}
    endpoints: [{name: main, listen: "tcp:3306"}]
"""


def run(*words, **environment):
    environment = {"MYSQLPROXY_ADMIN": None} | environment
    return CliRunner(catch_exceptions=False).invoke(main, [*words], env=environment)


@pytest.fixture
def socket(tmp_path):
    """Where two proxies listen."""
    path = tmp_path / "admin.sock"
    with serving(FakeOperations(), FakeOperations("bank")) as served:
        served.call(served.site.listen, f"unix:{path}")
        yield path


def test_the_socket_is_given_in_many_ways(socket, tmp_path):
    """By an option, a variable or the configuration, as a path or as in the setting."""
    file = tmp_path / "mysqlproxy.yaml"
    file.write_text(f'{FILE}admin: {{listen: "unix:{socket}:mode=600"}}\n')
    for result in (
        run("targets", "--socket", str(socket)),
        run("targets", "--socket", f"unix:{socket}"),
        run("targets", MYSQLPROXY_ADMIN=str(socket)),
        run("targets", "--config", str(file)),
    ):
        assert result.exit_code == 0, result.output
        assert "proxy shop: " in result.output


def test_the_option_counts_more_than_the_variable(socket):
    """What was typed last is what was meant."""
    result = run("targets", "--socket", str(socket), MYSQLPROXY_ADMIN="/none")
    assert result.exit_code == 0


def test_a_configuration_without_an_address_says_what_to_set(tmp_path):
    """By default the proxy takes no commands."""
    file = tmp_path / "mysqlproxy.yaml"
    file.write_text(FILE)
    result = run("pause", "--config", str(file))
    assert result.exit_code == 2
    assert "no admin.listen" in result.output
    assert "--socket" in result.output


def test_a_configuration_that_cannot_be_read_is_explained(tmp_path):
    """It is not the only way to the proxy."""
    result = run("pause", "--config", str(tmp_path / "none.yaml"))
    assert result.exit_code == 2
    assert "cannot be read" in result.output
    assert "--socket" in result.output


def test_an_address_elsewhere_is_refused():
    """The command does not send to where the proxy would not listen."""
    result = run("pause", "--socket", "tcp:8033:interface=10.0.0.1")
    assert result.exit_code == 2
    assert "--socket" in result.output


def test_where_nobody_listens_the_status_is_2(tmp_path):
    """Scripts can tell it from a refusal."""
    result = run("pause", "--socket", str(tmp_path / "none.sock"))
    assert result.exit_code == 2
    assert "no proxy can be reached at unix:" in result.output


def test_one_of_several_proxies_has_to_be_named(socket):
    """Nobody pauses the wrong one; to look at all of them is no harm."""
    at = ("--socket", str(socket))
    result = run("pause", *at)
    assert result.exit_code == 2
    assert "--proxy shop or bank" in result.output
    assert run("pause", "--proxy", "bank", *at).exit_code == 0
    shown = json.loads(run("targets", "--json", *at).output)
    assert [one["name"] for one in shown["proxies"]] == ["shop", "bank"]
    shown = json.loads(run("targets", "--json", "--proxy", "bank", *at).output)
    assert [one["name"] for one in shown["proxies"]] == ["bank"]


def test_a_process_without_proxies_is_said(tmp_path):
    """There is nothing to choose from."""
    with serving() as served:
        served.call(served.site.listen, f"unix:{tmp_path}/admin.sock")
        result = run("pause", "--socket", f"{tmp_path}/admin.sock")
    assert (result.exit_code, result.output) == (1, "Error: there is no proxy\n")
