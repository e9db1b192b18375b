"""Tests of `proxy.cli.loading`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from proxy.cli import loading
from proxy.cli.main import main


class Load:
    """Clients that heard an error, and are interrupted."""

    statements, errors, last_error = 12_345, 2, "it was rolled back"
    stopped = False

    def __init__(self, *_):
        pass

    def start(self):
        pass

    def stop(self):
        Load.stopped = True


def test_ctrl_c_ends_it_well(monkeypatch):
    """Errors are told, the clients finish, and the status is 0."""
    sleeps = []

    def sleep(_):
        sleeps.append(None)
        if len(sleeps) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(loading, "Load", Load)
    monkeypatch.setattr(loading.time, "sleep", sleep)
    words = ["load", "-u", "app", "-D", "shop"]
    result = CliRunner().invoke(main, words, env={"MYSQL_PWD": "secret"})
    assert result.exit_code == 0
    assert "0 statements/s | 2 errors | last error: it was rolled back\n" in result.output
    assert result.output.endswith("12,345 statements, 2 errors.\n")
    assert Load.stopped


@pytest.mark.parametrize(
    "words", [(), ("-u", "app"), ("-u", "app", "-D", "a", "--clients", "0")]
)
def test_what_is_needed_has_to_be_given(words):
    """The status is 2."""
    environment = {"MYSQL_PWD": "secret"}
    assert CliRunner().invoke(main, ["load", *words], env=environment).exit_code == 2
