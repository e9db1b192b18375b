"""Two processes that are one: both ends of a link, joined in memory on a clock."""

from __future__ import annotations

import os

from proxy.observe.log import get_logger
from proxy.service.link import Link


class Wire:
    """The transport of one end: what is written arrives at the other when the clock turns.

    Attributes:
        other: The one at the other end.
        stuck: Nothing arrives there while this is so.
        sent: The bytes that were written.
        flushed: How often they were to go at once.
    """

    def __init__(self, clock, channel):
        self.clock = clock
        self.channel = channel
        self.other = self
        self.stuck = self.disconnecting = False
        self.sent = self.flushed = 0

    def write(self, data):
        self.sent += len(data)
        if not self.stuck:
            self.clock.callLater(0, self._arrive, data)

    def doWrite(self):  # noqa: N802 - Twisted's name
        self.flushed += 1

    def _arrive(self, data):
        if self.other.channel.is_open:
            self.other.channel.dataReceived(data)

    def sendFileDescriptor(self, handle):  # noqa: N802 - Twisted's name
        self.clock.callLater(0, self.other.channel.fileDescriptorReceived, os.dup(handle))

    def loseConnection(self):  # noqa: N802 - Twisted's name
        self.disconnecting = True
        self.clock.callLater(0, self.break_off)

    def break_off(self):
        """Either process dies."""
        for one in (self, self.other):
            if one.channel.is_open:
                one.channel.connectionLost()


def linked(clock):
    """Both ends of a link."""
    links = Link(clock, get_logger()), Link(clock, get_logger())
    ours, theirs = wires = [Wire(clock, link._channel) for link in links]
    ours.other, theirs.other = theirs, ours
    for wire in wires:
        wire.channel.makeConnection(wire)
    return links


def wire_of(link):
    """The transport of one end."""
    return link._channel.transport


def settle(clock):
    """Let everything arrive."""
    for _ in range(1000):
        if not clock.calls or clock.calls[0].getTime() > clock.seconds():
            return
        clock.advance(0)
    raise AssertionError("there is no end to it")


class Result:
    """What a coroutine comes to, once it has."""

    def __init__(self, deferred):
        self.deferred = deferred
        self.found, self.error = [], None
        deferred.addCallbacks(self.found.append, self._failed)

    def _failed(self, failure):
        self.error = failure.value

    @property
    def value(self):
        """What it has given."""
        assert self.error is None, self.error
        (value,) = self.found
        return value

    @property
    def is_there(self):
        """Whether it has come to an end."""
        return bool(self.found) or self.error is not None
