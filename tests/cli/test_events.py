"""Tests of `proxy.cli.events`."""

from __future__ import annotations

import json

import pytest

from proxy.cli import events as events_module
from proxy.observe.events import KEPT
from tests.cli.canned import event, overview

pytestmark = pytest.mark.loopback


@pytest.fixture
def sleeps(monkeypatch):
    """What happens in each pause; Ctrl-C after the last one."""
    deeds = []

    def sleep(_):
        if not deeds:
            raise KeyboardInterrupt
        deeds.pop(0)()

    monkeypatch.setattr(events_module.time, "sleep", sleep)
    return deeds


def test_the_last_ones_are_shown(ask):
    """The newest at the end; fewer where that is wanted."""
    lines = ask("events", columns=200).output.splitlines()
    assert [line.split()[1] for line in lines] == ["12:00:01", "12:00:02", "12:00:03"]
    assert len(ask("events", "--limit", "1").output.splitlines()) == 1
    assert ask("events", "--limit", "0").output == "No events.\n"


def test_only_what_is_shown_is_asked_for(ask, canned):
    """Unless it is to be filtered: then the last ones are known only here."""
    for more, newest in (([], 20), (["--level", "error"], KEPT), (["--proxy", "bank"], KEPT)):
        ask("events", *more)
        assert canned.asked[-1][2]["newest"] == newest


def test_they_are_filtered(ask):
    """By level, and by proxy: what is about none is about all."""
    assert len(ask("events", "--level", "warning", columns=200).output.splitlines()) == 2
    assert len(ask("events", "--proxy", "bank", columns=200).output.splitlines()) == 1


def test_programs_get_what_the_api_gives(ask):
    """With the number of the last one."""
    found = json.loads(ask("events", "--json", "--limit", "1").output)
    assert [one["number"] for one in found["events"]] == [3]
    assert found["last"] == 3


def test_what_comes_follows(ask, canned, sleeps):
    """Once each, until Ctrl-C, which ends well."""

    def more():
        canned.events = (*canned.events, event(4, "error", "a fourth"))

    sleeps += [lambda: None, more, lambda: None]
    result = ask("events", "--watch", "--limit", "1", columns=200)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert ["no writer" in lines[0], "a fourth" in lines[1], len(lines)] == [True, True, 2]


def test_programs_get_an_event_on_each_line(ask, sleeps):
    """As JSON."""
    sleeps += [lambda: None]
    lines = ask("events", "-f", "--json").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]


def test_a_restart_is_survived(ask, canned, sleeps, monkeypatch):
    """Who is away is waited for; the new process counts from 1 again."""
    from proxy.cli.places import NotReachedError
    from proxy.cli.reaching import Way

    see, away = Way.see, []

    def seen(way, *segments, **query):
        if away:
            raise NotReachedError("nobody is there\n(is it running?)")
        return see(way, *segments, **query)

    def back():
        away.clear()
        canned.overview = overview(pid=4712)
        canned.events = (event(1, text="a new process serves"),)

    monkeypatch.setattr(Way, "see", seen)
    sleeps += [lambda: away.append(True), lambda: None, back]
    result = ask("events", "--watch", "--limit", "0", columns=200)
    assert result.exit_code == 0
    assert "a new process serves" in result.stdout
    assert result.stderr == "nobody is there; still trying\n"
