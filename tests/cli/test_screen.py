"""Tests of `proxy.cli.screen`."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from rich.text import Text

from proxy.cli import screen
from proxy.cli.places import NotReachedError
from proxy.cli.screen import View, present
from tests.cli.canned import ANSI

LIMIT_SECONDS = 20

PROGRAM = """
import sys
from rich.text import Text
from proxy.cli import screen
from proxy.cli.places import NotReachedError

looks = []

def ask():
    looks.append(None)
    if len(looks) == 2:
        raise NotReachedError("nobody is there\\n(is it running?)")
    return {"look": len(looks)}

def draw(content):
    return Text("\\n".join([f"look {content['look']}", *map(str, range(%d))]), style="red")

screen.present(screen.View(ask, draw), watch=%s, as_json=False)
print("ended well")
"""
"""A view whose second look fails."""


def on_terminal(lines, watch, until, **environment):
    """Run the program on a terminal until it shows something, then Ctrl-C."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM % (lines, watch)],
        stdin=theirs,
        stdout=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "10"} | environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while not until or not re.search(until, seen):
            assert select.select([ours], [], [], LIMIT_SECONDS)[0], seen
            seen += os.read(ours, 65536)
        process.send_signal(2)
        seen += rest(ours)
        return seen.decode(), process.wait(LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def rest(ours):
    """What comes until the other side of the terminal is closed."""
    pieces = []
    while select.select([ours], [], [], LIMIT_SECONDS)[0]:
        try:
            pieces.append(os.read(ours, 65536))
        except OSError:
            break
    return b"".join(pieces)


@pytest.mark.loopback
def test_it_is_live_on_a_screen_of_its_own():
    """A proxy that is away is waited for; Ctrl-C gives the screen back and ends well."""
    seen, status = on_terminal(3, 0.2, rb"look 3")
    assert status == 0
    assert "\x1b[?1049h" in seen
    assert "s old: nobody is there" in seen
    assert seen.index("\x1b[?1049l") < seen.index("ended well")
    assert "Traceback" not in seen


@pytest.mark.loopback
def test_a_screen_that_is_too_small_says_so():
    """The beginning is shown, and the foot is always there."""
    seen, status = on_terminal(50, 0.2, rb"no room for all")
    assert status == 0
    assert "look 1" in seen
    assert "49" not in ANSI.sub("", seen).split()


@pytest.mark.loopback
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_that_want_them(environment, coloured):
    """NO_COLOR is respected."""
    seen, _ = on_terminal(1, 0.2, rb"look 1", **environment)
    assert ("\x1b[31m" in seen) == coloured


@pytest.mark.loopback
def test_a_terminal_that_can_nothing_gets_pages():
    """One below the other."""
    seen, status = on_terminal(1, 60.0, rb"look 1", TERM="dumb")
    assert status == 0
    assert "\x1b[?1049h" not in seen


def shown(content, *, watch, as_json, monkeypatch, looks=2):
    """What a command writes into a pipe, with Ctrl-C after so many looks."""

    def sleep(_, times=[]):  # noqa: B006 - one list for each call of `shown`
        times.append(None)
        if len(times) >= looks:
            raise KeyboardInterrupt

    monkeypatch.setattr(screen.time, "sleep", sleep)
    view = View(lambda: content, lambda found: Text(f"found {found['a']}", style="red"))

    @click.command()
    def command():
        present(view, watch=watch, as_json=as_json)

    return CliRunner(catch_exceptions=False).invoke(command, [])


def test_people_get_it_once(monkeypatch):
    """Without colours in a pipe."""
    result = shown({"a": "ö"}, watch=None, as_json=False, monkeypatch=monkeypatch)
    assert result.output == "found ö\n"


def test_programs_get_an_object(monkeypatch):
    """With letters as they are."""
    result = shown({"a": "ö"}, watch=None, as_json=True, monkeypatch=monkeypatch)
    assert result.output == '{\n  "a": "ö"\n}\n'


def test_programs_that_watch_get_lines(monkeypatch):
    """An object each."""
    result = shown({"a": 1}, watch=1.0, as_json=True, monkeypatch=monkeypatch)
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.output.splitlines()] == [{"a": 1}] * 2


def test_a_pipe_that_watches_gets_pages(monkeypatch):
    """With an empty line below each."""
    result = shown({"a": 1}, watch=1.0, as_json=False, monkeypatch=monkeypatch)
    assert result.exit_code == 0
    assert result.output == "found 1\n\n" * 2


def test_who_is_not_reached_at_the_first_look_is_an_error():
    """Nobody stares at an empty screen."""

    def ask():
        raise NotReachedError("nobody is there")

    with pytest.raises(NotReachedError):
        present(View(ask, str), watch=1.0, as_json=False)
