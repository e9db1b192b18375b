"""Workers without processes."""

from __future__ import annotations

import json
import socket

from twisted.internet.defer import Deferred

from proxy.service.supervising.member import Member


class Process:
    """What `subprocess.Popen` would give.

    Attributes:
        status: How it has ended; None while it runs.
    """

    def __init__(self, pid):
        self.pid = pid
        self.status = None

    def poll(self):
        return self.status

    def kill(self):
        if self.status is None:
            self.status = -9


class Said:
    """A link to nobody.

    Attributes:
        said: What was told.
        handlers: What is done when something is heard.
    """

    def __init__(self):
        self.said = []
        self.handlers = {}
        self.is_open = True
        self.on_lost = lambda: None

    def on(self, what, handler):
        self.handlers[what] = handler

    def tell(self, what, handles=(), **more):
        self.said.append((what, more, len([*handles])))

    def hear(self, what, sockets=(), **more):
        """The worker says something."""
        return self.handlers[what]({"what": what, **more}, [*sockets])

    def close(self):
        self.is_open = False

    def whats(self):
        """What was told, by name only."""
        return [what for what, _, _ in self.said]


class Pinged(Said):
    """A link whose other end answers when the test wants it to.

    Attributes:
        asked: The answers that are awaited, or have been.
        patience: For how long, in seconds.
    """

    def __init__(self):
        super().__init__()
        self.asked = []
        self.patience = []

    def ask(self, _what, *, seconds):
        self.asked.append(Deferred())
        self.patience.append(seconds)
        return self.asked[-1]


def make_member(number=1, pid=None):
    """A worker that is there, and the other end of its door."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    member = Member(Process(pid or 1000 + number), Said(), ours, number)
    return member, theirs


def receive(door):
    """What has come through a door: what is said, and the connection."""
    packet, handles, _, _ = socket.recv_fds(door, 4096, 1)
    return json.loads(packet), socket.socket(fileno=handles[0])


class Staffed:
    """A staff of some members.

    Attributes:
        members: Those that serve.
        doors: The other ends, by member.
    """

    def __init__(self, size=2):
        self.doors = {}
        self.members = []
        self.on_joining, self.on_ready, self.on_left = [], [], []
        self.dismissed = []
        self.closed = False
        for number in range(1, size + 1):
            member, door = make_member(number)
            member.is_ready = member.is_there = True
            self.members.append(member)
            self.doors[member] = door

    @property
    def joined(self):
        return [*self.members]

    def tell(self, what, **more):
        for member in self.members:
            member.link.tell(what, **more)

    def join_all(self):
        """Have everybody introduced to whoever wants to know."""
        for member in self.members:
            for call in self.on_joining:
                call(member)

    def lose(self, member):
        """A worker has gone."""
        self.members.remove(member)
        member.is_ready = False
        for call in self.on_left:
            call(member)

    def dismiss(self, member, why):
        self.dismissed.append((member, why))

    def close(self):
        self.closed = True

    def end(self):
        """Close everything."""
        for member, door in self.doors.items():
            member.door.close()
            door.close()
