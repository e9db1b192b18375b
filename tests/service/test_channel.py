"""Tests of `proxy.service.channel`."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.service.channel import (
    MESSAGE_BYTES,
    Channel,
    ChannelBrokenError,
    Reader,
    encode,
    inode,
    receive_now,
)


@pytest.fixture
def pair():
    """Both ends of a channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(st.lists(st.integers(1, 40), max_size=9))
def test_messages_are_whole_however_their_bytes_come(sizes):
    """Any cut gives the same messages."""
    reader, found = Reader(), []
    with socket.socket() as passed:
        number = inode(passed.fileno())
        messages = [{"what": "ready", "pid": 7}, {"sockets": [number]}, {"what": "go"}]
        data = b"".join(map(encode, messages))
        reader.give(passed.detach())
        for size in [*sizes, len(data)]:
            reader.feed(data[:size])
            data = data[size:]
            while (one := reader.next()) is not None:
                found.append(one)
    assert [message for message, _ in found] == messages
    assert [len(sockets) for _, sockets in found] == [0, 1, 0]
    for _, sockets in found:
        for one in sockets:
            one.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x01{",
        b"\x00\x00\x00\x01\xff",
        b"\x00\x00\x00\x02[]",
        encode({"what": "client", "sockets": 1}),
        encode({"what": "client", "sockets": [[]]}),
        MESSAGE_BYTES.to_bytes(4, "big"),
    ],
)
def test_what_is_no_message_breaks_the_channel(data):
    """Nothing is guessed."""
    reader = Reader()
    reader.feed(data)
    with pytest.raises(ChannelBrokenError):
        reader.next()


def test_a_socket_that_is_missing_is_not_another_messages():
    """The kernel drops one in silence where there is no descriptor left for it."""
    reader = Reader()
    with socket.socket() as dropped, socket.socket() as passed:
        reader.give(os.dup(passed.fileno()))
        for one in (dropped, passed):
            reader.feed(encode({"sockets": [inode(one.fileno())]}))
        assert reader.next()[1] == []
        (found,) = reader.next()[1]
        with found:
            assert os.path.sameopenfile(found.fileno(), passed.fileno())


def test_sockets_that_nobody_takes_are_closed():
    """A channel that ends leaves no descriptor behind."""
    reader = Reader()
    handle = socket.socket().detach()
    reader.give(handle)
    reader.close()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(handle)


def test_the_first_message_is_waited_for_without_a_reactor(pair):
    """It has its sockets, which no child inherits."""
    ours, theirs = pair
    with socket.socket() as passed:
        handle = passed.fileno()
        message = {"what": "begin", "sockets": [inode(handle)]}
        socket.send_fds(ours, [encode(message)], [handle])
    message, (received,) = receive_now(theirs, 5)
    with received:
        assert message["what"] == "begin"
        assert not os.get_inheritable(received.fileno())


def test_a_process_before_that_has_died_is_not_waited_for(pair):
    """The end of the stream is an error."""
    ours, theirs = pair
    ours.close()
    with pytest.raises(ChannelBrokenError, match="has ended"):
        receive_now(theirs, 5)


def test_a_process_before_that_says_nothing_is_not_waited_for_without_end(pair):
    """There is a limit."""
    with pytest.raises(ChannelBrokenError, match="nothing comes"):
        receive_now(pair[1], 0.01)


class Transport:
    """Takes what a channel says."""

    def __init__(self):
        self.data, self.handles, self.closed, self.written = b"", [], False, 0

    @property
    def disconnecting(self):
        return self.closed

    def doWrite(self):  # noqa: N802 - Twisted's name
        self.written += 1

    def write(self, data):
        self.data += data

    def sendFileDescriptor(self, handle):  # noqa: N802 - Twisted's name
        self.handles.append(handle)

    def loseConnection(self):  # noqa: N802 - Twisted's name
        self.closed = True


@pytest.fixture
def stage():
    """A channel, and what it tells."""
    heard, lost = [], []
    channel = Channel(lambda *told: heard.append(told), lambda: lost.append(True))
    channel.makeConnection(Transport())
    return SimpleNamespace(channel=channel, heard=heard, lost=lost)


def test_a_message_goes_out_behind_its_sockets(stage):
    """The bytes say which they are."""
    with socket.socket() as one, socket.socket() as other:
        handles = [one.fileno(), other.fileno()]
        stage.channel.say("client", handles, number=3)
        assert stage.channel.transport.handles == handles
        message = {"what": "client", "sockets": [*map(inode, handles)], "number": 3}
        assert stage.channel.transport.data == encode(message)


def test_a_channel_can_be_flushed_until_it_is_closed(stage):
    """From then on the reactor alone may write, which closes it behind that."""
    stage.channel.flush()
    assert stage.channel.transport.written == 1
    stage.channel.close()
    stage.channel.flush()
    stage.channel.connectionLost()
    stage.channel.flush()
    assert stage.channel.transport.written == 1


def test_what_comes_is_told_with_its_sockets(stage):
    """They belong to whoever is told."""
    handle = socket.socket().detach()
    stage.channel.fileDescriptorReceived(handle)
    stage.channel.dataReceived(encode({"what": "client", "sockets": [inode(handle)]}))
    ((message, (received,)),) = stage.heard
    assert message["what"] == "client"
    received.close()


def test_nonsense_ends_the_channel(stage):
    """The other process hears of it by that."""
    stage.channel.dataReceived(b"\x00\x00\x00\x02[]")
    assert stage.channel.transport.closed
    assert stage.heard == []


def test_nothing_is_said_on_a_channel_that_has_ended(stage):
    """Its owner is told once, and need not ask before each word."""
    stage.channel.connectionLost()
    stage.channel.say("go")
    stage.channel.close()
    assert stage.lost == [True]
    assert not stage.channel.is_open
    assert stage.channel.transport.data == b""
    assert not stage.channel.transport.closed
