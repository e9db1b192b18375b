"""Tests of `proxy.net.reactor`."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE
from twisted.logger import capturedLogs

from proxy.net.reactor import Reactor


class Selectable:
    """One end of a pair of sockets, with something to read."""

    def __init__(self, act=lambda: None):
        self.mine, self.other = socket.socketpair()
        self.act = act
        self.reads = self.writes = 0
        self.lost = None

    def fileno(self):
        return self.mine.fileno()

    def logPrefix(self):  # noqa: N802 - Twisted's name
        return "selectable"

    def doRead(self):  # noqa: N802 - Twisted's name
        self.reads += 1
        self.mine.recv(100)
        return self.act()

    def doWrite(self):  # noqa: N802 - Twisted's name
        self.writes += 1

    def connectionLost(self, reason):  # noqa: N802 - Twisted's name
        self.lost = reason.value

    def close(self):
        self.mine.close()
        self.other.close()


@pytest.fixture
def reactor():
    """One that is not this process's."""
    own = Reactor()
    yield own
    for reader in own.getReaders():
        if isinstance(reader, Selectable):
            reader.close()
    own.waker.connectionLost(None)
    own._poller.close()


def test_what_can_be_read_is_read(reactor):
    """Once for each event."""
    one = Selectable()
    reactor.addReader(one)
    one.other.send(b"x")
    reactor.doPoll(1)
    reactor.doPoll(0)
    assert (one.reads, one.lost) == (1, None)


def test_an_end_is_told(reactor):
    """What reading says of it is the reason, and nothing is read any more."""
    one = Selectable(lambda: CONNECTION_DONE)
    reactor.addReader(one)
    one.other.send(b"x")
    reactor.doPoll(1)
    assert isinstance(one.lost, ConnectionDone)
    assert one not in reactor.getReaders()
    one.close()


def test_a_mistake_costs_its_own_connection_only(reactor):
    """It is logged, and others go on."""

    def mistaken():
        raise ValueError("a mistake")

    bad, good = Selectable(mistaken), Selectable()
    for one in (bad, good):
        reactor.addReader(one)
        one.other.send(b"x")
    with capturedLogs() as logged:
        reactor.doPoll(1)
    assert [str(entry["failure"].value) for entry in logged] == ["a mistake"]
    assert str(bad.lost) == "a mistake"
    assert (good.reads, good.lost) == (1, None)
    bad.close()


def test_who_was_closed_by_another_is_not_read(reactor):
    """Both had something to read at first."""
    two = []

    def close_the_other():
        for one in two:
            if not one.reads:
                reactor.removeReader(one)

    two += [Selectable(close_the_other), Selectable(close_the_other)]
    for one in two:
        reactor.addReader(one)
        one.other.send(b"x")
    reactor.doPoll(1)
    assert sum(one.reads for one in two) == 1
    for one in two:
        reactor.removeReader(one)
        one.close()


def test_writing_goes_twisteds_way(reactor):
    """So does whatever is not just something to read."""
    one = Selectable()
    reactor.addReader(one)
    reactor.addWriter(one)
    one.other.send(b"x")
    reactor.doPoll(1)
    assert (one.reads, one.writes) == (1, 1)


def test_a_reactor_that_is_there_stays():
    """Twistd may have been told which one to use."""
    program = (
        "from twisted.internet import pollreactor; pollreactor.install();"
        "from proxy.net.reactor import install; install();"
        "from twisted.internet import reactor; print(type(reactor).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "PollReactor"
