"""Tests of `proxy.net.shell`, most of them over pairs of real sockets that nobody else uses."""

# ruff: noqa: ARG005, N802 - doubles have the names and arguments of what they stand for

import socket
import struct

import pytest
from twisted.internet import unix
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from proxy.dialogue.client import ClientDialogue
from proxy.net.client import ClientProtocol
from proxy.net.shell import READ_BYTES, SMALL_READS, STALLED_BYTES, Shell
from proxy.wire.greeting import Greeting
from tests.support.joined import Reactor, fill, joined
from tests.support.servers import Wire

GREETING = Greeting("8.0.0", 1, bytes(range(1, 21)), 0xFFFFFF, 45, 2, "mysql_native_password")


class Owner:
    """Notes what it is told."""

    def __init__(self):
        self.reasons = []

    def connection_ended(self, why):
        self.reasons.append(why)


def recorder():
    """Make a shell whose owner notes what it is told."""
    shell = ClientProtocol(lambda protocol: None)
    shell.owner = Owner()
    return shell


class Flow:
    """A transport that notes when it is stopped."""

    def __init__(self):
        self.calls = []

    def pauseProducing(self):
        self.calls.append("pause")

    def resumeProducing(self):
        self.calls.append("resume")


def source_of_bytes():
    """Make a shell whose bytes go to another one, and its transport."""
    source = recorder()
    source.transport = Flow()
    return source, source.transport


@pytest.fixture
def tcp_shell():
    """A shell on one end of a TCP connection, the other end, and the reactor."""
    shell = recorder()
    with joined(shell) as (peer, reactor):
        yield shell, peer, reactor


def test_a_write_goes_out_without_the_reactor(tcp_shell):
    """What the socket takes is with the peer before the reactor has had a turn."""
    shell, peer, reactor = tcp_shell
    assert shell.write(b"hello")
    assert peer.recv(100) == b"hello"
    assert not reactor.writers
    assert not shell.has_unsent


def test_what_the_socket_does_not_take_is_queued_in_order(tcp_shell):
    """Nothing overtakes what is queued, and all of it arrives."""
    shell, peer, reactor = tcp_shell
    total = fill(shell)
    assert shell.has_unsent
    assert not shell.write(b"end")
    received = bytearray()
    peer.setblocking(False)
    while len(received) < total + 3:
        reactor.turn()
        try:
            received += peer.recv(1 << 20)
        except BlockingIOError:
            continue
    assert received.endswith(b"\x00end")
    assert not shell.has_unsent


def test_a_unix_socket_is_written_eagerly_too():
    """The same short way out holds on unix sockets."""
    reactor = Reactor()
    ours, peer = socket.socketpair(socket.AF_UNIX)
    with peer:
        ours.setblocking(False)
        shell = recorder()
        transport = unix.Server(ours, shell, None, None, 1, reactor)
        shell.makeConnection(transport)
        assert shell.write(b"hello")
        assert peer.recv(100) == b"hello"
        transport.connectionLost(Failure(ConnectionDone()))
    assert shell.lost


def test_a_write_to_a_peer_that_has_reset_is_no_error(tcp_shell):
    """The reactor ends the connection: a write of ours does not raise."""
    shell, peer, reactor = tcp_shell
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    for _ in range(3):
        shell.write(b"hello")
    reactor.turn()
    assert shell.lost
    shell.write(b"late")


def test_a_slow_reader_stops_its_source_and_frees_it_when_it_has_read(tcp_shell):
    """The source is read no further while its bytes wait, and read on when they are gone."""
    shell, peer, reactor = tcp_shell
    source, flow = source_of_bytes()
    written = 0
    while "pause" not in flow.calls:
        shell.write_from(source, bytes(1 << 20))
        written += 1 << 20
        assert written < 1 << 26
    while reactor.writers:
        assert peer.recv(1 << 20)
        reactor.turn()
    assert flow.calls == ["pause", "resume"]
    shell.end_flow()
    assert flow.calls == ["pause", "resume", "resume"]
    assert shell.transport.producer is None


def test_a_little_that_is_unsent_does_not_stop_the_source():
    """Below the limit of Twisted's own the source goes on."""
    shell, (source, flow) = recorder(), source_of_bytes()
    wire = Wire(Clock(), lambda data: None)
    wire.connect(shell)
    wire.stuck = True
    shell.write_from(source, bytes(STALLED_BYTES))
    assert flow.calls == []
    assert wire.producer is source
    shell.write_from(source, b"more")
    assert wire.producer is source


def test_a_fast_reader_has_no_source(tcp_shell):
    """What goes out whole needs no producer, and the end of the flow is nothing then."""
    shell, _, _ = tcp_shell
    source, flow = source_of_bytes()
    shell.write_from(source, b"hello")
    shell.end_flow()
    assert flow.calls == []
    assert shell.transport.producer is None


