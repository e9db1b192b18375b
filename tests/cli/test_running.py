"""Tests of `proxy.cli.running`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from proxy.cli.main import main
from proxy.embedded import EmbeddedError, Flavor


@pytest.fixture
def trials(monkeypatch):
    """What trials were asked for; the last answer is what comes of them."""
    import proxy.cli.trial

    asked = []

    def run_trial(flavor, **words):
        asked.append((flavor, words))
        if words["port"] == 1:
            raise EmbeddedError("no server is to be had")
        return 3

    monkeypatch.setattr(proxy.cli.trial, "run_trial", run_trial)
    return asked


def test_a_trial_gets_what_was_said(trials):
    """Its status is that of the command."""
    words = ["try", "--flavor", "mariadb", "--port", "0", "--max-connections", "7"]
    assert CliRunner().invoke(main, words).exit_code == 3
    assert trials == [(Flavor.MARIADB, {"port": 0, "max_connections": 7, "demo": False})]


def test_a_trial_that_cannot_begin_says_why(trials):
    """The status is 1."""
    result = CliRunner().invoke(main, ["try", "--port", "1"])
    assert (result.exit_code, len(trials)) == (1, 1)
    assert "no server is to be had" in result.output


def test_a_configuration_that_is_not_there_is_said(tmp_path):
    """Nothing is served."""
    result = CliRunner().invoke(main, ["run", "--config", str(tmp_path / "none.yaml")])
    assert result.exit_code == 1
    assert "cannot be read" in result.output


def test_whoever_serves_knows_its_file(tmp_path, monkeypatch):
    """A reload reads it again, and a new process the same."""
    import proxy.cli.serve

    path, served = tmp_path / "mysqlproxy.yaml", []
    path.write_text(
        "proxies:\n"
        "  - name: shop\n"
        "    auth: [{username: app, password: secret}]\n"
        '    target_group: {targets: [{address: "db1.example:3306"}]}\n'
        '    endpoints: [{name: main, listen: "tcp:3306"}]\n'
    )

    def serve(config, *, path):
        served.append((config.proxies[0].name, path))
        return 0

    monkeypatch.setattr(proxy.cli.serve, "serve", serve)
    assert CliRunner().invoke(main, ["run", "--config", str(path)]).exit_code == 0
    assert served == [("shop", path)]
