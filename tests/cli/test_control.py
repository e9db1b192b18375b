"""Tests of `proxy.cli.control`: commands to a running proxy."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from proxy.admin.caller import AdminCaller
from proxy.cli.main import main
from tests.admin.operating import FakeOperations, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def operations():
    return FakeOperations(clients=12, waiting=2)


@pytest.fixture
def run(operations, tmp_path):
    """Run a command against a proxy."""
    with serving(operations) as served:
        served.call(served.site.listen, f"unix:{tmp_path}/admin.sock")
        yield lambda *words: CliRunner(catch_exceptions=False).invoke(
            main, [*words], env={"MYSQLPROXY_ADMIN": f"{tmp_path}/admin.sock"}
        )


def test_targets_are_shown_to_people(run):
    """Who is the writer, who waits, and what is the matter with a target."""
    result = run("targets")
    assert result.exit_code == 0
    summary, heads, writer, reader, why = result.output.splitlines()
    assert summary == "proxy shop: writer db1.example:3306; 12 clients, 2 of them wait"
    assert heads.split()[0] == "TARGET"
    assert writer.split()[:3] == ["db1.example:3306", "READ_WRITE", "AVAILABLE"]
    assert reader.split()[:5] == ["db2.example", "READ_ONLY", "UNAVAILABLE", "2", "min"]
    assert why.split()[0] == "CONNECTION_FAILED:"


def test_targets_are_shown_to_programs(run):
    """All that the API says."""
    (shop,) = json.loads(run("targets", "--json").output)["proxies"]
    assert (shop["name"], shop["clients"]) == ("shop", 12)
    assert [target["address"] for target in shop["targets"]] == [
        "db1.example:3306",
        "db2.example",
    ]


@pytest.mark.parametrize(
    ("words", "done", "said"),
    [
        (
            ["drain", "db1.example"],
            ("drain", "db1.example:3306"),
            "db1.example:3306 is drained",
        ),
        (["undrain", "db2.example"], ("undrain", "db2.example"), "db2.example is used again."),
        (
            ["promote", "db2.example"],
            ("promote", "db2.example"),
            "db2.example takes the writes.",
        ),
        (["pause", "--timeout", "5"], ("pause",), "The proxy shop is paused"),
        (["resume"], ("resume",), "The clients of the proxy shop go on."),
        (["switch", "green"], ("switch", "green"), "uses the targets of green."),
    ],
)
def test_each_command_is_done(run, operations, words, done, said):
    """The sentence says what is so now; with --json it is the answer of the API."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert said in result.output
    assert json.loads(run(*words, "--json").output)["done"] is True
    assert operations.done == [done, done]


def test_a_refusal_ends_with_1(run, operations):
    """The reason is told as it is."""
    operations.refusals["promote"] = "db2.example lacks 17 transactions"
    result = run("promote", "db2.example")
    assert result.exit_code == 1
    assert result.output == "Error: db2.example lacks 17 transactions\n"


def test_an_unknown_target_ends_with_2(run, operations):
    """It is a mistake of whoever typed it, and the known ones are named."""
    result = run("drain", "db9")
    assert result.exit_code == 2
    assert "there are db1.example:3306, db2.example" in result.output
    assert operations.done == []


def test_what_is_not_done_in_time_ends_with_1(run, operations):
    """Nothing is said to be done that is not, and how it goes on is."""
    operations.blocked.add("pause")
    result = run("pause", "--timeout", "0.1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "pause is not done yet, and goes on" in result.stderr
    result = run("pause", "--timeout", "0", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["done"] is False
    assert operations.done == [("pause",)]


def test_ctrl_c_does_not_undo_it(run, monkeypatch):
    """Whoever stops to wait hears that it goes on."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(AdminCaller, "post", interrupted)
    result = run("pause")
    assert result.exit_code == 1
    assert "it goes on" in result.output


@pytest.mark.parametrize("words", [["drain"], ["pause", "--timeout", "-1"], ["switch"]])
def test_commands_that_make_no_sense_end_with_2(run, words):
    """Nothing is asked of the proxy."""
    assert run(*words).exit_code == 2
