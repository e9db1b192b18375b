"""The pools of several targets in memory, and clients that routes give to them."""

from __future__ import annotations

from twisted.internet.task import Clock

from proxy.config.pool import ConnectionPoolConfig
from proxy.credentials.static import StaticSource
from proxy.observe.log import get_logger
from proxy.pool.accounts import Accounts
from proxy.pool.pool import TargetPool
from proxy.pool.route import Route
from tests.support.borrow import BARE, KEY, Waiting
from tests.support.memory import USERS
from tests.support.servers import Servers, memory_dialer


class Group:
    """Some targets on one clock, each with its pool."""

    def __init__(self, count=3, **limits):
        self.clock = Clock()
        self.clock.advance(1000.0)
        limits.setdefault("max_connections", 2)
        self.pools = [self.pool(**limits) for _ in range(count)]

    def pool(self, **limits):
        """The pool of another target."""
        dialer = memory_dialer(self.clock, Servers(self.clock))
        accounts = Accounts(StaticSource(USERS))
        config = ConnectionPoolConfig(**limits)
        return TargetPool(self.clock, dialer, config, accounts, get_logger())

    def run(self, seconds=0.0):
        """Let time pass, and everything happen that is due."""
        self.clock.advance(seconds)
        for _ in range(100):
            self.clock.advance(0)

    def route(self, *shares):
        """A route over the first pools, with these shares."""
        route = Route(self.pools[0])
        route.serve_by(dict(zip(self.pools, shares or (1.0,), strict=False)))
        return route


class Guest(Waiting):
    """A client of a route."""

    def __init__(self, route, **more):
        super().__init__(**more)
        self.pool = route.attach(self)

    def borrow(self):
        """Wait for a lease where it is served by now."""
        self.waiter = self.pool.wait(KEY, BARE, self)
        return self


def guests(route, count):
    """Several clients."""
    return [Guest(route) for _ in range(count)]


def counts(route, group):
    """How many clients each pool has."""
    return [route.served_by(pool) for pool in group.pools]
