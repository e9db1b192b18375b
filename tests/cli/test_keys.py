"""Tests of `proxy.cli.keys`."""

from __future__ import annotations

import os
import pty
import sys
import termios
from types import SimpleNamespace

import pytest

from proxy.cli import keys as keys_module
from proxy.cli.keys import Keys


class Reactor:
    """Notes who reads."""

    def __init__(self):
        self.readers = []

    def addReader(self, reader):  # noqa: N802 - Twisted's name
        self.readers.append(reader)

    def removeReader(self, reader):  # noqa: N802 - Twisted's name
        self.readers.remove(reader)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal where somebody types: its other side and this one."""
    ours, theirs = pty.openpty()
    monkeypatch.setattr(keys_module, "_standard_input", lambda: theirs)
    yield SimpleNamespace(ours=ours, theirs=theirs)
    for number in (ours, theirs):
        try:
            os.close(number)
        except OSError:  # closed by the test
            continue


def local_flags(number):
    return termios.tcgetattr(number)[3]


def test_a_key_does_what_it_is_for(terminal):
    """In any case, without Enter, and others do nothing."""
    done, reactor = [], Reactor()
    with Keys(
        reactor, {"l": lambda: done.append("load"), "k": lambda: done.append("kill")}
    ) as keys:
        assert keys.there
        assert reactor.readers == [keys]
        assert keys.fileno() == terminal.theirs
        assert keys.logPrefix() == "keys"
        os.write(terminal.ours, b"Lx\xffk")
        keys.doRead()
    assert done == ["load", "kill"]
    assert reactor.readers == []


def test_the_terminal_is_left_as_it_was(terminal):
    """Meanwhile Ctrl-C is what it always is, and nothing waits for Enter."""
    before = local_flags(terminal.theirs)
    assert before & termios.ICANON
    with Keys(Reactor(), {}):
        meanwhile = local_flags(terminal.theirs)
        assert not meanwhile & termios.ICANON
        assert meanwhile & termios.ISIG
    assert local_flags(terminal.theirs) == before


def test_a_terminal_that_has_gone_is_read_no_more(terminal, monkeypatch):
    """The trial goes on without it."""
    reactor = Reactor()
    monkeypatch.setattr(termios, "tcsetattr", lambda *_: None)

    def gone(*_):
        raise OSError

    with Keys(reactor, {}) as keys:
        assert keys.fileno() == terminal.theirs
        monkeypatch.setattr(keys_module.os, "read", gone)
        keys.doRead()
        assert reactor.readers == []
        keys.connectionLost(None)


def test_without_a_terminal_there_are_no_keys(monkeypatch):
    """Such as in the background, or where standard input is a file."""
    with open(os.devnull) as nothing:  # noqa: PTH123 - not a path of ours
        for stdin in (nothing, None, SimpleNamespace(fileno=lambda: -1)):
            monkeypatch.setattr(sys, "stdin", stdin)
            reactor = Reactor()
            with Keys(reactor, {}) as keys:
                assert not keys.there
                assert keys.fileno() == -1
            assert reactor.readers == []
