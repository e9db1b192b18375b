"""Tests of `proxy.net.reactor`."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
from twisted.internet.error import ConnectionDone, ReactorNotRunning
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
        self.close()

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


def run(reactor, limit=5):
    """Run it until somebody stops it; the limit is for a test that fails."""
    failed = []

    def give_up():
        failed.append(True)
        reactor.stop()

    timer = reactor.callLater(limit, give_up)
    reactor.run(installSignalHandlers=False)
    assert not failed, "nothing stopped the reactor"
    if timer.active():
        timer.cancel()


def test_timers_run_while_nothing_is_to_be_read(reactor):
    """In their order, also those that timers set."""
    times = []

    def second():
        times.append("second")
        reactor.callLater(0, reactor.stop)

    reactor.callLater(0.02, second)
    reactor.callLater(0.01, times.append, "first")
    run(reactor)
    assert times == ["first", "second"]


def test_events_do_not_put_off_what_else_is_due(reactor):
    """A connection that is never silent keeps no timer from its turn, nor one set meanwhile."""
    times = []

    def again():
        one.other.send(b"x")
        if one.reads == 10:
            reactor.callLater(0.01, times.append, "set meanwhile")
            reactor.callLater(0.02, reactor.stop)

    one = Selectable(again)
    reactor.addReader(one)
    reactor.callLater(0, times.append, "set before")
    one.other.send(b"x")
    run(reactor)
    assert times == ["set before", "set meanwhile"]
    assert one.reads > 10


def test_a_timer_that_is_put_forward_is_not_late(reactor):
    """The wait for the next timer ends earlier then."""
    one = Selectable(lambda: far.reset(0))
    reactor.addReader(one)
    far = reactor.callLater(60, reactor.stop)
    one.other.send(b"x")
    run(reactor)
    assert one.reads == 1


def test_a_thread_is_heard_at_once(reactor):
    """Its call runs although the reactor waits for something far away."""
    thread = threading.Timer(0.05, reactor.callFromThread, [reactor.stop])
    thread.start()
    run(reactor)
    thread.join()


def test_it_ends_when_it_is_stopped_or_crashes(reactor):
    """By what an event brought."""
    one = Selectable(reactor.crash)
    reactor.addReader(one)
    one.other.send(b"x")
    reactor.run(installSignalHandlers=False)
    assert one.reads == 1


def test_who_is_told_twice_to_stop_stops_once(reactor):
    """A signal comes when it comes; before the begin there is nothing to stop."""
    with pytest.raises(ReactorNotRunning):
        reactor.stop()
    reactor.addSystemEventTrigger("before", "shutdown", reactor.stop)
    reactor.callLater(0, reactor.stop)
    reactor.run(installSignalHandlers=False)


def test_a_mistake_of_a_timer_is_logged_and_others_go_on(reactor):
    """The loop does not end by it."""

    def mistaken():
        raise ValueError("a mistake")

    reactor.callLater(0, mistaken)
    reactor.callLater(0.01, reactor.stop)
    with capturedLogs() as logged:
        run(reactor)
    failures = [entry["log_failure"].value for entry in logged if "log_failure" in entry]
    assert [str(failure) for failure in failures] == ["a mistake"]


def test_a_mistake_in_the_loop_itself_is_logged_and_it_goes_on(reactor, monkeypatch):
    """Whatever it is: the clients that are there are served on."""
    timeout = reactor.timeout

    def mistaken():
        monkeypatch.setattr(reactor, "timeout", timeout)
        raise ValueError("a mistake")

    monkeypatch.setattr(reactor, "timeout", mistaken)
    reactor.callLater(0.01, reactor.stop)
    with capturedLogs() as logged:
        run(reactor)
    failures = [entry["log_failure"].value for entry in logged if "log_failure" in entry]
    assert [str(failure) for failure in failures] == ["a mistake"]


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