def test_a_source_is_read_on_when_its_reader_is_gone():
    """A backend that was stopped for a client is not left stopped when the client leaves."""
    clock = Clock()
    shell, (source, flow) = recorder(), source_of_bytes()
    wire = Wire(clock, lambda data: None)
    wire.connect(shell)
    wire.stuck = True
    shell.write_from(source, bytes(STALLED_BYTES + 1))
    wire.end()
    assert flow.calls == ["pause", "resume"]
    shell.write_from(source, b"late")
    assert flow.calls == ["pause", "resume"]


def test_a_shell_reads_on_only_while_it_is_connected():
    """Who is gone is neither paused nor resumed, and hears nothing of its consumer's end."""
    shell = recorder()
    wire = Wire(Clock(), lambda data: None)
    wire.connect(shell)
    shell.pauseProducing()
    assert wire.paused
    shell.resumeProducing()
    assert not wire.paused
    shell.stopProducing()
    wire.end()
    shell.pauseProducing()
    assert not wire.paused
    wire.paused = True
    shell.resumeProducing()
    assert wire.paused


def test_reads_grow_with_what_comes_and_shrink_again(tcp_shell):
    """A long result is read in few steps; small packets cost no large buffer for ever."""
    shell, peer, _ = tcp_shell
    shell.attach(ClientDialogue(GREETING, 1 << 20), shell.owner)
    asked, receive = [], shell._receive

    def noting(size):
        asked.append(size)
        return receive(size)

    shell._receive = noting
    peer.sendall(b"\0\0\1\1" + bytes(60_000))
    while shell.transport.doRead() is None and sum(asked) < 60_000:
        assert asked == list(READ_BYTES[: len(asked)])
    for _ in range(2 * SMALL_READS + 1):
        peer.sendall(b"x")
        assert shell.transport.doRead() is None
    assert asked[-1] == READ_BYTES[0]
    assert asked.count(READ_BYTES[2]) <= SMALL_READS + 1


def test_a_connection_with_nothing_unsent_is_closed_at_once(tcp_shell):
    """Without a turn of the reactor, and its owner hears of it once."""
    shell, peer, _ = tcp_shell
    shell.close()
    assert peer.recv(100) == b""
    assert shell.owner.reasons == ["the connection was closed"]


def test_a_connection_is_closed_after_what_is_unsent(tcp_shell):
    """Whoever is slow to read gets all of it."""
    shell, peer, reactor = tcp_shell
    total = fill(shell)
    shell.close()
    assert not shell.lost
    received = 0
    while data := peer.recv(1 << 20):
        received += len(data)
        reactor.turn()
    assert received == total
    assert shell.owner.reasons == ["the connection was closed"]


@pytest.mark.parametrize("unsent", [False, True])
def test_the_end_of_a_peer_is_the_end_of_the_connection(tcp_shell, unsent):
    """Also of what nobody will read any more."""
    shell, peer, _ = tcp_shell
    if unsent:
        fill(shell)
    peer.shutdown(socket.SHUT_WR)
    why = shell.transport.doRead()
    assert (why is None) is not unsent
    assert shell.lost is not unsent
    if unsent:
        assert isinstance(why, ConnectionDone)  # for the reactor, which ends what it wrote to


def test_a_connection_ends_after_what_is_unsent_or_at_once():
    """To hang up waits for the peer to read; to abort does not."""
    clock = Clock()
    polite, rude = recorder(), recorder()
    for shell in (polite, rude):
        wire = Wire(clock, lambda data: None)
        wire.connect(shell)
        wire.stuck = True
        shell.write(b"unread")
    polite.hang_up()
    rude.abort()
    clock.advance(0)
    assert not polite.lost
    assert rude.lost
    for shell in (rude, rude):
        shell.hang_up()
        shell.abort()
    clock.advance(0)
    assert len(rude.owner.reasons) == 1


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (ConnectionDone(), "the connection was closed"),
        (OSError("no route to it."), "no route to it"),
    ],
)
def test_the_log_is_told_why_a_connection_ended(reason, said):
    """The reason is a sentence without its full stop."""
    shell = recorder()
    wire = Wire(Clock(), lambda data: None)
    wire.connect(shell)
    wire.end(reason)
    assert shell.owner.reasons == [said]


def test_a_shell_must_say_what_follows_its_end():
    """A shell without an `ended`, `dataReceived` or `tls_failed` of its own is a mistake."""
    shell = Shell()
    with pytest.raises(NotImplementedError):
        shell.dataReceived(b"")
    with pytest.raises(NotImplementedError):
        shell.ended("why")
    with pytest.raises(NotImplementedError):
        shell.tls_failed("why")
