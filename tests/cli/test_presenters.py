"""Tests of `proxy.cli.presenters`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import Clock

from proxy.cli.presenters import DemoPresenter, TryPresenter
from tests.cli.trials import trial_in


class Reactor(Clock):
    """Notes that it was stopped."""

    stops = 0

    def callFromThread(self, call, *words):  # noqa: N802 - Twisted's name
        call(*words)

    def stop(self):
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


@pytest.fixture
def reactor():
    return Reactor()


@pytest.fixture
def worker():
    """A worker whose proxy has figures."""
    ledger = SimpleNamespace(held=False, total=0, limits=SimpleNamespace(connections=5))
    ledger.waiting = []
    pool = SimpleNamespace(place="127.0.0.1:4001", ledger=ledger)
    counters = SimpleNamespace(query_requests=0)
    return SimpleNamespace(proxies=[SimpleNamespace(pool=pool, count=0, counters=counters)])


def report(*faults):
    return SimpleNamespace(text="Not a coin was lost.", faults=faults)


def test_it_is_told_how_to_try_one_server(tmp_path, reactor, worker, capsys):
    """How to connect and to see the targets, and nothing that cannot be done."""
    presenter = TryPresenter(trial_in(tmp_path), reactor)
    presenter.begin(worker)
    presenter.end()
    said = capsys.readouterr().out
    assert said.startswith(
        "MySQL 9.7.4 runs on 127.0.0.1:4001,\nand the proxy in front of it on 127.0.0.1:3306.\n"
    )
    assert "\n  http://127.0.0.1:8033/#token=" in said
    assert f"targets --socket {tmp_path}/admin.sock\n" in said
    assert "promote" not in said
    assert "kill" not in said
    assert said.endswith("Ctrl-C ends all.\n")
    assert presenter.status == 0


def test_it_is_told_how_to_have_a_failover(tmp_path, reactor, worker, capsys):
    """A promotion and a kill in lines that work as they stand, and who promotes."""
    presenter = TryPresenter(trial_in(tmp_path, pair=True), reactor)
    presenter.begin(worker)
    presenter.end()
    said = capsys.readouterr().out
    assert "runs on 127.0.0.1:4001, with a replica on 127.0.0.1:4003,\n" in said
    assert "\n  kill -9 4002\n" in said


@pytest.mark.parametrize(("faults", "status"), [((), 0), (("a coin is lost",), 1)])
def test_a_show_ends_with_its_report(tmp_path, reactor, capsys, faults, status):
    """The exit status says whether all was as it should be."""
    presenter = DemoPresenter(trial_in(tmp_path), reactor)
    presenter._shown(report(*faults))
    assert presenter.status == status
    assert reactor.stops == 1
    said = capsys.readouterr()
    assert (said.err if faults else said.out) == "\nNot a coin was lost.\n"


def test_a_show_that_fails_says_why(tmp_path, reactor, capsys):
    """Also when Ctrl-C was quicker."""
    presenter = DemoPresenter(trial_in(tmp_path), reactor)
    reactor.stop()
    presenter._not_shown(SimpleNamespace(value="not all clients could log in"))
    assert presenter.status == 1
    assert capsys.readouterr().err == "\nThe show failed: not all clients could log in\n"
