"""Tests of `proxy.cli.asking`."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
import pytest

from proxy.cli.asking import make_sure
from proxy.cli.reaching import Way


@pytest.fixture
def terminal(monkeypatch):
    """Begin to be on a terminal, or half on one; gives what is asked back there."""

    def begin(*names):
        asked = []
        for name in ("stdin", "stdout"):
            there = SimpleNamespace(isatty=lambda name=name: name in names)
            monkeypatch.setattr(sys, name, there)

        def confirm(question, *, abort):
            asked.append(question)
            if abort and "not" in question:
                raise click.Abort

        monkeypatch.setattr(click, "confirm", confirm)
        return asked

    return begin


def way(*, as_json=False):
    return Way(None, None, as_json)


def test_a_person_is_asked(terminal):
    """And may think better of it."""
    questions = terminal("stdin", "stdout")
    make_sure(way(), "Pause?", yes=False)
    with pytest.raises(click.Abort):
        make_sure(way(), "Do not?", yes=False)
    assert questions == ["Pause?", "Do not?"]


def test_who_has_said_yes_is_not_asked(terminal):
    """Nor is a program."""
    questions = terminal("stdin", "stdout")
    make_sure(way(), "Pause?", yes=True)
    make_sure(way(as_json=True), "Pause?", yes=False)
    assert questions == []


@pytest.mark.parametrize("names", [(), ("stdin",), ("stdout",)])
def test_scripts_do_not_hang(terminal, names):
    """Where nobody can answer, nothing is asked."""
    questions = terminal(*names)
    make_sure(way(), "Pause?", yes=False)
    assert questions == []
