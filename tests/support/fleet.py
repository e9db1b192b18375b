"""Workers in memory that share the connections to one target, and clients that use them."""

from __future__ import annotations

import json

from twisted.internet.task import Clock

from proxy.config.pool import ConnectionPoolConfig
from proxy.credentials.static import StaticSource
from proxy.observe.log import get_logger
from proxy.policy.lease import Place
from proxy.pool.accounts import Accounts
from proxy.pool.pool import TargetPool
from proxy.service.seats.pool_shares import PoolShares
from proxy.service.supervising.budget import Budget
from tests.support.borrow import BARE, KEY
from tests.support.memory import USERS, make_config
from tests.support.servers import Servers, memory_dialer

TARGET = "db:3306"
TURN_SECONDS = 0.005
"""How exactly time passes: as often as this everything happens that is due."""


class MemoryLink:
    """One end of a link; what is said arrives a turn later, as the JSON that it is.

    Attributes:
        said: All that was said at this end: what, and the rest.
    """

    def __init__(self, clock):
        self.clock, self.handlers, self.said, self.is_open = clock, {}, [], True
        self.other = None

    def on(self, what, handler):
        self.handlers[what] = handler

    def tell(self, what, **more):
        self.said.append((what, more))
        text = json.dumps({"what": what, **more})
        if self.is_open and self.other is not None:
            self.clock.callLater(0, self.other.hear, text)

    def hear(self, text):
        message = json.loads(text)
        if self.is_open:
            self.handlers[message["what"]](message, [])


def link_pair(clock):
    """Both ends."""
    one, other = MemoryLink(clock), MemoryLink(clock)
    one.other, other.other = other, one
    return one, other


class FleetWorker:
    """A worker, as the supervisor and as its own process have it.

    Attributes:
        link: The supervisor's end.
    """

    def __init__(self, fleet):
        self.fleet = fleet
        self.link, own = link_pair(fleet.clock)
        fleet.budget.join(self)
        self.shares = PoolShares(own, fleet.clock)
        self.pool = self.make_pool()

    def make_pool(self, target=TARGET):
        """Another pool."""
        fleet = self.fleet
        dialer = memory_dialer(fleet.clock, fleet.servers)
        accounts = Accounts(StaticSource(USERS))
        pool = TargetPool(fleet.clock, dialer, fleet.config, accounts, get_logger())
        self.shares.attach(pool, "shop", target)
        return pool

    @property
    def ledger(self):
        return self.pool.ledger

    def dies(self, *, connections=True):
        """The process is killed; its connections are closed at once, or the server's yet."""
        self.link.is_open = self.link.other.is_open = False
        self.fleet.budget.leave(self)
        self.fleet.workers.remove(self)
        if connections:
            self.pool.stop()

    def borrow(self, key=KEY):
        """Somebody who waits for a lease."""
        return Loop(self, key=key)

    def busy(self, count, seconds=0.01, think=0.0):
        """Clients that run one statement after another."""
        return [Loop(self, seconds, think).start() for _ in range(count)]


class Loop:
    """A client that borrows, works for some time, gives back, and does it again.

    Attributes:
        done: How many statements are.
        waits: How long each had to wait, in seconds.
    """

    def __init__(self, worker, seconds=None, think=0.0, key=KEY):
        self.worker, self.pool = worker, worker.pool
        self.seconds, self.think, self.key = seconds, think, key
        self.done, self.waits, self.replies = 0, [], []
        self.lease, self.stopped = None, False
        self.number = None
        if seconds is None:
            self.ask()

    def start(self):
        self.worker.fleet.clock.callLater(0, self.ask)
        return self

    def ask(self):
        self.asked = self.pool.clock.seconds()
        if not self.stopped:
            self.lease = self.pool.take(self.key, BARE)
            if self.lease is not None:
                self.lent(self.lease)
            else:
                self.pool.wait(self.key, BARE, self)

    def lent(self, lease):
        self.lease, lease.holder = lease, self
        self.waits.append(self.pool.clock.seconds() - self.asked)
        if self.seconds is not None:
            self.pool.clock.callLater(self.seconds, self.end)

    def end(self):
        """The statement is done."""
        if self.lease.place is Place.LENT:
            self.done += 1
            self.pool.give_back(self.lease, BARE)
            if self.seconds is not None:
                self.pool.clock.callLater(self.think, self.ask)

    def refused(self, reply):
        self.replies.append(reply)

    def lease_lost(self, why):
        self.replies.append(why)

    def called_back(self):
        self.pool.give_back(self.lease, BARE)


class Fleet:
    """See the module.

    Attributes:
        most: The most connections that the server has had at once.
    """

    def __init__(self, count=2, **limits):
        self.clock = Clock()
        self.clock.advance(1000.0)
        limits.setdefault("max_connections", 16)
        self.config = ConnectionPoolConfig(**limits)
        self.servers = Servers(self.clock)
        self.most = 0
        self.budget = Budget(self.clock, [make_config(self.config)])
        self.workers = []
        for _ in range(count):
            self.hire()

    def hire(self):
        """One more worker."""
        self.workers.append(FleetWorker(self))
        self.turn()
        return self.workers[-1]

    def reconfigure(self, **limits):
        """Other limits, for all."""
        self.config = ConnectionPoolConfig(**limits)
        for worker in self.workers:
            worker.pool.reconfigure(self.config)
        self.budget.reconfigure([make_config(self.config)])

    @property
    def connections(self):
        """How many the server has by now."""
        return sum(not one.gone for one in self.servers.backends)

    @property
    def logins(self):
        """How many there were."""
        return len(self.servers.backends)

    @property
    def totals(self):
        """How many connections each worker has."""
        return [worker.ledger.total for worker in self.workers]

    @property
    def shares(self):
        """What each worker may have, by its own book."""
        return [worker.ledger.limits.connections for worker in self.workers]

    def turn(self):
        for _ in range(1000):
            calls = self.clock.calls
            self.most = max(self.most, self.connections)
            if not calls or calls[0].getTime() > self.clock.seconds():
                return
            self.clock.advance(0)
        raise AssertionError("there is no end to it")

    def run(self, seconds=0.0):
        """Let time pass, with everything that happens meanwhile."""
        self.turn()
        for _ in range(round(seconds / TURN_SECONDS)):
            self.clock.advance(TURN_SECONDS)
            self.turn()

    def messages(self):
        """How much was said over all links."""
        links = (end for one in self.workers for end in (one.link, one.link.other))
        return sum(len(link.said) for link in links)


def rate(loops, fleet, seconds=1.0):
    """Statements a second of these clients from now on."""
    before = sum(loop.done for loop in loops)
    fleet.run(seconds)
    return (sum(loop.done for loop in loops) - before) / seconds


def longest(loops):
    """The longest wait of any of these clients, in seconds."""
    return max(wait for loop in loops for wait in loop.waits)
