"""Tests of `proxy.service.handover.restart`."""

from __future__ import annotations

import errno
import os
import signal
import socket
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs
from twisted.internet import unix
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from proxy.front.proxy import ConnectionIds
from proxy.observe.log import get_logger
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import ChannelBrokenError, encode, receive_now
from proxy.service.handover import restart as module
from proxy.service.handover.departures import Departures
from proxy.service.handover.leaving import Leaving
from proxy.service.handover.restart import READY_SECONDS, HandedOver, HandOver
from proxy.service.ports import PortName
from tests.support.memory import Stage
from tests.support.moving import Adopting


class Own(Adopting):
    """A reactor that carries the channel."""

    transport = None

    def adoptStreamConnection(self, handle, _family, factory):  # noqa: N802 - Twisted's name
        self.transport = unix.Server._fromConnectedSocket(handle, factory, self)


class Ports:
    """The ports of a process: one, of which nothing is needed but its socket."""

    def __init__(self, listening):
        self.port = SimpleNamespace(socket=listening)
        self.closed = False
        self.until = None

    def __iter__(self):
        port = SimpleNamespace(name=PortName("shop", "main"), listen="tcp:0", port=self.port)
        return iter([port])

    async def close(self):
        self.closed = True
        if self.until is not None:
            await self.until


class PidFile:
    """Notes what is done with it."""

    def __init__(self):
        self.done = []

    def put_away(self):
        self.done.append("put away")

    def put_back(self):
        self.done.append("put back")

    def leave(self):
        self.done.append("left")


class Scene:
    """A process that is to be replaced, and its successor as far as it speaks."""

    def __init__(self, monkeypatch):
        self.stage, self.reactor = Stage(max_connections=1), Own()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.ports, self.pid_file = Ports(self.listening), PidFile()
        self.end, self.kills, self.done, self.objections = None, 0, [], ()
        monkeypatch.setattr(module, "spawn", self._spawn)
        self.one = HandOver(self.reactor, {"A": "b"}, self._what, get_logger())
        self.one.why_not = ""
        self.one.pid_file = self.pid_file
        self.one.on_successor = self.done.append

    def _spawn(self, _command, environ, end):
        assert environ == {"A": "b"}
        if self.end is not None:
            self.end.close()
        self.end = socket.socket(fileno=os.dup(end.fileno()))
        self.end.settimeout(10)
        return self

    def kill(self):
        self.kills += 1

    def wait(self):
        """As of a process."""

    def _what(self):
        async def close_admin():
            self.done.append("admin closed")

        return HandedOver(
            ports=self.ports,
            ids=ConnectionIds(7),
            close_admin=close_admin,
            leave=self.leave,
            objections=self.objections,
        )

    def leave(self, channel):
        """What sends the clients."""
        return Leaving(
            Departures(channel, self.reactor, get_logger()),
            channel.close,
            self.stage.clients,
            [self.stage.proxy],
            self.reactor,
            10.0,
            lambda: True,
            lambda: self.done.append("ended"),
            get_logger(),
        )

    def restart(self):
        """Ask for it; the Deferred, and what it failed with."""
        asked, refused = Deferred.fromCoroutine(self.one.restart()), []
        asked.addErrback(lambda failure: refused.append(str(failure.value)))
        self.reactor.turn()
        return asked, refused

    def say(self, what, **more):
        self.end.sendall(encode({"what": what, **more}))
        self.turn()

    def turn(self):
        transport = self.reactor.transport
        why = transport.doRead()
        if why is not None:
            transport.connectionLost(Failure(why))
        self.reactor.turn()

    def close(self):
        self.listening.close()
        if self.end is not None:
            self.end.close()
        transport = self.reactor.transport
        if transport is not None and transport.connected:
            transport.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def scene(monkeypatch):
    """The process, before anybody asks."""
    one = Scene(monkeypatch)
    yield one
    one.close()


def test_the_successor_takes_over_when_it_is_ready(scene):
    """Before that nothing is closed; afterwards everything that others could come in by."""
    asked, refused = scene.restart()
    message, (given,) = receive_now(scene.end, 10)
    with given:
        assert message["ports"] == [["shop", "main", "tcp:0"]]
        assert message["next_number"] == 7
        assert given.getsockname() == scene.listening.getsockname()
    assert not scene.ports.closed
    assert not asked.called
    scene.say("ready", pid=4711)
    assert asked.called
    assert refused == []
    assert scene.ports.closed
    assert scene.done == ["admin closed", 4711]
    assert scene.one.is_done
    assert scene.pid_file.done == ["put away", "left"]
    assert receive_now(scene.end, 10)[0]["what"] == "go"
    scene.say("serving")
    scene.reactor.advance(1)
    assert scene.done[-1] == "ended"


def test_a_successor_that_says_why_it_cannot_is_given_up(scene):
    """The operator hears that, and everything is as before."""
    _, refused = scene.restart()
    scene.say("failed", why="line 3 makes no sense")
    assert refused == ["the new process cannot serve: line 3 makes no sense"]
    assert scene.kills == 1
    assert not scene.ports.closed
    assert scene.pid_file.done == ["put away", "put back"]
    first = scene.one._channel
    _, again = scene.restart()
    first.dataReceived(encode({"what": "failed", "why": "late"}))
    first.connectionLost()
    scene.say("ready", pid=2)
    assert again == []


