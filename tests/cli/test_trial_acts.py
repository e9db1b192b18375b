"""Tests of `proxy.cli.trial_acts`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from twisted.internet.error import ReactorNotRunning

from proxy.cli import trial_acts
from proxy.cli.trial_acts import NotPromotedError, TrialActs, load_words, own_words, promoting
from tests.cli.canned import serving
from tests.cli.trials import trial_in


class Reactor:
    """Does at once what threads should do."""

    stops = 0

    def callInThread(self, call, *words):  # noqa: N802 - Twisted's name
        call(*words)

    def stop(self):
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


@pytest.fixture
def said():
    return []


@pytest.fixture
def acts(tmp_path, said):
    """Deeds in a trial with a primary and a replica that are none."""
    with TrialActs(trial_in(tmp_path, pair=True), Reactor(), said.append) as acts:
        yield acts


def sleeper(*, stubborn):
    """A command that does nothing until it is told to end, or killed."""
    what = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    return [
        sys.executable,
        "-c",
        f"import signal, sys, time; {what}print(flush=True); time.sleep(600)",
    ]


def test_the_load_is_a_command_that_can_be_typed(tmp_path):
    """With the words that reach this trial."""
    trial = trial_in(tmp_path)
    words = load_words(trial)
    assert words[: len(own_words())] == own_words()
    assert words[len(own_words()) :] == [
        *("load", "--port", "3306", "--user", "app", "--password", trial.password),
        *("--database", "shop"),
    ]


def test_a_load_is_switched_on_and_off(acts, said, monkeypatch):
    """By the same key."""
    monkeypatch.setattr(trial_acts, "load_words", lambda _: sleeper(stubborn=False))
    acts.switch_load()
    process = acts._load
    acts.switch_load()
    process.wait(20)
    acts.switch_load()
    assert acts._load is not process
    assert said == ["A load begins.", "The load ends.", "A load begins."]


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_end_of_the_trial_ends_the_load(tmp_path, said, monkeypatch, stubborn):
    """One that does not listen is killed."""
    monkeypatch.setattr(trial_acts, "END_SECONDS", 0.2)
    with TrialActs(trial_in(tmp_path), Reactor(), said.append) as acts:
        acts._load = process = subprocess.Popen(
            sleeper(stubborn=stubborn), stdout=subprocess.PIPE
        )
        process.stdout.readline()
    assert process.returncode == (-9 if stubborn else -15)
    process.stdout.close()


def test_the_primary_is_killed(acts, said, monkeypatch):
    """One that is just dead is not, nor one that somebody else was quicker to kill."""
    killed = []
    monkeypatch.setattr(trial_acts.os, "kill", lambda *words: killed.append(words))
    group = acts._trial.servers.group
    acts.kill()
    assert killed == [(4002, 9)]

    def gone(*_):
        raise ProcessLookupError

    monkeypatch.setattr(trial_acts.os, "kill", gone)
    acts.kill()
    group.primary.pid = None
    acts.kill()
    assert said == [
        "kill -9 4002",
        "kill -9 4002",
        "There is no primary to kill at the moment.",
    ]


@pytest.mark.loopback
def test_a_promotion_is_that_of_an_operator(tmp_path, acts, said, canned):
    """By the admin API; a refusal is told, and so is a proxy that does not answer."""
    path = "/v1/proxies/try/targets/127.0.0.1%3A4003/promote"
    canned.answers["POST", path] = (200, {"done": True})
    with serving(canned, tmp_path / "admin.sock"):
        acts.promote()
        assert said == ["mysqlproxy promote 127.0.0.1:4003"]
        canned.answers["POST", path] = (409, {"error": "it replicates from nobody"})
        acts.promote()
        canned.answers["POST", path] = (202, {"done": False})
        with pytest.raises(NotPromotedError, match="is not the writer in 60 s"):
            promoting(acts._trial)("127.0.0.1:4003")
    assert said[-1] == "127.0.0.1:4003 was not promoted: it replicates from nobody"
    acts.promote()
    assert "was not promoted: no proxy can be reached" in said[-1]
    acts._trial.servers.group.replicas.clear()
    acts.promote()
    assert said[-1] == "There is no replica to promote at the moment."


def test_keys_say_what_they_do(tmp_path, acts):
    """Where there is one server only, nothing can fail over."""
    assert sorted(acts.by_key()) == ["k", "l", "p", "q"]
    assert "k kill the primary" in acts.described()
    alone = TrialActs(trial_in(tmp_path), Reactor(), print)
    assert sorted(alone.by_key()) == ["l", "q"]
    assert alone.described() == "l load on and off, q end all"


def test_the_trial_can_be_ended(acts):
    """Also when Ctrl-C was quicker."""
    acts.quit()
    acts.quit()
    assert acts._reactor.stops == 2
