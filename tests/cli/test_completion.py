"""Tests of `proxy.cli.completion`, and of what the shells ask for."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from proxy.cli.completion import SHELLS, VARIABLE
from proxy.cli.main import main


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(shell):
    """It asks the command for words."""
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in result.output


def test_other_shells_are_refused():
    """There is a list."""
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


def completed(*words, **environment):
    """What bash gets for the last of these words."""
    environment = {
        VARIABLE: "bash_complete",
        "COMP_WORDS": " ".join(["mysqlproxy", *words]),
        "COMP_CWORD": str(len(words)),
    } | environment
    result = CliRunner().invoke(main, [], prog_name="mysqlproxy", env=environment)
    return [line.partition(",")[2] for line in result.output.splitlines() if line]


def test_commands_and_options_are_completed():
    """Without a proxy that runs."""
    assert completed("debug") == ["debug-logging"]
    assert "--watch" in completed("clients", "--w")
    assert completed("clients", "--state", "wait") == ["waiting"]


@pytest.mark.loopback
def test_names_are_completed_by_the_running_proxy(ask, tmp_path):
    """Targets, proxies and clients; nothing where it does not run."""
    assert ask("targets").exit_code == 0
    reach = {"MYSQLPROXY_ADMIN": str(tmp_path / "canned.sock")}
    (target,) = completed("drain", "shop-", **reach)
    assert target.startswith("shop-instance-1")
    assert completed("pause", "--proxy", "s", **reach) == ["shop"]
    assert completed("kill", "client", "81", **reach) == ["812", "813"]
    assert completed("drain", "shop-", MYSQLPROXY_ADMIN="/none") == []