def test_a_successor_that_dies_is_given_up(scene):
    """Without a word of why."""
    _, refused = scene.restart()
    scene.end.close()
    scene.turn()
    (why,) = refused
    assert "ended before it could serve" in why


def test_a_successor_that_is_not_ready_in_time_is_given_up(scene):
    """It is killed; if it was only slow, it ends as its channel does."""
    _, refused = scene.restart()
    scene.reactor.advance(READY_SECONDS)
    assert refused == ["the new process was not ready within 60 seconds"]
    assert scene.kills == 1


def test_a_program_that_cannot_be_started_is_told(scene, monkeypatch):
    """Such as one that was taken away."""

    def spawn(*_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(module, "spawn", spawn)
    _, refused = scene.restart()
    assert "cannot be started: No such file" in refused[0]
    assert scene.pid_file.done == ["put away", "put back"]


def test_one_at_a_time(scene):
    """A second request is refused, while the first goes on and afterwards."""
    scene.restart()
    assert scene.restart()[1] == ["a new process is being started already"]
    assert repr(scene.one) == "<HandOver under way>"
    scene.say("ready", pid=3)
    assert scene.restart()[1] == ["process 3 is the service already"]


def test_a_process_that_stops_or_cannot_is_not_replaced(scene):
    """It says which."""
    scene.objections = ("it is paused",)
    assert scene.restart()[1] == ["it is paused"]
    scene.one.waits = True
    assert scene.restart()[1] == ["this process has not taken over yet itself"]
    scene.one.why_not = "it is only a trial"
    assert scene.restart()[1] == ["it is only a trial"]
    assert repr(scene.one) == "<HandOver not>"
    scene.one.why_not, scene.one.waits = "", False
    scene.one.stop()
    assert scene.restart()[1] == ["the proxy stops"]


def test_an_order_that_is_given_meanwhile_gives_the_successor_up(scene):
    """It knows nothing of that: a proxy that was paused would go on."""
    _, refused = scene.restart()
    assert scene.one.is_under_way
    scene.objections = ("it is paused",)
    scene.say("ready", pid=3)
    assert refused == ["it is paused"]
    assert scene.kills == 1
    assert not scene.ports.closed
    assert not scene.one.is_under_way
    assert not scene.one.is_done


@pytest.mark.parametrize("where", ["socketpair", "adopt"])
def test_a_process_without_descriptors_is_not_replaced(scene, monkeypatch, where):
    """It has said why, and can be asked again."""

    def fail(*given):
        for one in given[1:2]:  # the end of the channel that `adopt` closes in any case
            one.close()
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as lacking:
        lacking.setattr(module if where == "adopt" else socket, where, fail)
        _, refused = scene.restart()
    assert refused == ["there is no channel to a new process: Too many open files"]
    assert scene.pid_file.done == []
    scene.restart()
    assert scene.end is not None


def test_a_process_that_stops_while_its_ports_close_says_no_more(scene):
    """The new process ends with it, as nobody told it to go."""
    scene.ports.until = Deferred()
    asked, _ = scene.restart()
    with receive_now(scene.end, 10)[1][0]:
        scene.say("ready", pid=3)
    scene.one.stop()
    scene.ports.until.callback(None)
    scene.reactor.turn()
    assert asked.called
    assert scene.done == ["admin closed"]
    with pytest.raises(ChannelBrokenError):
        receive_now(scene.end, 10)


def test_a_process_that_stops_meanwhile_gives_the_successor_up(scene):
    """Nobody takes over from who ends."""
    _, refused = scene.restart()
    scene.one.stop()
    assert refused == ["the proxy stops"]


def test_a_process_that_stops_afterwards_leaves_all_to_the_successor(scene):
    """It sends nobody more."""
    scene.restart()
    scene.say("ready", pid=3)
    scene.one.stop()
    scene.one.stop()
    assert scene.done == ["admin closed", 3]
    assert not scene.one.is_awaited


def test_what_the_successor_says_of_clients_is_heard_only_afterwards(scene):
    """Before that there are none of its."""
    scene.restart()
    scene.say("taken", number=1)
    scene.say("ready", pid=3)
    scene.say("taken", number=1)
    assert scene.one.is_done


def test_sigusr2_asks_for_it(scene, monkeypatch):
    """A refusal is in the log only."""
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    scene.one.obey()
    handlers[signal.SIGUSR2](signal.SIGUSR2, None)
    assert scene.end is not None
    handlers[signal.SIGUSR2](signal.SIGUSR2, None)


def test_a_mistake_after_a_signal_is_logged(scene):
    """There is nobody else to tell."""
    with capture_logs() as lines:
        scene.one._failed(Failure(ZeroDivisionError()))
        scene.one._failed(Failure(OperationRefusedError("no")))
    assert [line["event"] for line in lines] == ["a mistake while handing over"]
