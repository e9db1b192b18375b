"""A group whose steward is in a supervisor, and whose clients are with workers, in memory.

What the two tell each other goes through JSON, and arrives when the clock is asked next.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

from twisted.internet.defer import Deferred, maybeDeferred

from proxy.failover.course import Course
from proxy.failover.obeying import Obeying
from proxy.pool.board import Board
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.service.link import LinkLostError
from proxy.service.seats.directed import Directed
from proxy.service.supervising.directing import Directing
from proxy.vocabulary import Role
from tests.support.group import Group

SECOND = 1.0


class MemoryLink:
    """One end of a link; `MemoryLink.pair` makes both.

    Attributes:
        said: What was said at this end, in order.
        is_open: Whether the other end hears it.
    """

    def __init__(self, clock):
        self._clock = clock
        self._handlers = {}
        self.peer = None
        self.is_open = True
        self.said = []

    @classmethod
    def pair(cls, clock):
        """Two ends."""
        one, other = cls(clock), cls(clock)
        one.peer, other.peer = other, one
        return one, other

    def on(self, what, handler):
        """See `Link`."""
        self._handlers[what] = handler

    def tell(self, what, **more):
        """See `Link`."""
        message = json.loads(json.dumps({"what": what, **more}))
        self.said.append(message)
        self._clock.callLater(0, self.peer.hear, message)

    async def ask(self, what, *, seconds=30.0, **more):
        """See `Link`."""
        del seconds
        if not self.is_open:
            raise LinkLostError("gone")
        message = json.loads(json.dumps({"what": what, **more}))
        self.said.append(message)
        answer = Deferred()
        self._clock.callLater(0, self.peer.answer, message, answer)
        return await answer

    def hear(self, message):
        """Have a message dealt with."""
        if self.is_open:
            self._handlers[message["what"]](message, [])

    def answer(self, message, answer):
        """Have a question dealt with."""
        work = maybeDeferred(self._handlers[message["what"]], message, [])
        work.addCallbacks(lambda given: self._clock.callLater(0, answer.callback, given))

    def close(self):
        """Say and hear nothing more."""
        self.is_open = self.peer.is_open = False


class Part:
    """A worker: its pools, its routes, and what obeys."""

    def __init__(self, group, number, pools, routes):
        ours, theirs = MemoryLink.pair(group.clock)
        self.member = SimpleNamespace(number=number, link=ours)
        self.link = theirs
        self.directed = Directed(theirs, number, group.board)
        self.pools, self.routes = pools, routes
        self.obeying = Obeying("shop", pools, routes, group.clock, theirs.tell)


class StaffedGroup(Group):
    """See the module; the clients of `Group` are with the first worker.

    Attributes:
        course: What is decided.
        directing: What tells it.
        parts: The workers.
    """

    def __init__(self, *names, workers=1, **settings):
        self._size = workers
        super().__init__(*names, **settings)

    def _steward(self, pools, routes):
        self.board = Board.make()
        self.directing = Directing(self._tell)
        target = self.config.targets[0]
        self.course = Course("shop", target, self.clock)
        if routes[Role.READ_ONLY].own_writes is not None:
            self.course.readers.own_writes = self.course.own_writes()
        self.parts = [Part(self, 1, pools, routes)]
        for number in range(2, self._size + 1):
            self.add_part(number)
        steward = super()._steward(self.course.pools, self.course.routes)
        self.course.on_trouble = steward.trouble
        start = steward.start

        def begin():
            start()
            if not self.course.is_told:
                self.directing.begin(self.course)
                for part in self.parts:
                    self.join(part)
                self._second()

        steward.start = begin
        return steward

    def add_part(self, number):
        """One more worker, which has not joined."""
        pools = Pools(self._pool)
        first = pools.get(self.config.targets[0])
        routes = {role: Route(first) for role in Role}
        routes[Role.READ_ONLY].takes_writes = False
        self.parts.append(Part(self, number, pools, routes))
        return self.parts[-1]

    def join(self, part):
        """Let a worker begin."""
        self.directing.join(part.member)
        part.directed.begin(part.obeying)

    def leave(self, part):
        """Let a worker die."""
        part.link.close()
        self.directing.leave(part.member)
        self.parts.remove(part)
        part.obeying.stop()
        part.pools.stop()

    def _tell(self, what, **more):
        for part in self.parts:
            if part.link.is_open:
                part.member.link.tell(what, **more)

    def _second(self):
        for part in self.parts:
            part.pools.sweep()
            part.obeying.report()
        self.course.sweep()
        self._timer = self.clock.callLater(SECOND, self._second)

    def pool(self, name):
        """The pool of a target in the first worker."""
        pool = self.pools.by_address()[self.post(name).name]
        assert isinstance(pool, TargetPool)
        return pool

    @property
    def readers(self):
        """The names of those that serve reads, in the first worker."""
        serving = self.routes[Role.READ_ONLY].pools
        found = self.pools.by_address().items()
        return {name.partition(":")[0] for name, pool in found if pool in serving}

    def stop(self):
        """See `Group`."""
        for part in self.parts:
            part.pools.close()
            part.pools.stop()
            part.obeying.stop()
        self._timer.cancel()
        self.directing.end(self.course)
        super().stop()
