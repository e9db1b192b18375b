"""Tests of `proxy.cli.demo`."""

from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock

from proxy.cli.crowd import CrowdError
from proxy.cli.demo import Show, ShowBrokenOffError, Stage
from proxy.cli.trial_servers import TrialServers
from proxy.embedded import Flavor

PROGRAM = """
from proxy.cli import crowd, demo, main
crowd.CLIENTS = 40
demo.CALM_SECONDS = demo.ROTATION_SECONDS = demo.RECOVERY_SECONDS = 0.5
main()
"""
"""The command, but for a show that is small and short."""


@pytest.mark.live
@pytest.mark.parametrize("flavor", list(Flavor), ids=lambda flavor: flavor.value)
def test_the_show_ends_by_itself_and_loses_nothing(flavor):
    """A rotation, a switchover and a crash: every coin is still there, and the status is 0."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM,
            *f"try --demo --port 0 --flavor {flavor.value}".split(),
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    said = ended.stdout
    assert ended.returncode == 0, ended.stderr
    assert "40 clients ran" in said
    assert "on at most 5 connections to a database." in said
    assert "5 connections were opened anew with it, and no client noticed." in said
    assert "and clients heard no error." in said
    assert re.search(r"writer killed +\d+ +\d x (40001|08007)", said), said
    assert "Not a coin was lost: all 40000 are there" in said
    assert re.search(r"\d+ statements/s \| \d errors \| writer 127.0.0.1:\d+ HELD", said), said


class Reactor(Clock):
    """Calls at once what threads ask for."""

    def callFromThread(self, call, *words):  # noqa: N802 - Twisted's name
        call(*words)


class Crowd:
    """Clients that need not do anything."""

    def __init__(self, error=None):
        self.records = []
        self._error = error

    def prepare(self, server):
        assert server is not None

    def start(self):
        if self._error is not None:
            raise self._error


def show(crowd):
    """A show with one server, and what is said."""
    server = SimpleNamespace(port=1, is_running=lambda: False)
    said = []
    stage = Stage(TrialServers(server), "app", 5, None, said.append, said.append)
    return Show(crowd, stage), said


def test_a_show_may_be_broken_off():
    """Nothing of it is left then, and its result says so."""
    begun, said = show(Crowd())
    shown = begun.run(Reactor())
    begun.stop()
    failures = []
    shown.addErrback(failures.append)
    assert failures[0].check(ShowBrokenOffError)
    assert said == ["0 clients have logged in, and move money."]


def test_a_show_that_cannot_begin_fails():
    """Its result is why."""
    begun, said = show(Crowd(CrowdError("not all clients could log in")))
    shown = begun.run(Reactor())
    begun.stop()
    failures = []
    shown.addErrback(failures.append)
    assert failures[0].check(CrowdError)
    assert said == []


def test_a_show_that_was_not_begun_can_be_stopped():
    """There is nothing to wait for."""
    begun, _ = show(Crowd())
    begun.stop()
